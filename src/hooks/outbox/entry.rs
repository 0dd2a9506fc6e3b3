//! What the outbox keeps, and what becomes of it.

use std::time::Duration;

use async_trait::async_trait;

/// One event as the outbox keeps it: what it must know, and the rest encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The event's id, the same at every delivery. Promising an id again that
    /// is still in the outbox adds nothing.
    pub event_id: String,
    /// The id of the upload: events of one upload are delivered in order.
    pub upload: String,
    /// The event's name, such as `post-finish`.
    pub kind: String,
    /// The event as its reader decodes it; nothing here looks inside.
    pub payload: Vec<u8>,
}

impl Entry {
    /// Whether the upload does not grow after this, so that progress which is
    /// still to be told has nothing to say any more.
    pub(super) fn ends_progress(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "pre-finish" | "post-finish" | "pre-terminate" | "post-terminate"
        )
    }
}

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The sink has it.
    Delivered,
    /// It may work later. The upload's later events wait.
    Retry {
        /// How long to wait, if the sink said so; bounded by
        /// [`Config::longest_wait`](super::Config::longest_wait).
        after: Option<Duration>,
        /// One word of a small set, for metrics.
        cause: String,
        /// What went wrong, for the operator.
        text: String,
    },
    /// It will never work: a dead letter. The upload's later events go on.
    Permanent {
        /// One word of a small set, for metrics.
        cause: String,
        /// What went wrong, for the operator.
        text: String,
    },
    /// There is no such sink at the moment. Waits as after a retry, but is not
    /// an attempt.
    Absent,
}

/// Brings events to sinks.
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Delivers one event to one sink. Called for several uploads at once,
    /// never twice at once for one upload and sink; at least once for each
    /// event. `attempt` is 1 for the first. Must end by itself in a bounded
    /// time; it is cancelled only when the outbox closes.
    async fn deliver(&self, sink: &str, entry: &Entry, attempt: u32) -> Outcome;

    /// How many deliveries `sink` can take at once. More are not made, and no more
    /// than the outbox makes in any case.
    fn at_once(&self, sink: &str) -> usize;
}
