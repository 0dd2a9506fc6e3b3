//! The flags of the sinks: `--hooks-http-*`, `--hooks-amqp-*`, `--hooks-kafka-*`
//! and `--hooks-grpc*` become the configuration, limits and grants of the
//! built-in plugins.

mod amqp;
mod grpc;
mod http;
mod kafka;

use crate::hooks::{EventKind, EventSet};
use crate::plugins::BuiltIn;

/// The flags of all sinks.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SinkFlags {
    #[command(flatten)]
    http: http::HttpFlags,
    #[command(flatten)]
    amqp: amqp::AmqpFlags,
    #[command(flatten)]
    kafka: kafka::KafkaFlags,
    #[command(flatten)]
    grpc: grpc::GrpcFlags,
}

impl SinkFlags {
    /// The sinks that are switched on. `enabled` are the events of `--hooks`, if
    /// it is given, and `format` the one of `--hooks-format`.
    ///
    /// # Errors
    /// Flags that do not go together, with what to write instead.
    pub(super) fn built_in(
        &self,
        enabled: Option<EventSet>,
        format: &str,
    ) -> Result<Vec<BuiltIn>, String> {
        let wanted = Wanted {
            events: enabled.unwrap_or_else(by_default),
            format: format.to_owned(),
        };
        let others = [
            self.grpc.built_in(&wanted)?,
            self.amqp.built_in(&wanted)?,
            self.kafka.built_in(&wanted)?,
        ];
        let mut all = self.http.built_in(&wanted)?;
        all.extend(others.into_iter().flatten());
        Ok(all)
    }

    /// Header fields of clients that some sink passes on.
    pub(super) fn proxied_headers(&self) -> &[String] {
        self.http.proxied()
    }
}

/// What all sinks are told of.
struct Wanted {
    events: EventSet,
    /// The name of a format of events.
    format: String,
}

/// What sinks hear of when `--hooks` is not given: all but `pre-finish` and
/// `pre-get`, which the hooks of rustus 1.1 and tusd did not send.
fn by_default() -> EventSet {
    [
        EventKind::PreCreate,
        EventKind::PostCreate,
        EventKind::PostReceive,
        EventKind::PostFinish,
        EventKind::PreTerminate,
        EventKind::PostTerminate,
    ]
    .into_iter()
    .collect()
}

/// The events that block.
fn blocking() -> EventSet {
    EventKind::ALL
        .into_iter()
        .filter(|kind| kind.is_blocking())
        .collect()
}
