//! One loaded version of a plugin or of a command hook. How it is called is in
//! `asking.rs`, what a call has to keep to in `turns.rs`.
//!
//! A reload makes a new generation and leaves the old one to the calls that are
//! under way. It goes when the last of them ends, its warm instances with it.

mod asking;
mod turns;

use std::fmt;
use std::sync::Mutex;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::breaker::{Breaker, BreakerState};
use super::command::Command;
use super::failure::Failure;
use super::instance::{Blueprint, Live, Plugin};
use super::limits::Limits;
use super::manifest::{Instances, Manifest, OnError};
use super::subscription::Subscription;
use super::tally::{Capability, Tally};

/// What was loaded.
pub(super) enum Guest {
    /// A component that exports interfaces of ours.
    Plugin(Plugin),
    /// A WASI command.
    Command(Command),
}

/// One loaded version of a plugin or of a command hook.
pub struct Generation {
    pub(super) blueprint: Blueprint,
    guest: Guest,
    number: u64,
    order: i32,
    on_error: OnError,
    instances: Instances,
    subscription: Subscription,
    gate: Semaphore,
    breaker: Breaker,
    warm: Mutex<Vec<Live>>,
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("plugin", &self.name())
            .field("number", &self.number)
            .field("digest", &self.digest())
            .field("subscription", &self.subscription)
            .finish_non_exhaustive()
    }
}

impl Generation {
    pub(super) fn new(
        number: u64,
        blueprint: Blueprint,
        guest: Guest,
        offered: Subscription,
        manifest: &Manifest,
    ) -> Self {
        Self {
            gate: Semaphore::new(blueprint.limits.concurrent_calls),
            blueprint,
            guest,
            number,
            order: manifest.order,
            on_error: manifest.on_error,
            instances: manifest.instances,
            subscription: offered.and(manifest.events),
            breaker: Breaker::new(manifest.breaker),
            warm: Mutex::default(),
        }
    }

    /// The plugin's name: its file's without `.wasm`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.blueprint.speaker.plugin
    }

    /// The module's SHA-256 in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.blueprint.speaker.digest
    }

    /// Which version of the plugin this is, counted from 1 since the server
    /// started.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The plugin's place among others; lower is asked first.
    #[must_use]
    pub const fn order(&self) -> i32 {
        self.order
    }

    /// What a failure means for the request.
    #[must_use]
    pub const fn on_error(&self) -> OnError {
        self.on_error
    }

    /// The events that the plugin is asked and told about.
    #[must_use]
    pub const fn subscription(&self) -> Subscription {
        self.subscription
    }

    /// Whether instances serve several calls.
    #[must_use]
    pub const fn instances(&self) -> Instances {
        self.instances
    }

    /// The keys of the plugin's `[config]`. Their values may be secrets.
    pub fn config_keys(&self) -> impl Iterator<Item = &str> {
        self.blueprint.lent.config.keys()
    }

    /// The capabilities that the plugin was granted.
    #[must_use]
    pub fn grants(&self) -> Vec<Capability> {
        self.blueprint.lent.granted()
    }

    /// What is counted about the plugin, through all of its generations.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.blueprint.lent.tally
    }

    /// The most memory that one of its instances, or of those before, has held, in
    /// bytes.
    #[must_use]
    pub fn memory_peak(&self) -> usize {
        usize::try_from(self.tally().memory.get()).unwrap_or(usize::MAX)
    }

    /// What the plugin may use.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.blueprint.limits
    }

    /// Whether the plugin is asked now, or failed so often that it is not.
    #[must_use]
    pub fn breaker(&self) -> BreakerState {
        self.breaker.look(Instant::now())
    }

    /// The failure that an answer is which is not permitted, for this reason.
    #[must_use]
    pub fn invalid_answer(&self, reason: String) -> Failure {
        Failure::InvalidAnswer(reason).masked(&self.blueprint.speaker.mask)
    }

    /// Makes one instance and calls nothing: whether it can be made at all.
    pub(super) async fn start(&self) -> Result<(), Failure> {
        let limit = self.limits().wall_time;
        let started = async {
            match &self.guest {
                Guest::Plugin(plugin) => plugin.instantiate(&self.blueprint, None).await.map(drop),
                Guest::Command(command) => command.start(&self.blueprint).await,
            }
        };
        timeout(limit, started)
            .await
            .unwrap_or(Err(Failure::WallTime { limit }))
    }
}
#[cfg(test)]
mod tests;
