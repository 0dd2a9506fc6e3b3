//! Which plugins serve right now.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::events::{EventKind, EventSet};
use super::generation::Generation;
use super::standing::Standing;

/// The plugins that serve at one moment, in the order in which they are asked.
#[derive(Debug, Default)]
pub struct PluginSet {
    generations: Vec<Arc<Generation>>,
    standings: Vec<Standing>,
    owed: EventSet,
}

impl PluginSet {
    pub(super) fn new(mut standings: Vec<Standing>, owed: EventSet) -> Self {
        let serving = standings.iter().filter_map(Standing::serving);
        let mut generations: Vec<_> = serving.cloned().collect();
        generations.sort_by(|a, b| (a.order(), a.name()).cmp(&(b.order(), b.name())));
        standings.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            generations,
            standings,
            owed,
        }
    }

    /// Every plugin that is known, by name, those too that do not serve.
    #[must_use]
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// The blocking events that are to be refused because a plugin that must be
    /// asked is not there yet.
    #[must_use]
    pub const fn owed(&self) -> EventSet {
        self.owed
    }

    /// The one of that name, if it serves.
    #[must_use]
    pub fn serving(&self, name: &str) -> Option<&Arc<Generation>> {
        self.generations
            .iter()
            .find(|generation| generation.name() == name)
    }

    /// Those that answer `kind`.
    pub fn asked(&self, kind: EventKind) -> impl Iterator<Item = &Arc<Generation>> {
        self.generations
            .iter()
            .filter(move |generation| generation.subscription().asked.contains(kind))
    }

    /// Those that are told about `kind`.
    pub fn told(&self, kind: EventKind) -> impl Iterator<Item = &Arc<Generation>> {
        self.generations
            .iter()
            .filter(move |generation| generation.subscription().told.contains(kind))
    }
}

/// The set that serves, replaced as a whole and read without waiting.
#[derive(Debug, Default)]
pub struct Registry {
    current: ArcSwap<PluginSet>,
    changed: watch::Sender<()>,
}

impl Registry {
    /// The set at this moment. Holding it keeps its generations alive.
    #[must_use]
    pub fn current(&self) -> Arc<PluginSet> {
        self.current.load_full()
    }

    /// Tells of each set that takes another's place.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn publish(&self, set: PluginSet) {
        self.describe(set);
        self.changed.send_replace(());
    }

    /// Publishes a set in which the same generations serve.
    pub(super) fn describe(&self, set: PluginSet) {
        self.current.store(Arc::new(set));
    }
}
