//! What an error of librdkafka means: for the plugin whether to try again, for
//! the operator what to do.

use rdkafka::types::RDKafkaErrorCode as Code;

use crate::plugins::bindings::rustus::hooks::kafka::KafkaError;
use crate::plugins::reached::Reached;

/// What became of a message that was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The cluster cannot be reached, or is busy with itself. Later it can.
    Unavailable,
    /// The cluster does not take it until somebody changes something there or in
    /// the options.
    Refused,
    /// The cluster will never take this message.
    Invalid,
}

impl Verdict {
    /// Its name in the log.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
        }
    }
}

/// A message that was not delivered, and why.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) verdict: Verdict,
    /// What it counts as.
    pub(super) outcome: Reached,
    pub(super) text: String,
}

impl From<Failed> for KafkaError {
    fn from(Failed { verdict, text, .. }: Failed) -> Self {
        match verdict {
            Verdict::Unavailable => Self::Unavailable(text),
            Verdict::Refused => Self::Refused(text),
            Verdict::Invalid => Self::Invalid(text),
        }
    }
}

/// What a message that failed with `code` counts as.
pub(super) const fn counts_as(code: Code) -> Reached {
    match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            Reached::Missing
        }
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => Reached::NotPermitted,
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            Reached::Auth
        }
        Code::SSL => Reached::Certificate,
        Code::Resolve => Reached::UnknownHost,
        Code::MessageTimedOut | Code::RequestTimedOut | Code::OperationTimedOut => Reached::Slow,
        Code::AllBrokersDown | Code::BrokerTransportFailure => Reached::Unreachable,
        Code::QueueFull => Reached::Overloaded,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge => {
            Reached::TooLarge
        }
        Code::BadMessage | Code::BadCompression | Code::Underflow => Reached::Garbage,
        _ => match judge(code).0 {
            Verdict::Unavailable => Reached::BrokenOff,
            Verdict::Refused => Reached::Refused,
            Verdict::Invalid => Reached::Invalid,
        },
    }
}

/// What `code` means, and what to do about it.
pub(super) const fn judge(code: Code) -> (Verdict, &'static str) {
    use Verdict::{Invalid, Refused, Unavailable};
    match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => (
            Refused,
            "create the topic, or let the brokers do it (auto.create.topics.enable)",
        ),
        Code::TopicAuthorizationFailed => (
            Refused,
            "give the user of sasl.username the right to write to the topic",
        ),
        Code::ClusterAuthorizationFailed => (
            Refused,
            "give the user of sasl.username the right IdempotentWrite, or set enable.idempotence \
             to false",
        ),
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => (
            Refused,
            "set security.protocol, sasl.mechanisms, sasl.username and sasl.password as the \
             brokers want them",
        ),
        Code::SSL => (
            Refused,
            "see that the brokers speak TLS on this port, and that ssl.ca.location names who \
             signed their certificate",
        ),
        Code::InvalidRequiredAcks
        | Code::InvalidConfig
        | Code::InvalidArgument
        | Code::PolicyViolation
        | Code::UnsupportedCompressionType
        | Code::UnsupportedFeature
        | Code::UnsupportedVersion
        | Code::UnsupportedForMessageFormat => (
            Refused,
            "the brokers do not take messages in this way; compare the options with theirs",
        ),
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge => (
            Invalid,
            "raise message.max.bytes of the brokers or of the topic, and the option of the same \
             name",
        ),
        Code::InvalidTopic | Code::InvalidRecord | Code::InvalidTimestamp => (
            Invalid,
            "the message itself is wrong; a topic has 1 to 249 of letters, digits, `.`, `_` and `-`",
        ),
        Code::QueueFull => (
            Unavailable,
            "the cluster is slower than what is sent; more brokers or partitions may help",
        ),
        _ => (
            Unavailable,
            "see that the brokers run, can be reached from here, and speak what security.protocol \
             says; until then it is tried again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_by_itself_is_unavailable() {
        for code in [
            Code::MessageTimedOut,
            Code::AllBrokersDown,
            Code::BrokerTransportFailure,
            Code::Resolve,
            Code::QueueFull,
            Code::NotEnoughReplicas,
            Code::NotLeaderForPartition,
            Code::LeaderNotAvailable,
            Code::RequestTimedOut,
            Code::PurgeQueue,
            Code::OutOfOrderSequenceNumber,
        ] {
            assert_eq!(judge(code).0, Verdict::Unavailable, "{code}");
        }
    }

    #[test]
    fn what_somebody_has_to_put_right_is_refused_and_what_nobody_can_is_invalid() {
        for (code, verdict) in [
            (Code::UnknownTopic, Verdict::Refused),
            (Code::UnknownTopicOrPartition, Verdict::Refused),
            (Code::TopicAuthorizationFailed, Verdict::Refused),
            (Code::SaslAuthenticationFailed, Verdict::Refused),
            (Code::InvalidConfig, Verdict::Refused),
            (Code::MessageSizeTooLarge, Verdict::Invalid),
            (Code::InvalidTopic, Verdict::Invalid),
        ] {
            assert_eq!(judge(code).0, verdict, "{code}");
        }
    }
}
