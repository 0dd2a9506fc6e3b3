//! `--hooks-grpc-*`.

use super::Wanted;
use crate::plugins::BuiltIn;

/// The flags of the sink `grpc`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Grpc hooks")]
pub(super) struct GrpcFlags {}

impl GrpcFlags {
    /// The sink, if its flags switch it on.
    pub(super) fn built_in(&self, _wanted: &Wanted) -> Result<Option<BuiltIn>, String> {
        Ok(None)
    }
}
