//! `--hooks-amqp-*`.

use super::Wanted;
use crate::plugins::BuiltIn;

/// The flags of the sink `amqp`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Amqp hooks")]
pub(super) struct AmqpFlags {}

impl AmqpFlags {
    /// The sink, if its flags switch it on.
    pub(super) fn built_in(&self, _wanted: &Wanted) -> Result<Option<BuiltIn>, String> {
        Ok(None)
    }
}
