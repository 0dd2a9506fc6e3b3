//! `[allow.grpc]`: the service that a plugin may call.

use std::path::PathBuf;

use serde::Deserialize;

/// The service that a plugin may call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GrpcGrant {
    /// `host:port`.
    pub endpoint: String,
    /// Whether TLS is spoken. Its certificate has to name the host.
    #[serde(default)]
    pub tls: bool,
    /// PEM file of who signed the server's certificate, or that itself; the system's
    /// if it is not set.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// PEM file of the certificate that is shown to the server; with `client-key`.
    #[serde(default)]
    pub client_certificate: Option<PathBuf>,
    /// PEM file of its key.
    #[serde(default)]
    pub client_key: Option<PathBuf>,
    /// How long a call may take; nine tenths of the plugin's wall time if it is not
    /// set.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
}
