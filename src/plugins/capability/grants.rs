//! The `[allow]` table of `NAME.toml`: what a plugin may reach.

use serde::Deserialize;

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
