//! `GET /metrics`: what every layer counts, in the text format of Prometheus.
//!
//! Names are `rustus_`, the thing, what is counted of it or its unit, and
//! `_total` if it only grows. docs/metrics.md has all of them, which a test
//! holds against what is written here.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::registry::Registry;

use super::Seen;
use super::page::{Labels, Page};
use crate::hooks::EventKind;
use crate::hooks::outbox::{SinkSnapshot, Snapshot};
use crate::plugins::{BreakerState, Capability, Standing};

pub(super) use prometheus_text::CONTENT_TYPE;

/// Everything at this moment.
pub(super) fn text(seen: Arc<Seen>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Everything(seen)));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Everything(Arc<Seen>);

impl Collector for Everything {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let seen = &*self.0;
        let mut page = Page(encoder);
        page.gauge(
            "rustus_build_info",
            "Always 1, with the version of the server",
            [(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)],
        )?;
        uploads(&mut page, seen)?;
        requests(&mut page, seen)?;
        let plugins = seen.hooks().registry().current();
        loading(&mut page, plugins.standings())?;
        calling(&mut page, plugins.standings())?;
        let outbox = seen.hooks().outbox();
        outbox_itself(&mut page, outbox.as_ref())?;
        let sinks = outbox.map(|outbox| outbox.sinks).unwrap_or_default();
        waiting(&mut page, &sinks)?;
        delivering(&mut page, &sinks)
    }
}

/// A number without labels.
fn alone<V>(value: V) -> [(Labels, V); 1] {
    [(Labels::new(), value)]
}

fn uploads(page: &mut Page<'_>, seen: &Seen) -> fmt::Result {
    let counts = seen.tus.uploads().counts();
    page.counter(
        "rustus_uploads_created",
        "Uploads that were created",
        alone(counts.created.get()),
    )?;
    page.counter(
        "rustus_uploads_finished",
        "Uploads that were finished: all bytes are there, and no hook refused",
        alone(counts.finished.get()),
    )?;
    page.counter(
        "rustus_uploads_terminated",
        "Uploads that clients removed",
        alone(counts.terminated.get()),
    )?;
    page.counter(
        "rustus_uploads_expired",
        "Unfinished uploads that were removed after --expiration",
        alone(counts.expired.get()),
    )?;
    page.counter(
        "rustus_upload_received_bytes",
        "Bytes of uploads that came and were written",
        alone(counts.received_bytes.get()),
    )
}

fn requests(page: &mut Page<'_>, seen: &Seen) -> fmt::Result {
    let all = seen.requests.all(seen.tus.base_url().as_str());
    let labels = |route: &str, method: &str| {
        vec![("route", route.to_owned()), ("method", method.to_owned())]
    };
    let by_status = all.iter().flat_map(|requests| {
        requests.statuses.iter().map(move |(status, count)| {
            let mut labels = labels(&requests.route, requests.method);
            labels.push(("status", status.to_string()));
            (labels, *count)
        })
    });
    page.counter(
        "rustus_requests",
        "Requests that were answered; 499 if the client went away before",
        by_status,
    )?;
    page.histogram(
        "rustus_request_seconds",
        "From the head of a request to the head of its answer, the body of an upload included",
        all.iter().map(|requests| {
            let labels = labels(&requests.route, requests.method);
            (labels, requests.latency.clone())
        }),
    )?;
    page.gauge(
        "rustus_requests_in_flight",
        "Requests that are not answered yet",
        alone(seen.requests.in_flight() as f64),
    )
}

fn of(standing: &Standing) -> Labels {
    vec![("plugin", standing.name.to_string())]
}

fn with(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.to_owned()));
    labels
}

fn loading(page: &mut Page<'_>, plugins: &[Standing]) -> fmt::Result {
    let loaded = || {
        plugins.iter().filter_map(|standing| {
            let generation = standing.generation.as_deref()?;
            Some((standing, generation))
        })
    };
    page.gauge(
        "rustus_plugin_info",
        "Always 1, with the digest of the module that is loaded",
        loaded()
            .map(|(standing, generation)| (with(of(standing), "digest", generation.digest()), 1.0)),
    )?;
    page.gauge(
        "rustus_plugin_generation",
        "Which version of the plugin is loaded, counted from 1 since the start",
        loaded().map(|(standing, generation)| (of(standing), generation.number() as f64)),
    )?;
    page.gauge(
        "rustus_plugin_disabled",
        "1 while an operator has it switched off",
        plugins
            .iter()
            .map(|standing| (of(standing), f64::from(u8::from(standing.disabled)))),
    )?;
    page.gauge(
        "rustus_plugin_refused",
        "1 while what its files hold now could not be loaded",
        plugins.iter().map(|standing| {
            let refused = standing.refused.is_some();
            (of(standing), f64::from(u8::from(refused)))
        }),
    )?;
    page.counter(
        "rustus_plugin_loads",
        "Versions that came to serve",
        plugins
            .iter()
            .map(|standing| (of(standing), standing.tally.loads.get())),
    )?;
    page.counter(
        "rustus_plugin_load_failures",
        "Versions that could not be loaded, by cause",
        plugins.iter().flat_map(|standing| {
            let failures = standing.tally.refusals.get().into_iter();
            let failures = failures.filter(|(cause, _)| *cause != crate::counters::OK);
            failures.map(|(cause, count)| (with(of(standing), "cause", cause), count))
        }),
    )?;
    page.gauge(
        "rustus_plugin_memory_peak_bytes",
        "The most memory that one instance of it ever held",
        plugins
            .iter()
            .map(|standing| (of(standing), standing.tally.memory.get() as f64)),
    )?;
    page.gauge(
        "rustus_plugin_memory_limit_bytes",
        "What one instance of it may hold",
        loaded().map(|(standing, generation)| (of(standing), generation.limits().memory as f64)),
    )
}

fn calling(page: &mut Page<'_>, plugins: &[Standing]) -> fmt::Result {
    let events = |standing: &Standing| {
        let generation = standing.generation.as_deref();
        let events = generation.map(|generation| generation.subscription().all());
        events
            .into_iter()
            .flat_map(|events| events.iter().collect::<Vec<_>>())
    };
    let for_event = |standing: &Standing, kind: EventKind| with(of(standing), "event", kind.name());
    page.counter(
        "rustus_plugin_calls",
        "Calls, by how they ended: ok, rejected, or the cause of a failure",
        plugins.iter().flat_map(|standing| {
            events(standing).flat_map(move |kind| {
                let calls = standing.tally.calls(kind).into_iter();
                calls.map(move |(outcome, count)| {
                    (with(for_event(standing, kind), "outcome", outcome), count)
                })
            })
        }),
    )?;
    page.histogram(
        "rustus_plugin_call_seconds",
        "How long calls took, with the wait for their turn",
        plugins.iter().flat_map(|standing| {
            events(standing).filter_map(move |kind| {
                Some((for_event(standing, kind), standing.tally.latency(kind)?))
            })
        }),
    )?;
    page.gauge(
        "rustus_plugin_breaker_open",
        "1 while it is not asked, or by one call on trial only, since it failed again and again",
        plugins.iter().filter_map(|standing| {
            let closed = standing.generation.as_deref()?.breaker() == BreakerState::Closed;
            Some((of(standing), f64::from(u8::from(!closed))))
        }),
    )?;
    page.counter(
        "rustus_plugin_breaker_opened",
        "How often it failed so often that it was not asked for a while",
        plugins
            .iter()
            .map(|standing| (of(standing), standing.tally.breaker_opened.get())),
    )?;
    page.counter(
        "rustus_plugin_requests",
        "What plugins asked of their grants (messages, calls, requests, secrets), by how it ended",
        plugins.iter().flat_map(|standing| {
            let generation = standing.generation.as_deref();
            let granted = generation.map(|generation| generation.grants());
            Capability::ALL
                .into_iter()
                .map(|capability| (capability, standing.tally.requests(capability)))
                .filter(move |(capability, requests)| {
                    let granted = granted.as_ref().is_some_and(|of| of.contains(capability));
                    granted || requests.len() > 1
                })
                .flat_map(move |(capability, requests)| {
                    requests.into_iter().map(move |(outcome, count)| {
                        let labels = with(of(standing), "capability", capability.name());
                        (with(labels, "outcome", outcome), count)
                    })
                })
        }),
    )
}

fn outbox_itself(page: &mut Page<'_>, outbox: Option<&Snapshot>) -> fmt::Result {
    let one = |value: fn(&Snapshot) -> f64| outbox.map(|outbox| (Labels::new(), value(outbox)));
    page.gauge(
        "rustus_outbox_bytes",
        "Bytes of the outbox in use on the disk",
        one(|outbox| outbox.used_bytes as f64),
    )?;
    page.gauge(
        "rustus_outbox_limit_bytes",
        "Bytes that the outbox may use (--hooks-outbox-max-size)",
        one(|outbox| outbox.max_bytes as f64),
    )?;
    page.gauge(
        "rustus_outbox_full",
        "1 while requests that would add events are refused for want of room",
        one(|outbox| f64::from(u8::from(outbox.is_full))),
    )?;
    page.gauge(
        "rustus_outbox_undecided_events",
        "Events of which it is not known yet whether they happened: a crash, or a broken promise",
        one(|outbox| outbox.undecided as f64),
    )
}

fn waiting(page: &mut Page<'_>, sinks: &[SinkSnapshot]) -> fmt::Result {
    let each = |value: fn(&SinkSnapshot) -> Option<f64>| {
        sinks
            .iter()
            .filter_map(move |sink| Some((to(sink), value(sink)?)))
    };
    page.gauge(
        "rustus_outbox_pending_events",
        "Durable events that the plugin has yet to take",
        each(|sink| Some(sink.depth as f64)),
    )?;
    page.gauge(
        "rustus_outbox_memory_events",
        "Those of them that are in memory",
        each(|sink| Some(sink.in_memory as f64)),
    )?;
    page.gauge(
        "rustus_outbox_oldest_seconds",
        "For how long the oldest of them waits; 0 if none does",
        each(|sink| Some(sink.oldest.unwrap_or_default().as_secs_f64())),
    )?;
    page.gauge(
        "rustus_outbox_down",
        "1 while the plugin takes nothing and is only tried now and then",
        each(|sink| Some(f64::from(u8::from(sink.is_down)))),
    )?;
    page.gauge(
        "rustus_outbox_dead_letters",
        "Dead letters that are kept for `rustus outbox`",
        each(|sink| Some(sink.dead_letters as f64)),
    )
}

fn to(sink: &SinkSnapshot) -> Labels {
    vec![("plugin", sink.sink.clone())]
}

fn delivering(page: &mut Page<'_>, sinks: &[SinkSnapshot]) -> fmt::Result {
    page.counter(
        "rustus_outbox_delivered",
        "Deliveries that the plugin took, progress included",
        sinks.iter().map(|sink| (to(sink), sink.delivered)),
    )?;
    let by_cause = |counts: fn(&SinkSnapshot) -> &std::collections::BTreeMap<String, u64>| {
        sinks.iter().flat_map(move |sink| {
            let counts = counts(sink).iter();
            counts.map(move |(cause, count)| (with(to(sink), "cause", cause), *count))
        })
    };
    page.counter(
        "rustus_outbox_retries",
        "Deliveries that failed and are repeated, by cause",
        by_cause(|sink| &sink.retried),
    )?;
    page.counter(
        "rustus_outbox_dead_letters_made",
        "Events that were given up, by cause",
        by_cause(|sink| &sink.dead),
    )
}
