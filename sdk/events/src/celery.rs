//! The envelope in which a Celery worker takes an event for a task: message
//! protocol 2 of Celery, in JSON.
//!
//! The task's name is `rustus.EVENT`, its only argument the event. The task's id
//! is the event's, so that a repeated delivery can be recognised, and results and
//! revocations find it. AMQP's own properties (`content-type` `application/json`,
//! `content-encoding` `utf-8`, `correlation-id` the same id) are set by who
//! publishes.

use serde_json::{Map, Value, json};

use crate::event::Event;

/// The message's body: arguments, keyword arguments, and what is to run after.
/// `payload` is a JSON text, such as [`Format::body`](crate::Format::body) makes.
#[must_use]
pub fn body(payload: &str) -> String {
    format!("[[{payload}], {{}}, {{}}]")
}

/// The message's headers.
///
/// The texts that stand for the arguments in a worker's log (`argsrepr`) name the
/// upload and leave the rest out: what clients sent does not belong into logs.
#[must_use]
pub fn headers(event: &Event) -> Map<String, Value> {
    let arguments = format!("(<upload {}>,)", event.upload.id);
    [
        ("argsrepr", json!(arguments)),
        ("eta", Value::Null),
        ("expires", Value::Null),
        ("group", Value::Null),
        ("id", json!(event.id)),
        ("kwargsrepr", json!("{}")),
        ("lang", json!("py")),
        ("origin", json!("rustus")),
        ("parent_id", Value::Null),
        ("retries", json!(0)),
        ("root_id", json!(event.id)),
        ("shadow", Value::Null),
        ("task", json!(format!("rustus.{}", event.kind))),
        ("timelimit", json!([null, null])),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::event::{RequestState, UploadKind, UploadState};
    use crate::kind::EventKind;

    #[test]
    fn the_payload_is_the_only_argument() {
        let body: Value = serde_json::from_str(&body(r#"{"a":1}"#)).unwrap();
        assert_eq!(body, json!([[{ "a": 1 }], {}, {}]));
    }

    #[test]
    fn the_task_has_the_events_id_and_name() {
        let event = Event {
            id: "0192".to_owned(),
            kind: EventKind::PreCreate,
            time: UNIX_EPOCH,
            upload: UploadState {
                id: "u".to_owned(),
                offset: 0,
                length: None,
                metadata: Vec::new(),
                kind: UploadKind::Whole,
                storage: "file_storage".into(),
                path: None,
                created_at: UNIX_EPOCH,
            },
            request: Arc::new(RequestState::cut_off("/files/u".to_owned())),
        };
        let headers = Value::from(headers(&event));
        assert_eq!(headers["id"], "0192");
        assert_eq!(headers["root_id"], "0192");
        assert_eq!(headers["task"], "rustus.pre-create");
        assert_eq!(headers["timelimit"], json!([null, null]));
        assert_eq!(headers["argsrepr"], "(<upload u>,)");
    }
}
