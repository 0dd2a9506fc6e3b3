//! The flags about what the server speaks, where, and how much it says.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::network::NetworkFlags;
use super::switch::Switch;
use super::values;
use crate::server::Listen;
use crate::telemetry::LogFormat;
use crate::tus::{BaseUrl, ExtensionSet, TusConfig};
use crate::uploads::UploadsConfig;

/// What is served, and where.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Server", mut_args(Switch::complete))]
pub(super) struct ServerFlags {
    /// Name or address to listen on
    #[arg(long, env = "RUSTUS_SERVER_HOST", default_value = "0.0.0.0")]
    host: String,
    /// Port to listen on; 0 for any that is free
    #[arg(long, env = "RUSTUS_SERVER_PORT", default_value_t = 1081)]
    port: u16,
    /// Threads that serve [default: one each processor]
    #[arg(short, long, env = "RUSTUS_WORKERS", value_parser = values::workers)]
    workers: Option<usize>,
    /// The name that older documentation gives the variable.
    #[arg(long, env = "RUSTUS_SERVER_WORKERS", value_parser = values::workers, hide = true)]
    server_workers: Option<usize>,
    /// Path below which uploads are found
    #[arg(long, env = "RUSTUS_URL", default_value = "/files", value_parser = values::base_url)]
    url: BaseUrl,
    /// Bytes that one request may carry [default: no limit]
    #[arg(short, long, env = "RUSTUS_MAX_BODY_SIZE", value_name = "BYTES")]
    max_body_size: Option<u64>,
    /// Bytes that an upload may have [default: no limit]
    #[arg(long, env = "RUSTUS_MAX_FILE_SIZE", value_name = "BYTES")]
    max_file_size: Option<u64>,
    /// Extensions of the protocol that are spoken, separated by commas; an empty
    /// list for none [default: all]
    #[arg(long, env = "RUSTUS_TUS_EXTENSIONS", value_name = "EXTENSIONS")]
    tus_extensions: Option<ExtensionSet>,
    /// Remove the parts of a concatenation when the final upload is finished
    #[arg(long, env = "RUSTUS_REMOVE_PARTS")]
    remove_parts: Switch,
    /// Accepted and without effect: empty uploads are always allowed
    #[arg(long, env = "RUSTUS_ALLOW_EMPTY")]
    allow_empty: Switch,
    /// How much is logged: off, error, warn, info, debug or trace
    #[arg(
        long,
        env = "RUSTUS_LOG_LEVEL",
        default_value = "INFO",
        value_parser = values::log_level
    )]
    log_level: LevelFilter,
    /// How lines of the log are written: text or json
    #[arg(
        long,
        env = "RUSTUS_LOG_FORMAT",
        default_value = "text",
        value_parser = values::log_format,
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
}

impl ServerFlags {
    /// Where to listen, unless it is a socket that `network` names.
    pub(super) fn listen(&self, network: &NetworkFlags) -> Listen {
        network.listen(&self.host, self.port)
    }

    pub(super) fn workers(&self) -> Option<usize> {
        self.workers.or(self.server_workers)
    }

    pub(super) const fn log_level(&self) -> LevelFilter {
        self.log_level
    }

    pub(super) const fn log_format(&self) -> LogFormat {
        self.log_format
    }

    pub(super) fn extensions(&self) -> ExtensionSet {
        self.tus_extensions.unwrap_or(ExtensionSet::ALL)
    }

    /// How the protocol is set up.
    pub(super) fn tus_config(&self) -> TusConfig {
        TusConfig {
            base_url: self.url.clone(),
            max_body_size: self.max_body_size,
            extensions: self.extensions(),
        }
    }

    /// What uploads may be.
    pub(super) fn uploads_config(
        &self,
        progress_interval: Duration,
        expiration: Option<Duration>,
    ) -> UploadsConfig {
        UploadsConfig {
            max_length: self.max_file_size,
            remove_parts: self.remove_parts.is_on(),
            progress_interval,
            expiration,
        }
    }
}
