//! `rustus:hooks/kafka`: sending to a cluster.

use serde::Deserialize;
use tokio::runtime::Handle;

use crate::plugins::bindings::rustus::hooks::kafka::{Host, KafkaError, Message};
use crate::plugins::instance::CallState;

/// `[allow.kafka]`: the cluster that a plugin may send to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KafkaGrant {
    /// `host:port` of brokers to begin with.
    pub brokers: Vec<String>,
}

/// The producer of one grant.
pub(in crate::plugins) struct Producer {}

impl Producer {
    pub(super) fn new(_grant: &KafkaGrant, _on: &Handle) -> Result<Self, String> {
        Ok(Self {})
    }
}

impl Host for CallState {
    async fn send(&mut self, _message: Message) -> Result<(), KafkaError> {
        Err(KafkaError::Denied(self.deny("kafka", "[allow.kafka]")))
    }
}
