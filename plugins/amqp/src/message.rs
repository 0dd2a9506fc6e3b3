//! One event as one message.

use std::time::UNIX_EPOCH;

use rustus_events::{Event, celery};
use rustus_hook::amqp::Message;
use serde_json::{Map, Value, json};

use crate::config::Config;

/// The message about `event`.
pub(crate) fn of(config: &Config, event: &Event) -> Message {
    let payload = config.format.body(event);
    let kind = event.kind.name();
    let (mut headers, content_type, correlation_id, body) = match config.celery {
        true => {
            // Celery takes JSON under this name alone, and the task's id from here.
            let id = Some(event.id.clone());
            let headers = celery::headers(event);
            (headers, "application/json", id, celery::body(&payload))
        }
        false => (Map::new(), config.format.content_type(), None, payload),
    };
    headers.insert("hook-name".to_owned(), json!(kind));
    let since = event.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Message {
        exchange: config.exchange.clone(),
        routing_key: config.route(event.kind),
        content_type: content_type.to_owned(),
        content_encoding: "utf-8".to_owned(),
        message_id: event.id.clone(),
        correlation_id,
        timestamp: since.as_secs(),
        headers: Value::Object(headers).to_string(),
        body: body.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use rustus_hook::events_json::to_json_event;
    use rustus_hook::{EventKind, testing};

    use super::*;

    fn message(entries: &[(&str, &str)]) -> Message {
        testing::config(entries);
        let event = to_json_event(EventKind::PostFinish, testing::event(&[]));
        of(&Config::read().unwrap(), &event)
    }

    #[test]
    fn a_message_has_the_event_and_its_names() {
        let message = message(&[("format", "v2")]);
        assert_eq!(message.exchange, "rustus");
        assert_eq!(message.routing_key, "rustus.post-finish");
        assert_eq!(message.content_type, "application/json");
        assert_eq!(message.message_id, "018bcfe5-6800-7000-8000-000000000000");
        assert_eq!(message.correlation_id, None);
        assert_eq!(message.timestamp, 1_700_000_000);
        assert_eq!(message.headers, r#"{"hook-name":"post-finish"}"#);
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body["request"]["uri"], "/files");
    }

    #[test]
    fn a_task_for_celery_has_the_event_as_its_only_argument() {
        let message = message(&[("celery", "true"), ("format", "cloudevents")]);
        assert_eq!(message.content_type, "application/json");
        assert_eq!(message.correlation_id, Some(message.message_id.clone()));
        let headers: Value = serde_json::from_str(&message.headers).unwrap();
        assert_eq!(headers["task"], "rustus.post-finish");
        assert_eq!(headers["id"], message.message_id.as_str());
        assert_eq!(headers["hook-name"], "post-finish");
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body[0][0]["id"], message.message_id.as_str());
        assert_eq!((&body[1], &body[2]), (&json!({}), &json!({})));
    }

    #[test]
    fn a_format_with_a_media_type_of_its_own_keeps_it() {
        let message = message(&[("format", "cloudevents")]);
        assert_eq!(message.content_type, "application/cloudevents+json");
    }
}
