//! What is counted about one plugin, through all of its generations.

use std::time::Duration;

use super::events::EventKind;
use crate::counters::{Counter, Distribution, Histogram, Outcomes, Peak};

/// The counts of one plugin. They go when its file does.
#[derive(Debug, Default)]
pub struct Tally {
    calls: [Calls; EventKind::ALL.len()],
    /// The most memory that one instance ever held, in bytes.
    pub memory: Peak,
    /// Generations that came to serve.
    pub loads: Counter,
    /// Generations that could not, by [`LoadError::cause`](super::LoadError::cause).
    pub refusals: Outcomes,
    /// How often it failed so often that it was not asked for a while.
    pub breaker_opened: Counter,
    requests: [Outcomes; Capability::ALL.len()],
}

/// Calls for one event.
#[derive(Debug, Default)]
struct Calls {
    outcomes: Outcomes,
    latency: Histogram,
}

/// What a plugin has only if its operator grants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// `wasi:http`
    Http,
    /// `rustus:hooks/amqp`
    Amqp,
    /// `rustus:hooks/kafka`
    Kafka,
    /// `rustus:hooks/grpc`
    Grpc,
    /// `rustus:hooks/secrets`
    Secrets,
}

impl Capability {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Http,
        Self::Amqp,
        Self::Kafka,
        Self::Grpc,
        Self::Secrets,
    ];

    /// A short constant name for logs and metric labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Amqp => "amqp",
            Self::Kafka => "kafka",
            Self::Grpc => "grpc",
            Self::Secrets => "secrets",
        }
    }
}

impl Tally {
    /// A call for `kind` ended so, after so long, waiting included.
    pub fn called(&self, kind: EventKind, outcome: &'static str, took: Duration) {
        if let Some(calls) = self.calls.get(kind as usize) {
            calls.outcomes.count(outcome);
            calls.latency.observe(took);
        }
    }

    /// How calls for `kind` ended.
    #[must_use]
    pub fn calls(&self, kind: EventKind) -> Vec<(&'static str, u64)> {
        let calls = self.calls.get(kind as usize);
        calls.map_or_else(Vec::new, |calls| calls.outcomes.get())
    }

    /// How long calls for `kind` took.
    #[must_use]
    pub fn latency(&self, kind: EventKind) -> Option<Distribution> {
        Some(self.calls.get(kind as usize)?.latency.get())
    }

    /// What the plugin asked of a grant ended so.
    pub(super) fn reached(&self, capability: Capability, outcome: &'static str) {
        if let Some(requests) = self.requests.get(capability as usize) {
            requests.count(outcome);
        }
    }

    /// How what the plugin asked of a grant ended.
    #[must_use]
    pub fn requests(&self, capability: Capability) -> Vec<(&'static str, u64)> {
        let requests = self.requests.get(capability as usize);
        requests.map_or_else(Vec::new, Outcomes::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_and_each_capability_is_counted_by_itself() {
        let tally = Tally::default();
        tally.called(EventKind::PreGet, "trap", Duration::from_millis(2));
        tally.reached(Capability::Grpc, "slow");
        for kind in EventKind::ALL {
            let expected = u64::from(kind == EventKind::PreGet);
            assert_eq!(tally.latency(kind).unwrap().count(), expected, "{kind}");
        }
        assert_eq!(tally.calls(EventKind::PreGet), [("ok", 0), ("trap", 1)]);
        assert_eq!(tally.requests(Capability::Grpc), [("ok", 0), ("slow", 1)]);
        assert_eq!(tally.requests(Capability::Http), [("ok", 0)]);
    }
}
