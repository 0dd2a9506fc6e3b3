//! How often a plugin was denied what it is not allowed.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a plugin may be denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// `wasi:http/outgoing-handler`
    Http,
    /// `rustus:hooks/amqp`
    Amqp,
    /// `rustus:hooks/kafka`
    Kafka,
    /// `rustus:hooks/grpc`
    Grpc,
    /// `rustus:hooks/secrets`
    Secrets,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Http,
        Self::Amqp,
        Self::Kafka,
        Self::Grpc,
        Self::Secrets,
    ];

    /// A short constant name for logs and metric labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Amqp => "amqp",
            Self::Kafka => "kafka",
            Self::Grpc => "grpc",
            Self::Secrets => "secrets",
        }
    }
}

/// Counts for one plugin, over all of its generations.
#[derive(Debug, Default)]
pub(super) struct Denials {
    http: AtomicU64,
    amqp: AtomicU64,
    kafka: AtomicU64,
    grpc: AtomicU64,
    secrets: AtomicU64,
}

impl Denials {
    pub(super) fn count(&self, capability: Capability) {
        self.of(capability).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self, capability: Capability) -> u64 {
        self.of(capability).load(Ordering::Relaxed)
    }

    const fn of(&self, capability: Capability) -> &AtomicU64 {
        match capability {
            Capability::Http => &self.http,
            Capability::Amqp => &self.amqp,
            Capability::Kafka => &self.kafka,
            Capability::Grpc => &self.grpc,
            Capability::Secrets => &self.secrets,
        }
    }
}
