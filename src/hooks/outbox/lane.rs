//! What one sink is to hear about one upload, one thing after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::Entry;
use super::store::Queued;

/// The next thing to deliver.
#[derive(Debug)]
pub(super) enum Next {
    Durable(Queued),
    /// With its number among all progress.
    Progress(Arc<Entry>, u64),
}

/// The events of an upload, and its latest progress.
#[derive(Debug)]
pub(super) struct Lane {
    upload: String,
    events: BTreeMap<i64, Queued>,
    progress: Option<(Arc<Entry>, u64)>,
    /// Something is being delivered: an event, which is still in `events`, or
    /// progress, which is not.
    running: Option<Running>,
    /// In a row.
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    Durable(i64),
    Progress,
}

impl Lane {
    pub(super) const fn new(upload: String) -> Self {
        Self {
            upload,
            events: BTreeMap::new(),
            progress: None,
            running: None,
            failures: 0,
            not_before: None,
        }
    }

    pub(super) fn upload(&self) -> &str {
        &self.upload
    }

    /// Events, the one that is being delivered included.
    pub(super) fn events(&self) -> usize {
        self.events.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.progress.is_none() && self.running.is_none()
    }

    pub(super) const fn has_progress(&self) -> bool {
        self.progress.is_some()
    }

    /// Since when the first event waits.
    pub(super) fn since(&self) -> Option<i64> {
        self.events.values().next().map(|event| event.since)
    }

    /// Its place among the lanes with something to tell now. Progress does not
    /// overtake events that may still be in the database.
    pub(super) fn key(&self, id: u64, behind: bool) -> Option<(Option<Instant>, i64, u64)> {
        if self.running.is_some() {
            return None;
        }
        let first = self.events.keys().next().copied();
        let first = first.or_else(|| (self.progress.is_some() && !behind).then_some(i64::MAX));
        first.map(|seq| (self.not_before, seq, id))
    }

    pub(super) fn push(&mut self, event: Queued) {
        if self.events.is_empty() && self.running.is_none() {
            // What waits is progress, for which an event does not wait.
            self.wake();
        }
        self.events.entry(event.seq).or_insert(event);
    }

    /// Returns the number of the progress that it replaces.
    pub(super) fn set_progress(&mut self, entry: Arc<Entry>, number: u64) -> Option<u64> {
        let before = self.progress.replace((entry, number));
        before.map(|(_, number)| number)
    }

    pub(super) fn take_progress(&mut self) -> Option<u64> {
        self.progress.take().map(|(_, number)| number)
    }

    /// Begins the next delivery and says which attempt it is.
    pub(super) fn start(&mut self) -> Option<(Next, u32)> {
        if let Some((seq, event)) = self.events.first_key_value() {
            self.running = Some(Running::Durable(*seq));
            let attempt = event.attempts.saturating_add(1);
            return Some((Next::Durable(event.clone()), attempt));
        }
        let (entry, number) = self.progress.take()?;
        self.running = Some(Running::Progress);
        let attempt = self.failures.saturating_add(1);
        Some((Next::Progress(entry, number), attempt))
    }

    /// The delivery is over for good.
    pub(super) fn end(&mut self, seq: Option<i64>) {
        self.running = None;
        if let Some(seq) = seq {
            self.events.remove(&seq);
        }
        self.wake();
        self.failures = 0;
    }

    /// Counts a failure and returns how many there were in a row.
    pub(super) const fn fail(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    pub(super) fn set_attempts(&mut self, seq: i64, attempts: u32) {
        if let Some(event) = self.events.get_mut(&seq) {
            event.attempts = attempts;
        }
    }

    /// The delivery is to be repeated.
    pub(super) const fn wait(&mut self, until: Instant) {
        self.running = None;
        self.not_before = Some(until);
    }

    /// Forgets the events that are not being delivered. How long it waits stays.
    pub(super) fn forget_waiting(&mut self) {
        let running = self.running;
        self.events
            .retain(|seq, _| running == Some(Running::Durable(*seq)));
    }

    /// Takes out the events that wait since before a time.
    pub(super) fn take_older(&mut self, than: i64) -> Vec<Queued> {
        if self.running.is_some() {
            return Vec::new();
        }
        let older = self.events.extract_if(.., |_, event| event.since < than);
        older.map(|(_, event)| event).collect()
    }

    pub(super) const fn wake(&mut self) {
        self.not_before = None;
    }
}
