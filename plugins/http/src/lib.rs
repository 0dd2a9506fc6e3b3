//! Asks HTTP services about uploads, and tells them.
//!
//! Blocking events are put to all URLs at the same time, and the first rejection
//! wins. A notification is posted once for each delivery: the server keeps it
//! and delivers it again. The wire is described in docs/http-hooks.md.

mod ask;
mod exchange;
mod letter;
mod no_answer;
mod settings;
mod signature;
mod target;
mod tell;
mod trace;
mod verdict;
mod waiting;

use rustus_hook::events_json::to_json_event;
use rustus_hook::prelude::*;

use self::letter::Letter;
use self::settings::Settings;

rustus_hook::pre_create!(pre_create);
rustus_hook::pre_finish!(pre_finish);
rustus_hook::pre_get!(pre_get);
rustus_hook::pre_terminate!(pre_terminate);
rustus_hook::notifications!(notify);

fn pre_create(event: Event) -> Result<CreateDecision, HookError> {
    decide(EventKind::PreCreate, event, verdict::create)
}

fn pre_finish(event: Event) -> Result<FinishDecision, HookError> {
    decide(EventKind::PreFinish, event, verdict::finish)
}

fn pre_get(event: Event) -> Result<GetDecision, HookError> {
    decide(EventKind::PreGet, event, verdict::get)
}

fn pre_terminate(event: Event) -> Result<TerminateDecision, HookError> {
    decide(EventKind::PreTerminate, event, verdict::terminate)
}

fn decide<D>(
    kind: EventKind,
    event: Event,
    decision: fn(verdict::Outcome) -> Result<D, HookError>,
) -> Result<D, HookError> {
    let settings = Settings::read()?;
    let letter = letter(kind, event, &settings);
    decision(waiting::run(ask::all(&settings, &letter))?)
}

fn notify(what: Notification, event: Event) -> Result<Reaction, HookError> {
    let settings = Settings::read()?;
    let letter = letter(what.into(), event, &settings);
    waiting::run(tell::all(&settings, &letter, what))
}

fn letter(kind: EventKind, event: Event, settings: &Settings) -> Letter {
    let json = to_json_event(kind, event);
    Letter::new(&json, settings, trace::random())
}
