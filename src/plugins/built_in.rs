//! The plugins that are part of the server: the sinks, built from `plugins/` and
//! embedded when the server is built.

use super::manifest::Manifest;

/// A plugin of the server's own, with what the command line makes of it.
#[derive(Debug, Clone)]
pub struct BuiltIn {
    /// Which one.
    pub sink: Sink,
    /// Its configuration, limits and grants.
    pub manifest: Manifest,
}

/// The embedded sinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// `plugins/http`
    Http,
    /// `plugins/amqp`
    Amqp,
    /// `plugins/kafka`
    Kafka,
    /// `plugins/grpc`
    Grpc,
}

impl Sink {
    /// Every sink, in the order in which they are asked.
    pub const ALL: [Self; 4] = [Self::Http, Self::Grpc, Self::Amqp, Self::Kafka];

    /// The plugin's name in logs, and that of its file where it is exported.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Amqp => "amqp",
            Self::Kafka => "kafka",
            Self::Grpc => "grpc",
        }
    }

    /// The component.
    #[must_use]
    pub const fn module(self) -> &'static [u8] {
        match self {
            Self::Http => include_bytes!(concat!(env!("OUT_DIR"), "/http.wasm")),
            Self::Amqp => include_bytes!(concat!(env!("OUT_DIR"), "/amqp.wasm")),
            Self::Kafka => include_bytes!(concat!(env!("OUT_DIR"), "/kafka.wasm")),
            Self::Grpc => include_bytes!(concat!(env!("OUT_DIR"), "/grpc.wasm")),
        }
    }
}
