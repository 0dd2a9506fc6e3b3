//! How far what comes or goes is, for those who want to hear of it.

use std::fmt;

/// Hears of transfers. It is told while they go on, so it must not wait for
/// anything.
pub trait Audience: fmt::Debug + Send + Sync {
    /// Something of `size` bytes begins to come or go; `what` says so. What is
    /// returned is told of the bytes, and dropped at the end, be it a good one or
    /// not. What is tried again begins again.
    fn begins(&self, what: String, size: u64) -> Box<dyn Transfer>;
}

/// Something that comes or goes.
pub trait Transfer: Send + Sync {
    /// So many bytes more came or went.
    fn moved(&self, bytes: u64);
}
