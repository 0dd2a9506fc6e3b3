//! From the configuration of plugins in registries to what fetches them.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::{Adopted, Arrival, Fetcher, RemoteConfig, RemotePlugin, Roster};
use crate::oci::{Cache, Client, Lock, Puller, Trust};
use crate::plugins::watch::{Signal, WatchError};

/// The plugins in registries at the start, and what they are fetched with.
pub(in crate::plugins) struct Prepared {
    pub(in crate::plugins) roster: Roster,
    plugins: Vec<Arc<RemotePlugin>>,
    puller: Arc<Puller>,
    poll: Option<Duration>,
    patience: Duration,
}

impl Prepared {
    /// Reads the file, keys and certificates. No request is made yet.
    pub(in crate::plugins) fn of(
        config: RemoteConfig,
        signals: Sender<Signal>,
    ) -> Result<Self, WatchError> {
        let (roster, plugins) = Roster::read(config.plugins, config.file, signals)?;
        let patience = config.client.patience;
        let puller = Puller {
            client: Client::new(config.client)?,
            cache: Cache::new(config.cache),
            lock: Lock::new(config.lock),
            trust: Trust::read(&config.trust)?,
        };
        Ok(Self {
            roster,
            plugins,
            puller: Arc::new(puller),
            poll: config.poll,
            patience,
        })
    }

    /// Begins to fetch them.
    pub(in crate::plugins) fn fetch(
        &self,
        news: Sender<Arrival>,
        signals: Sender<Signal>,
    ) -> io::Result<Fetcher> {
        let puller = Arc::clone(&self.puller);
        Fetcher::start(puller, self.plugins.clone(), self.poll, news, signals)
    }

    /// How many there are to wait for at the start, and for how long.
    pub(in crate::plugins) const fn awaited(&self) -> (usize, Duration) {
        (self.plugins.len(), self.patience)
    }

    /// What takes those that arrive, if there are any to come.
    pub(in crate::plugins) fn adopted(prepared: Option<&Self>) -> Adopted {
        prepared.map_or_else(Adopted::default, |prepared| {
            Adopted::new(prepared.plugins.clone(), Arc::clone(&prepared.puller))
        })
    }
}
