//! Bringing one event to one plugin, and what its answer means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tracing::{Instrument as _, Span, field};

use super::answer;
use super::event::{Event, EventKind};
use super::outbox::{Deliver, Entry, Outcome};
use super::stop::Stop;
use crate::counters::OK;
use crate::plugins::types::HookError;
use crate::plugins::{EventSet, Failure, Generation, Reaction, Registry};
use crate::tracing_context::{self, SPANS};

/// How often an event is brought to a plugin that breaks on it. One that reports
/// what is wrong has the patience of the outbox.
const FAULTS: u32 = 8;

/// Brings events to the plugins that serve at the time.
pub(super) struct Delivery {
    registry: Arc<Registry>,
    stops: mpsc::Sender<Stop>,
}

impl Delivery {
    pub(super) const fn new(registry: Arc<Registry>, stops: mpsc::Sender<Stop>) -> Self {
        Self { registry, stops }
    }

    fn stop(&self, plugin: &Generation, event: Event, rejection: crate::plugins::types::Rejection) {
        if event.kind != EventKind::PostReceive {
            tracing::warn!(
                plugin = plugin.name(), event = event.id, kind = %event.kind,
                upload = event.upload.id,
                "a plugin wants an upload stopped in its answer to an event that is no progress; ignored"
            );
            return;
        }
        let rejection = match answer::rejection(rejection) {
            Ok(rejection) => rejection,
            Err(invalid) => {
                tracing::error!(
                    plugin = plugin.name(), digest = plugin.digest(), event = event.id,
                    upload = event.upload.id, cause = "invalid-answer", failure = %invalid,
                    "a plugin wants an upload stopped, but its answer is invalid"
                );
                return;
            }
        };
        tracing::info!(
            plugin = plugin.name(),
            digest = plugin.digest(),
            event = event.id,
            upload = event.upload.id,
            status = rejection.status,
            "stopped by a plugin"
        );
        let stop = Stop {
            upload: event.upload.id,
            rejection,
        };
        if let Err(error) = self.stops.try_send(stop) {
            tracing::warn!(%error, "an upload that a plugin wants stopped goes on for now");
        }
    }
}

#[async_trait]
impl Deliver for Delivery {
    async fn deliver(&self, sink: &str, entry: &Entry, attempt: u32) -> Outcome {
        let event = match decode(&entry.payload) {
            Ok(event) => event,
            Err(error) => {
                return Outcome::Permanent {
                    cause: "unreadable".to_owned(),
                    text: format!(
                        "the outbox holds an event that this version cannot read: {error}"
                    ),
                };
            }
        };
        let plugins = self.registry.current();
        let Some(plugin) = plugins
            .told(event.kind)
            .find(|plugin| plugin.name() == sink)
        else {
            return Outcome::Absent;
        };
        let span = span(sink, &event, attempt);
        let told = Instant::now();
        let answer = plugin.tell(&event);
        let answer = answer.instrument(span.clone()).await;
        let outcome = answer.as_ref().err().map_or(OK, Failure::cause);
        plugin.tally().called(event.kind, outcome, told.elapsed());
        span.record("outcome", outcome);
        drop(span);
        match answer {
            Ok(Reaction::Done) => Outcome::Delivered,
            Ok(Reaction::Stop(rejection)) => {
                self.stop(plugin, event, rejection);
                Outcome::Delivered
            }
            Err(failure) => outcome_of(&failure, attempt),
        }
    }

    /// All the calls that a plugin may have at once; half of them if clients wait for
    /// its answers, who must not wait for deliveries too.
    fn at_once(&self, sink: &str) -> usize {
        let plugins = self.registry.current();
        // Whoever is absent is asked for, one event at a time.
        plugins.serving(sink).map_or(1, |plugin| {
            let calls = plugin.limits().concurrent_calls;
            let is_asked = plugin.subscription().asked != EventSet::EMPTY;
            if is_asked { calls.div_ceil(2) } else { calls }
        })
    }
}

/// A step of the trace that the event's request belongs to, however long ago
/// that was.
fn span(sink: &str, event: &Event, attempt: u32) -> Span {
    let span = tracing::info_span!(
        target: SPANS,
        parent: None,
        "delivery",
        plugin = sink,
        event = event.id,
        kind = %event.kind,
        upload = event.upload.id,
        attempt,
        otel.name = format!("deliver {} {sink}", event.kind),
        otel.kind = "producer",
        outcome = field::Empty,
        trace = field::Empty,
    );
    let headers = event.request.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
    tracing_context::continue_from(&span, headers);
    if let Some(trace) = tracing_context::trace_of(&span) {
        span.record("trace", trace.as_str());
    }
    span
}

/// What becomes of an event that a plugin did not take.
fn outcome_of(failure: &Failure, attempt: u32) -> Outcome {
    let (cause, text) = (failure.cause().to_owned(), failure.to_string());
    let retry = |after| Outcome::Retry {
        after,
        cause: cause.clone(),
        text: text.clone(),
    };
    match failure {
        Failure::Reported(HookError::Retry(after)) => retry(after.map(Duration::from_millis)),
        Failure::Reported(HookError::Other(_)) => retry(None),
        // The machine is overloaded, or the plugin is on its way out.
        Failure::Busy { .. } | Failure::PoolFull(_) | Failure::WallTime { .. } => retry(None),
        Failure::Reported(HookError::Permanent(_)) => Outcome::Permanent { cause, text },
        _ if attempt < FAULTS => retry(None),
        _ => Outcome::Permanent { cause, text },
    }
}

/// The event as the outbox keeps it.
pub(super) fn encode(event: &Event) -> Vec<u8> {
    // It has text for keys and no numbers that JSON lacks, so it never fails;
    // should it, the entry is found to be unreadable.
    serde_json::to_vec(event).unwrap_or_default()
}

fn decode(payload: &[u8]) -> serde_json::Result<Event> {
    serde_json::from_slice(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(failure: &Failure, attempt: u32) -> &'static str {
        match outcome_of(failure, attempt) {
            Outcome::Delivered => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Permanent { .. } => "permanent",
            Outcome::Absent => "absent",
        }
    }

    #[test]
    fn a_plugin_that_says_what_is_wrong_has_patience_and_one_that_breaks_does_not() {
        let limit = Duration::from_secs(1);
        for (failure, first, last) in [
            (Failure::Reported(HookError::Retry(None)), "retry", "retry"),
            (Failure::WallTime { limit }, "retry", "retry"),
            (Failure::Busy { limit: 1 }, "retry", "retry"),
            (Failure::Trap(String::new()), "retry", "permanent"),
            (
                Failure::Reported(HookError::Other(String::new())),
                "retry",
                "retry",
            ),
            (
                Failure::Reported(HookError::Permanent(String::new())),
                "permanent",
                "permanent",
            ),
        ] {
            assert_eq!(
                (kind(&failure, 1), kind(&failure, FAULTS)),
                (first, last),
                "{failure}"
            );
        }
    }
}
