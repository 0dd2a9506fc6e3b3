//! What the events other than `pre-create` do.

use rustus_hook::UploadKind;
use rustus_hook::prelude::*;

use crate::{Behaviour, harm};

/// `behave-finish`: what [`blocking`] knows, `header:NAME=VALUE`, `status:CODE` and
/// `body:TEXT`.
pub(crate) fn finish(event: Event) -> Result<FinishDecision, HookError> {
    let behaviour = Behaviour::of(&event, "behave-finish");
    let proceed = FinishDecision::proceed();
    match behaviour.name.as_str() {
        "header" => Ok(proceed.with_header(behaviour.pair().0, behaviour.pair().1)),
        "status" => Ok(proceed.with_status(behaviour.argument.parse().map_err(HookError::other)?)),
        "body" => Ok(proceed.with_status(200).with_body(behaviour.argument)),
        _ => Ok(blocking(&behaviour)?.map_or(proceed, FinishDecision::reject)),
    }
}

/// `behave-get`: what [`blocking`] knows.
pub(crate) fn get(event: Event) -> Result<GetDecision, HookError> {
    let rejection = blocking(&Behaviour::of(&event, "behave-get"))?;
    Ok(rejection.map_or(GetDecision::proceed(), GetDecision::reject))
}

/// `behave-terminate`: what [`blocking`] knows.
pub(crate) fn terminate(event: Event) -> Result<TerminateDecision, HookError> {
    let rejection = blocking(&Behaviour::of(&event, "behave-terminate"))?;
    Ok(rejection.map_or(TerminateDecision::proceed(), TerminateDecision::reject))
}

/// `ok`, `reject`, `trap`, `loop` and `error-retry`; a rejection if there is one.
fn blocking(behaviour: &Behaviour) -> Result<Option<Rejection>, HookError> {
    match behaviour.name.as_str() {
        "ok" => return Ok(None),
        "reject" => return Ok(Some(Rejection::new(403, "hostile says no"))),
        "error-retry" => return Err(HookError::retry()),
        "trap" => harm::trap(),
        "loop" => harm::spin(),
        _ => {}
    }
    Err(behaviour.unknown())
}

/// `whole`, `partial`, or `final` and the ids of its parts.
pub(crate) fn kind(upload: &Upload) -> String {
    match &upload.kind {
        UploadKind::Whole => "whole".to_owned(),
        UploadKind::Partial => "partial".to_owned(),
        UploadKind::Final(parts) => format!("final {}", parts.join(" ")),
    }
}

/// `behave-notify`: `ok`, `stop` (at progress), `trap`, `loop`, `retry` and
/// `permanent`. Each call logs first.
pub(crate) fn notify(what: Notification, event: Event) -> Result<Reaction, HookError> {
    let offset = event.upload.offset.to_string();
    log::info(
        "hostile: notified",
        &[
            ("what", what.name()),
            ("upload", &event.upload.id),
            ("offset", &offset),
            ("kind", &kind(&event.upload)),
        ],
    );
    let behaviour = Behaviour::of(&event, "behave-notify");
    match behaviour.name.as_str() {
        "stop" if what == Notification::PostReceive => {
            return Ok(Reaction::stop(Rejection::new(422, "hostile stops it")));
        }
        "ok" | "stop" => return Ok(Reaction::Done),
        "retry" => return Err(HookError::retry()),
        "permanent" => return Err(HookError::permanent("hostile: permanent")),
        "trap" => harm::trap(),
        "loop" => harm::spin(),
        _ => {}
    }
    Err(behaviour.unknown())
}
