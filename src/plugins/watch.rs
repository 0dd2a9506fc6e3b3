//! The watched places (a directory, a file): from a change there to another set
//! of plugins that serves.
//!
//! The directory is watched and not its files, since files are replaced by
//! renames and links. Changes are waited out until they cease. Because mounted
//! volumes and swapped links lose events, the directory is also looked at every
//! two seconds; a look costs one `stat` a file. A directory that is not there
//! yet is waited for in the same way.
//!
//! All of it, compilation too, runs on one thread of its own: never on that of
//! a request.

mod error;
mod obedience;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::built_in::BuiltIn;
use super::collection::{Change, Collection, NameTaken};
use super::control::{Control, Ordered};
use super::directory::{Listing, Place, alone};
use super::loader::{Calling, LoadError, Loader};
use super::lookout::Lookout;
use super::registry::{PluginSet, Registry};
use super::remote::{Arrival, Fetcher, Look, Prepared, RemoteConfig, Roster};

pub use error::WatchError;

/// How long nothing must happen before the directory is looked at.
const QUIET: Duration = Duration::from_millis(20);

/// How long a directory that never comes to rest is waited for.
const RESTLESS: Duration = Duration::from_millis(500);

/// How often the directory is looked at when nothing was heard of it.
pub(super) const RESCAN: Duration = Duration::from_secs(2);

pub(super) enum Signal {
    Changed,
    Order(Ordered),
    Stop,
}

/// Where hooks are, and how they are called.
#[derive(Debug, Clone, Default)]
pub struct HostConfig {
    /// The directory of `--hooks-dir`.
    pub directory: Option<PathBuf>,
    /// The module of `--hooks-file`.
    pub file: Option<PathBuf>,
    /// Where compiled code is kept.
    pub compile_cache: PathBuf,
    /// How command hooks are called.
    pub calling: Calling,
    /// The plugins of the server's own that are switched on.
    pub built_in: Vec<BuiltIn>,
    /// The plugins that are in registries.
    pub remote: Option<RemoteConfig>,
}

/// The places of plugins under watch. Ends its thread when dropped.
#[derive(Debug)]
pub struct Watched {
    registry: Arc<Registry>,
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Loads the plugins of the server's own, what lies in the directory, and the
    /// module that stands alone, and watches the latter two from then on.
    ///
    /// Returns when every plugin that is there was loaded or refused: a server
    /// that starts to serve after this never serves a request before its
    /// plugins are asked.
    ///
    /// # Errors
    /// Only if there can be no plugins at all, or one of the server's own or the
    /// module that stands alone can't be used. A plugin in the directory that
    /// can't be loaded, or a directory that is not there, is a line in the log.
    pub fn start(config: HostConfig) -> Result<Self, WatchError> {
        let loader = Loader::new(&config.compile_cache, config.calling)
            .map_err(|error| WatchError::Engine(format!("{error:#}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let registry = Arc::new(Registry::default());
        let (signals, inbox) = channel();
        let places = [
            (Place::Directory, &config.directory),
            (Place::Alone, &config.file),
        ];
        let lookouts = places.into_iter().filter_map(|(place, path)| {
            let path = path.as_deref()?;
            Some(Lookout::new(place, path, signals.clone()))
        });
        let remote = config.remote;
        let remote = remote.map(|remote| Prepared::of(remote, signals.clone()));
        let remote = remote.transpose()?;
        let (news, arrivals) = channel();
        let mut watch = Watch {
            lookouts: lookouts.collect(),
            collection: Collection::new(loader, Prepared::adopted(remote.as_ref())),
            registry: Arc::clone(&registry),
            runtime,
            refused: Vec::new(),
            arrivals,
            remote: None,
        };
        watch.load_built_in(config.built_in)?;
        let awaited = remote.as_ref().map(Prepared::awaited);
        if let Some(remote) = remote {
            let fetcher = remote.fetch(news, signals.clone())?;
            watch.remote = Some((remote.roster, fetcher));
        }
        let file = config.file;
        let (ready, first_look) = channel();
        let thread = std::thread::Builder::new()
            .name("plugin-loader".to_owned())
            .spawn(move || {
                watch.look_to_the_end();
                if let Some((count, patience)) = awaited {
                    watch.first_arrivals(count, patience);
                }
                let checked = file.map_or(Ok(()), |file| watch.check(file));
                let fit = checked.is_ok();
                if ready.send(checked).is_ok() && fit {
                    watch.run(&inbox);
                }
            })?;
        first_look.recv().map_err(|_| WatchError::Ended)??;
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

    /// Who gives orders about them.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(self.signals.clone())
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
    lookouts: Vec<Lookout>,
    collection: Collection,
    registry: Arc<Registry>,
    runtime: tokio::runtime::Runtime,
    /// What the last look refused, and why.
    refused: Vec<(String, LoadError)>,
    /// What came from registries.
    arrivals: Receiver<Arrival>,
    /// Which plugins those are, and who fetches them.
    remote: Option<(Roster, Fetcher)>,
}

impl Watch {
    /// They serve before anything else is looked at.
    fn load_built_in(&mut self, built_in: Vec<BuiltIn>) -> Result<(), WatchError> {
        for (plugin, BuiltIn { sink, manifest }) in named(built_in) {
            if self.collection.awaits(&plugin) {
                return Err(WatchError::SameName(plugin));
            }
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
        self.registry.publish(self.set());
    }

    fn set(&self) -> PluginSet {
        PluginSet::new(self.collection.standings(), self.collection.owed())
    }

    /// Looks until nothing is being written any more, for a bounded time.
    fn look_to_the_end(&mut self) -> Duration {
        let mut wait = self.look();
        let patience = Instant::now() + RESCAN;
        while wait < RESCAN && Instant::now() < patience {
            std::thread::sleep(wait);
            wait = self.look();
        }
        wait
    }

    /// Whether the module of `--hooks-file` serves. Somebody named it, so that a
    /// server without it is not what they wanted.
    fn check(&mut self, file: PathBuf) -> Result<(), WatchError> {
        let reason = match alone(&file) {
            Ok((name, _)) if self.collection.serves(&name) => return Ok(()),
            Ok((name, _)) => self
                .refused
                .iter()
                .find(|(refused, _)| *refused == name)
                .map_or_else(
                    || "it is still being written".to_owned(),
                    |(_, error)| error.to_string(),
                ),
            Err(error) => error.to_string(),
        };
        Err(WatchError::File { file, reason })
    }

    fn run(&mut self, inbox: &Receiver<Signal>) {
        let mut wait = RESCAN;
        loop {
            let signal = match inbox.recv_timeout(wait) {
                Ok(Signal::Changed) => wait_for_quiet(inbox),
                Ok(signal) => Some(signal),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Signal::Stop),
            };
            wait = match signal {
                None | Some(Signal::Changed) => self.look(),
                Some(Signal::Order(ordered)) => self.obey(ordered),
                Some(Signal::Stop) => return,
            };
        }
    }

    /// Waits for the first news of each plugin in a registry, for a bounded time:
    /// requests that come before would pass without them.
    fn first_arrivals(&mut self, count: usize, patience: Duration) {
        // What is required is refused until it is there.
        self.publish();
        let until = Instant::now() + patience;
        let mut heard = BTreeSet::new();
        while heard.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(arrival) = self.arrivals.recv_timeout(left) else {
                tracing::warn!(
                    missing = count - heard.len(),
                    "not waiting longer for plugins from registries; they serve when they are there"
                );
                return;
            };
            heard.insert(arrival.plugin().name.clone());
            self.adopt(arrival);
        }
    }

    fn adopt(&mut self, arrival: Arrival) {
        if let Some(change) = self.runtime.block_on(self.collection.adopt(arrival)) {
            self.publish();
            change.report();
        }
    }

    /// Looks at the file that names plugins in registries, and takes over what it
    /// says now. Returns when to look again at the latest.
    fn follow(&mut self) -> Duration {
        let Some((roster, fetcher)) = &mut self.remote else {
            return RESCAN;
        };
        let plugins = match roster.look() {
            Look::Same => return RESCAN,
            Look::Unsettled(left) => return left,
            Look::Changed(plugins) => plugins,
        };
        let turn = match self.collection.follow(plugins) {
            Ok(turn) => turn,
            Err(NameTaken(name)) => {
                roster.refuse(&WatchError::SameName(name));
                return RESCAN;
            }
        };
        roster.accept();
        if turn.fetched.is_empty() && turn.gone.is_empty() {
            // The same in another file, as mounted volumes have it now and then.
            return RESCAN;
        }
        fetcher.follow(turn.plugins);
        tracing::info!(
            fetched = turn.fetched.join(", "),
            removed = turn.gone.join(", "),
            "the file of plugins in registries was taken over"
        );
        // What is required now is refused until it is there.
        self.publish();
        turn.changes.iter().for_each(Change::report);
        RESCAN
    }

    /// Looks at all places, and says when to look again at the latest.
    fn look(&mut self) -> Duration {
        let unsettled = self.follow();
        while let Ok(arrival) = self.arrivals.try_recv() {
            self.adopt(arrival);
        }
        let mut listing = Listing::default();
        for lookout in &mut self.lookouts {
            lookout.look(&mut listing);
        }
        let outcome = self.runtime.block_on(self.collection.update(listing));
        if outcome.changes.is_empty() {
            self.registry.describe(self.set());
        } else {
            self.publish();
        }
        let mut freed = outcome.changes.iter();
        let freed = freed.any(|change| matches!(change, Change::Removed(_)));
        outcome.changes.iter().for_each(Change::report);
        if !outcome.refused.is_empty() {
            self.refused = outcome.refused;
        }
        // A name that became free may be one that the file gives to another.
        let freed = match freed {
            true => QUIET,
            false => RESCAN,
        };
        outcome
            .unsettled
            .unwrap_or(RESCAN)
            .min(unsettled)
            .min(freed)
    }
}

/// Waits until nothing was heard for [`QUIET`], or something else than a change.
fn wait_for_quiet(inbox: &Receiver<Signal>) -> Option<Signal> {
    let until = Instant::now() + RESTLESS;
    while Instant::now() < until {
        match inbox.recv_timeout(QUIET) {
            Ok(Signal::Changed) => {}
            Ok(signal) => return Some(signal),
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => return Some(Signal::Stop),
        }
    }
    None
}
