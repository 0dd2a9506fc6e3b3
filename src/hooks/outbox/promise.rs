//! An event that is durable and not yet decided about.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::Entry;
use super::command::{Command, CommandQueue};
use super::sink::Sink;
use super::store::Queued;

/// Events that were recorded together, and those who are to hear of them.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) events: Vec<Queued>,
    pub(super) sinks: Arc<[Arc<Sink>]>,
}

/// Promised events: durable, and not delivered before [`keep`](Self::keep).
///
/// One that is dropped without a decision, since its request was cancelled or
/// panicked, is not lost: it is among
/// [`Outbox::take_undecided`](super::Outbox::take_undecided) until somebody
/// finds out what became of the upload.
#[derive(Debug)]
#[must_use = "keep or withdraw it; when dropped it has to be settled by a look at the upload"]
pub struct Promise {
    /// `None` once it is decided, or if nobody is to hear of it.
    recorded: Option<Recorded>,
    writer: Arc<CommandQueue>,
    undecided: Arc<Undecided>,
}

impl Promise {
    pub(super) const fn new(
        recorded: Option<Recorded>,
        writer: Arc<CommandQueue>,
        undecided: Arc<Undecided>,
    ) -> Self {
        Self {
            recorded,
            writer,
            undecided,
        }
    }

    /// What was promised, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let events = self.recorded.iter().flat_map(|recorded| &recorded.events);
        events.map(|event| &*event.entry)
    }

    /// What was promised has happened: it is delivered from now on.
    pub fn keep(mut self) {
        if let Some(recorded) = self.recorded.take() {
            self.writer.push(Command::Keep(recorded));
        }
    }

    /// What was promised did not happen: it is removed.
    pub fn withdraw(mut self) {
        if let Some(recorded) = self.recorded.take() {
            self.writer.push(Command::Withdraw(recorded));
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(recorded) = self.recorded.take() {
            self.undecided.put(recorded);
        }
    }
}

/// What has to be settled by a look at the upload.
#[derive(Debug, Default)]
pub(super) struct Undecided {
    waiting: Mutex<Vec<Recorded>>,
    arrived: Notify,
}

impl Undecided {
    pub(super) fn put(&self, recorded: Recorded) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(recorded);
        drop(waiting);
        self.arrived.notify_one();
    }

    pub(super) fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn len(&self) -> usize {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().map(|recorded| recorded.events.len()).sum()
    }

    pub(super) async fn arrived(&self) {
        loop {
            let arrived = self.arrived.notified();
            if self.len() > 0 {
                return;
            }
            arrived.await;
        }
    }
}
