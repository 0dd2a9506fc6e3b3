//! The `[allow]` table of `NAME.toml`: what a plugin may reach.

use serde::Deserialize;

use crate::plugins::keys::Keys;

use super::{AmqpGrant, GrpcGrant, HttpGrant, KafkaGrant};

/// What one plugin may reach. By default nothing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Grants {
    /// Servers that it may send HTTP requests to.
    pub http: Option<HttpGrant>,
    /// The broker that it may publish to.
    pub amqp: Option<AmqpGrant>,
    /// The cluster that it may send to.
    pub kafka: Option<KafkaGrant>,
    /// The service that it may call.
    pub grpc: Option<GrpcGrant>,
}

impl Grants {
    /// The keys of the table.
    pub(in crate::plugins) fn keys() -> Keys {
        Keys::of::<Self>()
            .table("http", Keys::of::<HttpGrant>())
            .table("amqp", Keys::of::<AmqpGrant>())
            .table("kafka", Keys::of::<KafkaGrant>())
            .table("grpc", Keys::of::<GrpcGrant>())
    }
}
