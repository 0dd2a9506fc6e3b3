//! `rustus:hooks/amqp`: publishing to a broker.

use serde::Deserialize;
use tokio::runtime::Handle;

use crate::plugins::bindings::rustus::hooks::amqp::{AmqpError, Host, Message, Topology};
use crate::plugins::instance::CallState;

/// `[allow.amqp]`: the broker that a plugin may publish to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AmqpGrant {
    /// `amqp://user:password@host:port/vhost`, or `amqps:`.
    pub url: String,
}

/// Connections to the broker of one grant.
pub(in crate::plugins) struct Publisher {}

impl Publisher {
    pub(super) fn new(_grant: &AmqpGrant, _on: &Handle) -> Result<Self, String> {
        Ok(Self {})
    }
}

impl Host for CallState {
    async fn declare(&mut self, _topology: Topology) -> Result<(), AmqpError> {
        Err(AmqpError::Denied(self.deny("amqp", "[allow.amqp]")))
    }

    async fn publish(&mut self, _message: Message) -> Result<(), AmqpError> {
        Err(AmqpError::Denied(self.deny("amqp", "[allow.amqp]")))
    }
}
