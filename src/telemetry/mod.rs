//! What the process tells about itself: lines on standard error, and traces if
//! somebody wants them.

mod collector_tls;
mod json;
mod otlp;

use std::env;
use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::tracing_context::SPANS;
use json::JsonLines;

pub use collector_tls::CollectorTlsError;
pub use otlp::{Endpoint, InvalidEndpoint, Traces, TracesError};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Time, level, place, message, `key=value`: for people.
    #[default]
    Text,
    /// An object of JSON each: for programs.
    Json,
}

/// A word that names no format.
#[derive(Debug, thiserror::Error)]
#[error("expected text or json")]
pub struct UnknownLogFormat;

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownLogFormat),
        }
    }
}

/// Starts to log what is at least as severe as `level`, and to trace. What the
/// server stands on is heard from its warnings on, or it would drown the server.
///
/// # Errors
/// Logging was started before.
pub fn start(
    level: LevelFilter,
    format: LogFormat,
    traces: Option<&Traces>,
) -> Result<(), TryInitError> {
    let colours =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        // Whoever reads along has event and upload in the line itself.
        LogFormat::Text => lines
            .with_ansi(colours)
            .with_filter(wanted(level).with_target(SPANS, LevelFilter::OFF))
            .boxed(),
        LogFormat::Json => lines
            .with_ansi(false)
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .with_filter(wanted(level).with_target(SPANS, LevelFilter::INFO))
            .boxed(),
    };
    let traced = traces.map(|traces| {
        let spans = Targets::new().with_target(SPANS, LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(spans)
    });
    tracing_subscriber::registry()
        .with(lines)
        .with(traced)
        .try_init()
}

fn wanted(level: LevelFilter) -> Targets {
    // The HTTP library calls it an error when a client sends nonsense, so that
    // any client could fill the log.
    let http_library = match level {
        LevelFilter::DEBUG | LevelFilter::TRACE => LevelFilter::WARN,
        _ => LevelFilter::OFF,
    };
    // The AMQP library shows messages that come back, with all that is in them;
    // what matters of that the plugin host says.
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("actix_http", http_library)
        .with_target("lapin", LevelFilter::OFF)
        .with_target("rustus", level)
}
