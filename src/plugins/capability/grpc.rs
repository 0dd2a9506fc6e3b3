//! `rustus:hooks/grpc`: calling a service.

use serde::Deserialize;
use tokio::runtime::Handle;

use crate::plugins::bindings::rustus::hooks::grpc::{GrpcError, Host, MetadataField};
use crate::plugins::instance::CallState;

/// `[allow.grpc]`: the service that a plugin may call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GrpcGrant {
    /// `host:port`.
    pub endpoint: String,
}

/// The channel of one grant.
pub(in crate::plugins) struct Caller {}

impl Caller {
    pub(super) fn new(_grant: &GrpcGrant, _on: &Handle) -> Result<Self, String> {
        Ok(Self {})
    }
}

impl Host for CallState {
    async fn call(
        &mut self,
        _method: String,
        _metadata: Vec<MetadataField>,
        _message: Vec<u8>,
    ) -> Result<Vec<u8>, GrpcError> {
        Err(GrpcError::Denied(self.deny("grpc", "[allow.grpc]")))
    }
}
