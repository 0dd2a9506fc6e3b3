//! The sink `grpc`: asks and tells a service of tusd's
//! `proto.HookHandler/InvokeHook` (`proto/hook.proto`).
//!
//! | key of `[config]` | meaning |
//! |---|---|
//! | `retry` | how often a blocking event is asked again; 3 if it is not there |
//! | `backoff-ms` | how long to wait before that; 1000 if it is not there |
//! | `forward-headers` | header fields of the client, separated by commas, that go with a call |
//!
//! Only blocking events are asked again here, while a client waits; notifications
//! are delivered again by the server. Which service is the operator's matter
//! (`[allow.grpc]`).

mod messages;
mod request;
mod response;

use std::time::Duration;

use prost::Message as _;
use rustus_hook::grpc::{self, GrpcError};
use rustus_hook::prelude::*;

use messages::HookResponse;

rustus_hook::pre_create!(pre_create);
rustus_hook::pre_finish!(pre_finish);
rustus_hook::pre_get!(pre_get);
rustus_hook::pre_terminate!(pre_terminate);
rustus_hook::notifications!(notify);

fn pre_create(event: Event) -> Result<CreateDecision, HookError> {
    ask(EventKind::PreCreate, &event).and_then(response::create)
}

fn pre_finish(event: Event) -> Result<FinishDecision, HookError> {
    ask(EventKind::PreFinish, &event).and_then(response::finish)
}

fn pre_get(event: Event) -> Result<GetDecision, HookError> {
    ask(EventKind::PreGet, &event).and_then(response::get)
}

fn pre_terminate(event: Event) -> Result<TerminateDecision, HookError> {
    ask(EventKind::PreTerminate, &event).and_then(response::terminate)
}

fn notify(what: Notification, event: Event) -> Result<Reaction, HookError> {
    let answer = call(what.name(), &event).map_err(failure)?;
    response::reaction(what, answer)
}

/// Asks, and asks again where that may help.
fn ask(kind: EventKind, event: &Event) -> Result<HookResponse, HookError> {
    let retries: u32 = config::parse("retry")?.unwrap_or(3);
    let backoff = Duration::from_millis(config::parse("backoff-ms")?.unwrap_or(1000));
    let mut left = retries;
    loop {
        match call(kind.name(), event) {
            Err(error) if left > 0 && may_pass(&error) => {
                left -= 1;
                std::thread::sleep(backoff);
            }
            answer => return answer.map_err(failure),
        }
    }
}

fn call(kind: &str, event: &Event) -> Result<HookResponse, GrpcError> {
    const METHOD: &str = "/proto.HookHandler/InvokeHook";
    let message = request::request(kind, event).encode_to_vec();
    let answer = grpc::call(METHOD, &request::metadata(kind, event), &message)?;
    HookResponse::decode(answer.as_slice())
        .map_err(|error| GrpcError::Invalid(format!("the answer is no HookResponse: {error}")))
}

/// Statuses of gRPC that say: later.
const RESOURCE_EXHAUSTED: u32 = 8;
const UNAVAILABLE: u32 = 14;

fn may_pass(error: &GrpcError) -> bool {
    match error {
        GrpcError::Unavailable(_) => true,
        GrpcError::Failed(status) => matches!(status.code, RESOURCE_EXHAUSTED | UNAVAILABLE),
        GrpcError::Denied(_) | GrpcError::Invalid(_) => false,
    }
}

/// Whatever the service says, it may say otherwise later, when it was put right.
fn failure(error: GrpcError) -> HookError {
    match error {
        GrpcError::Denied(reason) => HookError::permanent(reason),
        GrpcError::Unavailable(reason) | GrpcError::Invalid(reason) => HookError::other(reason),
        GrpcError::Failed(status) => HookError::other(format!(
            "the service answered the status {}: {}",
            status.code, status.message
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_within_seconds_is_asked_again() {
        let failed = |code| {
            GrpcError::Failed(grpc::Status {
                code,
                message: String::new(),
            })
        };
        assert!(may_pass(&GrpcError::Unavailable(String::new())));
        assert!(may_pass(&failed(UNAVAILABLE)));
        assert!(may_pass(&failed(RESOURCE_EXHAUSTED)));
        assert!(!may_pass(&failed(7)));
        assert!(!may_pass(&GrpcError::Denied(String::new())));
    }
}
