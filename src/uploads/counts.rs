//! What is counted about uploads.

use crate::counters::Counter;

/// Counts of all uploads since the start of the process.
#[derive(Debug, Default)]
pub struct Counts {
    /// Uploads that a client learnt of.
    pub created: Counter,
    /// Uploads that were accepted as finished.
    pub finished: Counter,
    /// Uploads that a client removed.
    pub terminated: Counter,
    /// Unfinished uploads that were removed because nobody went on with them.
    pub expired: Counter,
    /// Bytes of uploads that were handed to the store.
    pub received_bytes: Counter,
}
