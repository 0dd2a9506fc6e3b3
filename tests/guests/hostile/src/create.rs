//! What `pre-create` does for each value of `behave`.

use std::time::Duration;

use rustus_hook::prelude::*;

use crate::{Behaviour, harm, others, probe};

type Answer = Result<CreateDecision, HookError>;

/// The table. Each entry answers for itself; those of [`harm`] seldom return.
pub(crate) fn decide(event: Event) -> Answer {
    let behaviour = Behaviour::of(&event, "behave");
    let argument = behaviour.argument.as_str();
    match behaviour.name.as_str() {
        "ok" => Ok(CreateDecision::proceed()),
        "reject" => reject(Rejection::new(403, "hostile says no")),
        "bad-status" => reject(Rejection::new(99, "")),
        "bad-header" => reject(Rejection::new(403, "").header("bad\nname", "x")),
        "huge-body" => reject(Rejection::new(403, "x".repeat(64 << 20))),
        "smuggle-header" => header("x-smuggled", "a\r\nx: y"),
        "protocol-header" => header("upload-offset", "7"),
        "header" => header(behaviour.pair().0, behaviour.pair().1),
        "id" => Ok(CreateDecision::proceed().with_id(argument)),
        "path" => Ok(CreateDecision::proceed().with_path(argument)),
        "metadata" => metadata(&event, behaviour.pair()),
        "bad-metadata" => metadata(&event, ("", "x")),
        "error-retry" => Err(HookError::retry_after(Duration::from_millis(1500))),
        "error-permanent" => Err(HookError::permanent("hostile: permanent")),
        "error-other" => Err(HookError::other("hostile: other")),
        "count" => header("x-count", &probe::count().to_string()),
        "leak" => header("x-leaked", &harm::leak().to_string()),
        "kind" => header("x-kind", &kind(&event)),
        "headers" => header("x-fields", &event.request.header_values(argument).join(",")),
        "all-headers" => header("x-fields", &names(&event)),
        "config" => header("x-config", &config::all()),
        "secret" => header("x-secret", &secrets::get(argument)?),
        "log-secret" => Ok(harm::log_secret(argument)?),
        "fail-secret" => Err(HookError::other(secrets::get(argument)?)),
        "clock" => header("x-clock", &probe::clock().to_string()),
        "env" => Ok(surroundings()),
        "print-some" => {
            harm::print_some();
            Ok(CreateDecision::proceed())
        }
        harmful => {
            harm::by_name(harmful).ok_or_else(|| behaviour.unknown())?();
            Ok(CreateDecision::proceed())
        }
    }
}

fn reject(rejection: Rejection) -> Answer {
    Ok(CreateDecision::reject(rejection))
}

fn header(name: &str, value: &str) -> Answer {
    Ok(CreateDecision::proceed().with_header(name, value))
}

/// What the upload is, and its length.
fn kind(event: &Event) -> String {
    let length = event.upload.length.unwrap_or_default();
    format!("{} {length}", others::kind(&event.upload))
}

/// The names of all header fields, as they are listed.
fn names(event: &Event) -> String {
    let fields = event.request.headers().into_iter();
    fields.map(|field| field.name).collect::<Vec<_>>().join(",")
}

fn metadata(event: &Event, (key, value): (&str, &str)) -> Answer {
    let metadata = Metadata::of(&event.upload).set(key, value);
    Ok(CreateDecision::proceed().with_metadata(metadata))
}

fn surroundings() -> CreateDecision {
    CreateDecision::proceed()
        .with_header("x-env", probe::environment_variables())
        .with_header("x-files", probe::files())
        .with_header("x-net", probe::network())
}
