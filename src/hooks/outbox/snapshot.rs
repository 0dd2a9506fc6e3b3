//! What metrics and logs say about the outbox.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The outbox at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes in use on the disk.
    pub used_bytes: u64,
    /// Bytes that may be in use.
    pub max_bytes: u64,
    /// Whether promises are refused since there is no room.
    pub is_full: bool,
    /// Events that nobody has decided about: a promise was dropped, or the
    /// process ended too early.
    pub undecided: usize,
    /// Every sink that was ever promised an event, by name.
    pub sinks: Vec<SinkSnapshot>,
}

/// One sink at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkSnapshot {
    /// Its name.
    pub sink: String,
    /// Durable events that it has yet to take.
    pub depth: u64,
    /// How many of them are in memory.
    pub in_memory: usize,
    /// For how long the oldest of them waits.
    pub oldest: Option<Duration>,
    /// Dead letters that are kept.
    pub dead_letters: u64,
    /// Whether it takes nothing at the moment.
    pub is_down: bool,
    /// Deliveries that worked since the start, progress included.
    pub delivered: u64,
    /// Deliveries to be repeated since the start, by cause.
    pub retried: BTreeMap<String, u64>,
    /// Dead letters made since the start, by cause.
    pub dead: BTreeMap<String, u64>,
}

/// Counts of one sink. What waits and what is dead is counted by the writer as
/// it passes through; the rest by the dispatcher.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) depth: AtomicU64,
    pub(super) dead_letters: AtomicU64,
    delivered: AtomicU64,
    causes: Mutex<Causes>,
}

#[derive(Debug, Default, Clone)]
struct Causes {
    retried: BTreeMap<String, u64>,
    dead: BTreeMap<String, u64>,
}

impl Counters {
    pub(super) fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retried(&self, cause: &str) {
        self.count(cause, |causes| &mut causes.retried);
    }

    pub(super) fn dead(&self, cause: &str) {
        self.count(cause, |causes| &mut causes.dead);
    }

    fn count(&self, cause: &str, of: impl FnOnce(&mut Causes) -> &mut BTreeMap<String, u64>) {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = of(&mut causes);
        if let Some(count) = counts.get_mut(cause) {
            *count += 1;
        } else {
            counts.insert(cause.to_owned(), 1);
        }
    }

    pub(super) fn snapshot(&self, sink: &str) -> SinkSnapshot {
        let causes = self
            .causes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        SinkSnapshot {
            sink: sink.to_owned(),
            depth: self.depth.load(Ordering::Relaxed),
            in_memory: 0,
            oldest: None,
            dead_letters: self.dead_letters.load(Ordering::Relaxed),
            is_down: false,
            delivered: self.delivered.load(Ordering::Relaxed),
            retried: causes.retried,
            dead: causes.dead,
        }
    }

    /// One event less is waiting.
    pub(super) fn left(&self) {
        // Another process may have dropped it already.
        let fewer = |depth: u64| depth.checked_sub(1);
        if let Err(zero) = self
            .depth
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer)
        {
            tracing::trace!(zero, "an event left that was not counted");
        }
    }
}
