//! What became of what a plugin wanted from outside of the process, in words
//! that are the same for every capability.

use std::sync::Arc;

use super::tally::{Capability, Tally};

/// How a request of a plugin ended: a message, a call, a request over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It was taken, or answered with success.
    Ok,
    /// The operator does not allow it.
    Denied,
    /// Nobody listens there, or there is no way.
    Unreachable,
    /// The name has no address.
    UnknownHost,
    /// The certificate is not one to trust for the name.
    Certificate,
    /// TLS failed otherwise.
    Tls,
    /// The user or the password is wrong.
    Auth,
    /// The user has no right to it.
    NotPermitted,
    /// There is no such exchange, queue or topic.
    Missing,
    /// No queue takes it.
    Unroutable,
    /// It is there with other properties than those declared.
    Mismatch,
    /// The message or the answer has more bytes than it may.
    TooLarge,
    /// Nothing came in time.
    Slow,
    /// The plugin's own time was over before an answer.
    GivenUp,
    /// The connection ended on the way.
    BrokenOff,
    /// The other side does not speak the protocol.
    Garbage,
    /// The request itself is wrong.
    Invalid,
    /// The other side has no room for more.
    Overloaded,
    /// The other side does not take it, for a reason of its own.
    Refused,
    /// Answered with 3xx.
    Redirect,
    /// Answered with 4xx.
    ClientError,
    /// Answered with 5xx.
    ServerError,
}

impl Reached {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => crate::counters::OK,
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
            Self::UnknownHost => "unknown-host",
            Self::Certificate => "certificate",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::NotPermitted => "not-permitted",
            Self::Missing => "missing",
            Self::Unroutable => "unroutable",
            Self::Mismatch => "mismatch",
            Self::TooLarge => "too-large",
            Self::Slow => "slow",
            Self::GivenUp => "given-up",
            Self::BrokenOff => "broken-off",
            Self::Garbage => "garbage",
            Self::Invalid => "invalid",
            Self::Overloaded => "overloaded",
            Self::Refused => "refused",
            Self::Redirect => "status-3xx",
            Self::ClientError => "status-4xx",
            Self::ServerError => "status-5xx",
        }
    }
}

/// A request that is under way. One that is dropped before its end counts as
/// given up.
pub(super) struct Reaching {
    tally: Arc<Tally>,
    capability: Capability,
    outcome: Reached,
}

impl Reaching {
    pub(super) const fn new(tally: Arc<Tally>, capability: Capability) -> Self {
        Self {
            tally,
            capability,
            outcome: Reached::GivenUp,
        }
    }

    /// It ended so.
    pub(super) fn ended(mut self, outcome: Reached) {
        self.outcome = outcome;
    }
}

impl Drop for Reaching {
    fn drop(&mut self) {
        self.tally.reached(self.capability, self.outcome.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_waits_for_any_more_was_given_up() {
        let tally = Arc::new(Tally::default());
        Reaching::new(Arc::clone(&tally), Capability::Amqp).ended(Reached::Missing);
        drop(Reaching::new(Arc::clone(&tally), Capability::Amqp));
        let expected = [("ok", 0), ("given-up", 1), ("missing", 1)];
        assert_eq!(tally.requests(Capability::Amqp), expected);
    }
}
