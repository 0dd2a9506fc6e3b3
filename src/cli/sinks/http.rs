//! `--hooks-http-*`.

use super::Wanted;
use crate::plugins::BuiltIn;

/// The flags of the sink `http`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Http hooks")]
pub(super) struct HttpFlags {}

impl HttpFlags {
    /// The sink, if its flags switch it on.
    pub(super) fn built_in(&self, _wanted: &Wanted) -> Result<Option<BuiltIn>, String> {
        Ok(None)
    }
}
