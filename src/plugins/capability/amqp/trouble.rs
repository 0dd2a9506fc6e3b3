//! Why a message or a declaration did not reach the broker, and what to do about
//! it.

use std::fmt;
use std::io;

use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::{Error, ErrorKind};

use crate::plugins::bindings::rustus::hooks::amqp::AmqpError;
use crate::plugins::reached::Reached;

/// What kind of trouble: what a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unavailable,
    Unroutable,
    Refused,
    TooLarge,
    Invalid,
}

impl Kind {
    /// A short constant name for logs.
    pub(super) const fn cause(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Unroutable => "unroutable",
            Self::Refused => "refused",
            Self::TooLarge => "too-large",
            Self::Invalid => "invalid",
        }
    }
}

/// Why it did not work. Its text has no secret in it.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    text: String,
    /// What an operator can do.
    pub(super) advice: &'static str,
    /// What it counts as.
    pub(super) outcome: Reached,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Trouble> for AmqpError {
    fn from(trouble: Trouble) -> Self {
        let text = trouble.text;
        match trouble.kind {
            Kind::Unavailable => Self::Unavailable(text),
            Kind::Unroutable => Self::Unroutable(text),
            Kind::Refused => Self::Refused(text),
            Kind::TooLarge => Self::TooLarge(text),
            Kind::Invalid => Self::Invalid(text),
        }
    }
}

impl Trouble {
    pub(super) fn unavailable(text: impl Into<String>, advice: &'static str) -> Self {
        Self {
            kind: Kind::Unavailable,
            text: text.into(),
            advice,
            outcome: Reached::BrokenOff,
        }
    }

    /// The broker did not do something in time.
    pub(super) fn slow(text: impl Into<String>, advice: &'static str) -> Self {
        Self::unavailable(text, advice).counted(Reached::Slow)
    }

    /// It counts as something more particular.
    pub(super) fn counted(self, outcome: Reached) -> Self {
        Self { outcome, ..self }
    }

    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Invalid,
            text: text.into(),
            advice: "correct the plugin, or its configuration",
            outcome: Reached::Invalid,
        }
    }

    pub(super) fn unroutable(exchange: &str, routing_key: &str) -> Self {
        Self {
            kind: Kind::Unroutable,
            text: format!(
                "the exchange `{exchange}` has no queue for the routing key `{routing_key}`"
            ),
            advice: "bind a queue to the exchange, or have it declared",
            outcome: Reached::Unroutable,
        }
    }

    /// The server is at its end, or something in it broke.
    pub(super) fn over() -> Self {
        Self::unavailable(
            "the connections to the broker are closed",
            "nothing: the plugin is being unloaded",
        )
    }

    /// No connection could be made.
    pub(super) fn connecting(error: &Error) -> Self {
        let text = describe(error);
        let (outcome, advice) = if text.contains("certificate") {
            (
                Reached::Certificate,
                "see that the broker's certificate is for the URL's host, and that `ca-file` \
             (--hooks-amqp-ca-file) has the authority that issued it",
            )
        } else if text.contains("ACCESS_REFUSED") || text.contains("ACCESS-REFUSED") {
            (
                Reached::Auth,
                "correct the user and the password in the URL",
            )
        } else if text.contains("NOT_ALLOWED") || text.contains("NOT-ALLOWED") {
            (
                Reached::NotPermitted,
                "correct the virtual host at the end of the URL (%2f is the default one), or give the \
             user the right to it",
            )
        } else {
            (
                unconnected(error),
                "see that the broker runs, and that host and port of the URL are right",
            )
        };
        Self::unavailable(format!("no connection to the broker: {text}"), advice).counted(outcome)
    }

    /// A channel came to its end, with this as the only thing that was done on
    /// it.
    pub(super) fn on_channel(error: &Error) -> Self {
        let ErrorKind::ProtocolError(protocol) = error.kind() else {
            return Self::unavailable(
                format!("the connection to the broker broke: {}", describe(error)),
                "see the broker's log",
            );
        };
        let text = format!("the broker refused it: {}", protocol.get_message());
        let (kind, outcome, advice) = match protocol.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::CONTENTTOOLARGE) => (
                Kind::TooLarge,
                Reached::TooLarge,
                "raise the broker's max_message_size, or have clients send less metadata",
            ),
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) if is_about_size(&text) => (
                Kind::TooLarge,
                Reached::TooLarge,
                "raise the broker's max_message_size, or have clients send less metadata",
            ),
            AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => (
                Kind::Refused,
                Reached::Missing,
                "create it at the broker, or have it declared",
            ),
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => (
                Kind::Refused,
                Reached::NotPermitted,
                "give the user the right to it at the broker",
            ),
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => (
                Kind::Refused,
                Reached::Mismatch,
                "it is there with other properties: declare it as it is, or remove it at the \
                 broker",
            ),
            AMQPErrorKind::Soft(_) => (Kind::Refused, Reached::Refused, "see the broker's log"),
            AMQPErrorKind::Hard(_) => (
                Kind::Unavailable,
                Reached::BrokenOff,
                "see the broker's log",
            ),
        };
        Self {
            kind,
            text,
            advice,
            outcome,
        }
    }
}

/// What it counts as that there is no connection, if nothing better is known.
fn unconnected(error: &Error) -> Reached {
    match error.kind() {
        ErrorKind::IOError(error) => match error.kind() {
            io::ErrorKind::TimedOut => Reached::Slow,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Reached::BrokenOff,
            _ => Reached::Unreachable,
        },
        ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_) => Reached::Garbage,
        _ => Reached::Unreachable,
    }
}

/// RabbitMQ says so with the code of a failed precondition.
fn is_about_size(text: &str) -> bool {
    text.contains("message size")
}

/// The error with what the broker said, without the library's words around it.
fn describe(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(protocol) => protocol.get_message().to_string(),
        ErrorKind::IOError(error) => error.to_string(),
        _ => error.to_string(),
    }
}

/// Whether what the broker said is about a message to this exchange of this
/// size: it names the exchange in quotes, and sizes in bytes.
pub(super) fn is_blamed(error: &Error, exchange: &str, size: usize) -> bool {
    let ErrorKind::ProtocolError(protocol) = error.kind() else {
        return false;
    };
    let text = protocol.get_message().to_string();
    if is_about_size(&text) {
        let mut words = text.split(|c: char| !c.is_ascii_digit());
        return words.any(|word| word == size.to_string());
    }
    text.contains(&format!("'{exchange}'"))
}

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPError;

    use super::*;

    fn said(code: AMQPSoftError, text: &str) -> Error {
        ErrorKind::ProtocolError(AMQPError::new(code.into(), text.into())).into()
    }

    #[test]
    fn what_the_broker_refuses_is_told_apart() {
        for (code, text, kind) in [
            (
                AMQPSoftError::NOTFOUND,
                "NOT_FOUND - no exchange 'x' in vhost '/'",
                Kind::Refused,
            ),
            (
                AMQPSoftError::ACCESSREFUSED,
                "ACCESS_REFUSED - write access to exchange 'x' in vhost '/' refused for user 'u'",
                Kind::Refused,
            ),
            (
                AMQPSoftError::PRECONDITIONFAILED,
                "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/'",
                Kind::Refused,
            ),
            (
                AMQPSoftError::PRECONDITIONFAILED,
                "PRECONDITION_FAILED - message size 5000 is larger than configured max size 4000",
                Kind::TooLarge,
            ),
        ] {
            let trouble = Trouble::on_channel(&said(code, text));
            assert_eq!(trouble.kind, kind, "{text}");
            assert!(trouble.to_string().contains(text), "{trouble}");
        }
    }

    #[test]
    fn only_the_message_that_the_broker_means_is_blamed() {
        let missing = said(
            AMQPSoftError::NOTFOUND,
            "NOT_FOUND - no exchange 'x' in vhost '/'",
        );
        assert!(is_blamed(&missing, "x", 10));
        assert!(!is_blamed(&missing, "y", 10));
        let large = said(
            AMQPSoftError::PRECONDITIONFAILED,
            "PRECONDITION_FAILED - message size 5000 is larger than configured max size 4000",
        );
        assert!(is_blamed(&large, "x", 5000));
        assert!(!is_blamed(&large, "x", 500));
    }
}
