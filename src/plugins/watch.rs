//! The watched directory: from a change in it to another set of plugins that
//! serves.
//!
//! The directory is watched and not its files, since files are replaced by
//! renames and links. Changes are waited out until they cease. Because mounted
//! volumes and swapped links lose events, the directory is also looked at every
//! two seconds; a look costs one `stat` a file. A directory that is not there
//! yet is waited for in the same way.
//!
//! All of it, compilation too, runs on one thread of its own: never on that of
//! a request.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind as Change, RecommendedWatcher, RecursiveMode, Watcher};

use super::built_in::BuiltIn;
use super::collection::Collection;
use super::directory::list;
use super::loader::{LoadError, Loader};
use super::registry::{PluginSet, Registry};

/// How long nothing must happen before the directory is looked at.
const QUIET: Duration = Duration::from_millis(20);

/// How long a directory that never comes to rest is waited for.
const RESTLESS: Duration = Duration::from_millis(500);

/// How often the directory is looked at when nothing was heard of it.
const RESCAN: Duration = Duration::from_secs(2);

/// Why the host of plugins did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The engine can't run on this machine.
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    /// No thread could be had.
    #[error("the thread that loads plugins can't start: {0}")]
    Thread(#[from] io::Error),
    /// A plugin of the server's own cannot serve as it is configured.
    #[error("the built-in plugin {plugin} can't be used: {error}")]
    BuiltIn {
        /// Its name.
        plugin: String,
        /// Why.
        error: LoadError,
    },
    /// The thread ended before it had looked at the directory.
    #[error("the thread that loads plugins ended early")]
    Ended,
}

enum Signal {
    Changed,
    Stop,
}

/// A directory of plugins under watch. Ends its thread when dropped.
#[derive(Debug)]
pub struct Watched {
    registry: Arc<Registry>,
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Loads the plugins of the server's own and what lies in `directory`, and
    /// watches that from then on. `cache` holds compiled code.
    ///
    /// Returns when every plugin that is there was loaded or refused: a server
    /// that starts to serve after this never serves a request before its
    /// plugins are asked.
    ///
    /// # Errors
    /// Only if there can be no plugins at all. A plugin that can't be loaded,
    /// or a directory that is not there, is a line in the log.
    pub fn start(
        directory: Option<&Path>,
        built_in: Vec<BuiltIn>,
        cache: &Path,
    ) -> Result<Self, WatchError> {
        let loader =
            Loader::new(cache).map_err(|error| WatchError::Engine(format!("{error:#}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let registry = Arc::new(Registry::default());
        let (signals, inbox) = channel();
        let mut watch = Watch {
            directory: directory.map(Path::to_owned),
            collection: Collection::new(loader),
            registry: Arc::clone(&registry),
            runtime,
            observer: Observer::new(signals.clone()),
            trouble: None,
        };
        watch.load_built_in(built_in)?;
        let (ready, first_look) = channel();
        let thread = std::thread::Builder::new()
            .name("plugin-loader".to_owned())
            .spawn(move || watch.run(&inbox, ready))?;
        first_look.recv().map_err(|_| WatchError::Ended)?;
        Ok(Self {
            registry,
            signals,
            thread: Some(thread),
        })
    }

    /// The plugins that serve.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.signals.send(Signal::Stop).is_err() {
            tracing::error!("the thread that loads plugins had ended before the server");
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that loads plugins panicked");
        }
    }
}

/// The names under which they serve: the sink's, and from the second of a kind on
/// with a number, such as `http-2`.
fn named(built_in: Vec<BuiltIn>) -> Vec<(String, BuiltIn)> {
    let mut named: Vec<(String, BuiltIn)> = Vec::with_capacity(built_in.len());
    for one in built_in {
        let before = named.iter().filter(|(_, other)| other.sink == one.sink);
        let name = match before.count() {
            0 => one.sink.name().to_owned(),
            before => format!("{}-{}", one.sink.name(), before + 1),
        };
        named.push((name, one));
    }
    named
}

struct Watch {
    directory: Option<PathBuf>,
    collection: Collection,
    registry: Arc<Registry>,
    runtime: tokio::runtime::Runtime,
    observer: Observer,
    /// What was wrong with the directory at the last look, said once.
    trouble: Option<io::ErrorKind>,
}

impl Watch {
    /// They serve before anything else is looked at.
    fn load_built_in(&mut self, built_in: Vec<BuiltIn>) -> Result<(), WatchError> {
        for (plugin, BuiltIn { sink, manifest }) in named(built_in) {
            let pinned = self.collection.pin(&plugin, sink.module(), manifest);
            let change = self
                .runtime
                .block_on(pinned)
                .map_err(|error| WatchError::BuiltIn { plugin, error })?;
            self.publish();
            change.report();
        }
        Ok(())
    }

    fn publish(&self) {
        let generations = self.collection.generations();
        self.registry.publish(PluginSet::new(generations));
    }

    fn run(&mut self, inbox: &Receiver<Signal>, ready: Sender<()>) {
        let mut wait = self.look();
        // At the start a file that is still being written is waited for too.
        let patience = Instant::now() + RESCAN;
        while wait < RESCAN && Instant::now() < patience {
            std::thread::sleep(wait);
            wait = self.look();
        }
        if ready.send(()).is_err() {
            return;
        }
        loop {
            match inbox.recv_timeout(wait) {
                Ok(Signal::Changed) => {
                    if !wait_for_quiet(inbox) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            wait = self.look();
        }
    }

    /// Looks at the directory, and says when to look again at the latest.
    fn look(&mut self) -> Duration {
        let Some(directory) = self.directory.clone() else {
            return RESCAN;
        };
        self.observer.observe(&directory);
        let listing = match list(&directory) {
            Ok(listing) => listing,
            Err(error) => {
                self.complain(&directory, &error);
                return RESCAN;
            }
        };
        if self.trouble.take().is_some() {
            tracing::info!(directory = %directory.display(), "the directory of plugins is readable now");
        }
        let outcome = self.runtime.block_on(self.collection.update(listing));
        if !outcome.changes.is_empty() {
            self.publish();
        }
        for change in outcome.changes {
            change.report();
        }
        outcome.unsettled.unwrap_or(RESCAN)
    }

    /// A directory that is not there or can't be read changes nothing: losing a
    /// mount must not switch off the rules that plugins enforce.
    fn complain(&mut self, directory: &Path, error: &io::Error) {
        if self.trouble.replace(error.kind()) == Some(error.kind()) {
            return;
        }
        let directory = directory.display();
        if error.kind() == io::ErrorKind::NotFound {
            tracing::warn!(%directory, "the directory of plugins is not there; waiting for it, and keeping the plugins that serve");
        } else {
            tracing::error!(%directory, %error, "the directory of plugins can't be read; keeping the plugins that serve");
        }
    }
}

/// Waits until nothing was heard for [`QUIET`]. `false` when the server ends.
fn wait_for_quiet(inbox: &Receiver<Signal>) -> bool {
    let until = Instant::now() + RESTLESS;
    while Instant::now() < until {
        match inbox.recv_timeout(QUIET) {
            Ok(Signal::Changed) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

/// Hears of changes in the directory, wherever its path leads at the time.
struct Observer {
    signals: Sender<Signal>,
    watching: Option<(u64, u64, RecommendedWatcher)>,
    deaf: bool,
}

impl Observer {
    const fn new(signals: Sender<Signal>) -> Self {
        Self {
            signals,
            watching: None,
            deaf: false,
        }
    }

    fn observe(&mut self, directory: &Path) {
        let Ok(metadata) = fs::metadata(directory) else {
            self.watching = None;
            return;
        };
        let identity = (metadata.dev(), metadata.ino());
        if let Some((device, inode, _)) = &self.watching
            && (*device, *inode) == identity
        {
            return;
        }
        match watcher(self.signals.clone(), directory) {
            Ok(watcher) => self.watching = Some((identity.0, identity.1, watcher)),
            Err(error) if !self.deaf => {
                self.deaf = true;
                tracing::warn!(
                    directory = %directory.display(), %error,
                    "the directory of plugins can't be watched and is looked at every {} s instead",
                    RESCAN.as_secs()
                );
            }
            Err(_) => {}
        }
    }
}

fn watcher(signals: Sender<Signal>, directory: &Path) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the files is an event as well, and nothing to act on.
        let matters = event.map_or(true, |event| {
            !event.kind.is_access()
                || event.kind == Change::Access(AccessKind::Close(AccessMode::Write))
        });
        if matters && signals.send(Signal::Changed).is_err() {
            tracing::debug!("a change after the end of the thread that loads plugins");
        }
    })?;
    watcher.watch(directory, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
