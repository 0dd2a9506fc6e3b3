//! Plugins and the outbox as JSON. `openapi.json` describes what is made here.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::hooks::EventKind;
use crate::hooks::outbox::{SinkSnapshot, Snapshot};
use crate::plugins::{
    BreakerState, Capability, EventSet, Generation, Instances, OnError, Standing,
};

/// How many of each outcome there were.
type Counts = BTreeMap<&'static str, u64>;

#[derive(Serialize)]
pub(super) struct Plugins {
    plugins: Vec<Plugin>,
}

#[derive(Serialize)]
pub(super) struct Plugin {
    name: String,
    state: &'static str,
    built_in: bool,
    reference: Option<String>,
    refused: Option<String>,
    generation: Option<Version>,
    loads: u64,
    load_failures: u64,
    memory_peak_bytes: u64,
    breaker_opened: u64,
    calls: BTreeMap<&'static str, Counts>,
    requests: BTreeMap<&'static str, Counts>,
}

/// The version that serves. Of its configuration the keys are shown only: values
/// may be secrets.
#[derive(Serialize)]
struct Version {
    number: u64,
    digest: String,
    order: i32,
    on_error: &'static str,
    instances: &'static str,
    asked: Vec<&'static str>,
    told: Vec<&'static str>,
    config_keys: Vec<String>,
    grants: Vec<&'static str>,
    breaker: Breaker,
    limits: Limits,
}

/// Whether the plugin is asked, or failed so often that it is not for a while.
#[derive(Serialize)]
struct Breaker {
    state: &'static str,
    asked_again_ms: Option<u64>,
}

#[derive(Serialize)]
struct Limits {
    memory_bytes: u64,
    cpu_time_ms: u64,
    wall_time_ms: u64,
    host_allocation_bytes: u64,
    concurrent_calls: u64,
    output_bytes: u64,
}

#[derive(Serialize)]
pub(super) struct OutboxAnswer {
    outbox: Option<Outbox>,
}

#[derive(Serialize)]
struct Outbox {
    used_bytes: u64,
    max_bytes: u64,
    full: bool,
    undecided: u64,
    sinks: Vec<Sink>,
}

#[derive(Serialize)]
struct Sink {
    plugin: String,
    pending: u64,
    in_memory: u64,
    oldest_seconds: Option<f64>,
    down: bool,
    dead_letters: u64,
    delivered: u64,
    retries: BTreeMap<String, u64>,
    dead_letters_made: BTreeMap<String, u64>,
}

pub(super) fn plugins(standings: &[Standing]) -> Plugins {
    Plugins {
        plugins: standings.iter().map(plugin).collect(),
    }
}

pub(super) fn plugin(standing: &Standing) -> Plugin {
    let tally = &standing.tally;
    let failures = tally.refusals.get();
    Plugin {
        name: standing.name.to_string(),
        state: state(standing),
        built_in: standing.built_in,
        reference: standing.reference.as_ref().map(ToString::to_string),
        refused: standing.refused.as_ref().map(ToString::to_string),
        generation: standing.generation.as_deref().map(version),
        loads: tally.loads.get(),
        load_failures: failures.iter().map(|(_, count)| count).sum(),
        memory_peak_bytes: tally.memory.get(),
        breaker_opened: tally.breaker_opened.get(),
        calls: EventKind::ALL
            .into_iter()
            .map(|kind| (kind.name(), tally.calls(kind)))
            .filter_map(counted)
            .collect(),
        requests: Capability::ALL
            .into_iter()
            .map(|capability| (capability.name(), tally.requests(capability)))
            .filter_map(counted)
            .collect(),
    }
}

const fn state(standing: &Standing) -> &'static str {
    if standing.disabled {
        "disabled"
    } else if standing.generation.is_some() {
        "serving"
    } else if standing.refused.is_some() {
        "refused"
    } else {
        "awaited"
    }
}

/// Nothing of what never was.
fn counted<'a>((name, counts): (&'a str, Vec<(&'static str, u64)>)) -> Option<(&'a str, Counts)> {
    let counts: Counts = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    (!counts.is_empty()).then_some((name, counts))
}

fn version(generation: &Generation) -> Version {
    let limits = generation.limits();
    Version {
        number: generation.number(),
        digest: generation.digest().to_owned(),
        order: generation.order(),
        on_error: match generation.on_error() {
            OnError::Reject => "reject",
            OnError::Allow => "allow",
        },
        instances: match generation.instances() {
            Instances::Fresh => "fresh",
            Instances::Reuse => "reuse",
        },
        asked: names(generation.subscription().asked),
        told: names(generation.subscription().told),
        config_keys: generation.config_keys().map(str::to_owned).collect(),
        grants: generation
            .grants()
            .into_iter()
            .map(Capability::name)
            .collect(),
        breaker: breaker(generation.breaker()),
        limits: Limits {
            memory_bytes: limits.memory as u64,
            cpu_time_ms: milliseconds(limits.cpu_time),
            wall_time_ms: milliseconds(limits.wall_time),
            host_allocation_bytes: limits.host_allocation as u64,
            concurrent_calls: limits.concurrent_calls as u64,
            output_bytes: limits.output as u64,
        },
    }
}

fn breaker(state: BreakerState) -> Breaker {
    let (state, left) = match state {
        BreakerState::Closed => ("closed", None),
        BreakerState::Open { left } => ("open", Some(left)),
        BreakerState::HalfOpen => ("half-open", None),
    };
    Breaker {
        state,
        asked_again_ms: left.map(milliseconds),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn names(events: EventSet) -> Vec<&'static str> {
    events.iter().map(EventKind::name).collect()
}

pub(super) fn outbox(snapshot: Option<Snapshot>) -> OutboxAnswer {
    OutboxAnswer {
        outbox: snapshot.map(|snapshot| Outbox {
            used_bytes: snapshot.used_bytes,
            max_bytes: snapshot.max_bytes,
            full: snapshot.is_full,
            undecided: snapshot.undecided as u64,
            sinks: snapshot.sinks.into_iter().map(sink).collect(),
        }),
    }
}

fn sink(snapshot: SinkSnapshot) -> Sink {
    Sink {
        plugin: snapshot.sink,
        pending: snapshot.depth,
        in_memory: snapshot.in_memory as u64,
        oldest_seconds: snapshot.oldest.map(|age| age.as_secs_f64()),
        down: snapshot.is_down,
        dead_letters: snapshot.dead_letters,
        delivered: snapshot.delivered,
        retries: snapshot.retried,
        dead_letters_made: snapshot.dead,
    }
}
