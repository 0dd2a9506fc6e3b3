//! The log: key-value lines on standard error.

use std::env;
use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts to log what is at least as severe as `level`. What the server stands
/// on is heard from its warnings on, or it would drown the server.
///
/// # Errors
/// Logging was started before.
pub fn start_logging(level: LevelFilter) -> Result<(), tracing_subscriber::util::TryInitError> {
    let colours =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(colours);
    // The HTTP library calls it an error when a client sends nonsense, so that
    // any client could fill the log.
    let http_library = match level {
        LevelFilter::DEBUG | LevelFilter::TRACE => LevelFilter::WARN,
        _ => LevelFilter::OFF,
    };
    // The AMQP library shows messages that come back, with all that is in them;
    // what matters of that the plugin host says.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("actix_http", http_library)
        .with_target("lapin", LevelFilter::OFF)
        .with_target("rustus", level);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .try_init()
}
