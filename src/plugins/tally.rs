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
    requests: [Outcomes; Lending::ALL.len()],
}

/// Calls for one event.
#[derive(Debug, Default)]
struct Calls {
    outcomes: Outcomes,
    latency: Histogram,
}

/// A capability by which a plugin reaches out of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lending {
    /// `wasi:http`
    Http,
    /// `rustus:hooks/amqp`
    Amqp,
    /// `rustus:hooks/kafka`
    Kafka,
    /// `rustus:hooks/grpc`
    Grpc,
}

impl Lending {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Http, Self::Amqp, Self::Kafka, Self::Grpc];

    /// Its name under `[allow]`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Amqp => "amqp",
            Self::Kafka => "kafka",
            Self::Grpc => "grpc",
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

    /// What the plugin wanted from outside ended so.
    pub(super) fn reached(&self, lending: Lending, outcome: &'static str) {
        if let Some(requests) = self.requests.get(lending as usize) {
            requests.count(outcome);
        }
    }

    /// How what the plugin wanted from outside ended.
    #[must_use]
    pub fn requests(&self, lending: Lending) -> Vec<(&'static str, u64)> {
        let requests = self.requests.get(lending as usize);
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
        tally.reached(Lending::Grpc, "slow");
        for kind in EventKind::ALL {
            let expected = u64::from(kind == EventKind::PreGet);
            assert_eq!(tally.latency(kind).unwrap().count(), expected, "{kind}");
        }
        assert_eq!(tally.calls(EventKind::PreGet), [("ok", 0), ("trap", 1)]);
        assert_eq!(tally.requests(Lending::Grpc), [("ok", 0), ("slow", 1)]);
        assert_eq!(tally.requests(Lending::Http), [("ok", 0)]);
    }
}
