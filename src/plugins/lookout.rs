//! One place where modules are: the directory of plugins, or the module that
//! `--hooks-file` names.
//!
//! A place that is not there or can't be read changes nothing: losing a mount
//! must not switch off the rules that plugins enforce.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind as Change, RecommendedWatcher, RecursiveMode, Watcher};

use super::directory::{Listing, Place, alone, list};
use super::watch::{RESCAN, Signal};

/// A place and what was seen there last.
pub(super) struct Lookout {
    place: Place,
    path: PathBuf,
    observer: Observer,
    last: Listing,
    /// What was wrong with it at the last look, said once.
    trouble: Option<io::ErrorKind>,
}

impl Lookout {
    pub(super) fn new(place: Place, path: &Path, signals: Sender<Signal>) -> Self {
        Self {
            place,
            path: path.to_owned(),
            observer: Observer::new(signals),
            last: Listing::default(),
            trouble: None,
        }
    }

    /// Looks, and adds to `listing` what is there now, or was before it could
    /// not be read any more.
    pub(super) fn look(&mut self, listing: &mut Listing) {
        let watched = self.watched().to_owned();
        self.observer.observe(&watched);
        let seen = self.list();
        let stale = seen.is_err();
        match seen {
            Ok(seen) => {
                if self.trouble.take().is_some() {
                    tracing::info!(path = %self.path.display(), "the place of plugins is readable now");
                }
                self.last = seen;
            }
            Err(error) => self.complain(&error),
        }
        match self.place {
            Place::Directory => *listing = self.last.clone(),
            Place::Alone => {
                for (name, files) in &self.last.plugins {
                    listing.add(name.clone(), files.clone());
                }
            }
        }
        if stale {
            listing.stale.push(self.place);
        }
    }

    fn list(&self) -> io::Result<Listing> {
        match self.place {
            Place::Directory => list(&self.path),
            Place::Alone => {
                let (name, files) = alone(&self.path)?;
                let mut listing = Listing::default();
                listing.plugins.insert(name, files);
                Ok(listing)
            }
        }
    }

    /// The directory in which something changes when something changes here.
    fn watched(&self) -> &Path {
        match (self.place, self.path.parent()) {
            (Place::Alone, Some(parent)) if !parent.as_os_str().is_empty() => parent,
            (Place::Alone, _) => Path::new("."),
            (Place::Directory, _) => &self.path,
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if self.trouble.replace(error.kind()) == Some(error.kind()) {
            return;
        }
        let path = self.path.display();
        match (self.place, error.kind()) {
            (Place::Directory, io::ErrorKind::NotFound) => {
                tracing::warn!(directory = %path, "the directory of plugins is not there; waiting for it, and keeping the plugins that serve");
            }
            (Place::Alone, io::ErrorKind::NotFound) => {
                tracing::warn!(file = %path, "the module of --hooks-file is not there; waiting for it, and keeping the one that serves");
            }
            (Place::Directory, _) => {
                tracing::error!(directory = %path, %error, "the directory of plugins can't be read; keeping the plugins that serve");
            }
            (Place::Alone, _) => {
                tracing::error!(file = %path, %error, "the module of --hooks-file can't be read; keeping the one that serves");
            }
        }
    }
}

/// Hears of changes in the directory, wherever its path leads at the time.
pub(super) struct Observer {
    signals: Sender<Signal>,
    watching: Option<(u64, u64, RecommendedWatcher)>,
    deaf: bool,
}

impl Observer {
    pub(super) const fn new(signals: Sender<Signal>) -> Self {
        Self {
            signals,
            watching: None,
            deaf: false,
        }
    }

    pub(super) fn observe(&mut self, directory: &Path) {
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
                    "a directory can't be watched and is looked at every {} s instead",
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
