//! `--hooks-kafka-*`.

use super::Wanted;
use crate::plugins::BuiltIn;

/// The flags of the sink `kafka`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Kafka hooks")]
pub(super) struct KafkaFlags {}

impl KafkaFlags {
    /// The sink, if its flags switch it on.
    pub(super) fn built_in(&self, _wanted: &Wanted) -> Result<Option<BuiltIn>, String> {
        Ok(None)
    }
}
