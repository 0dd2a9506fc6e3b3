//! The sink `kafka`: every event becomes a message.
//!
//! | key of `[config]` | meaning |
//! |---|---|
//! | `format` | the format of the payload; `default` if it is not there |
//! | `topic` | the topic of all events |
//! | `prefix` | without `topic`: what stands before `-` and the event's name |
//!
//! With neither `topic` nor `prefix` an event's topic is its name. Which cluster,
//! and how, is the operator's matter (`[allow.kafka]`).

use rustus_events::Format;
use rustus_hook::events_json::to_json_event;
use rustus_hook::kafka::{self, KafkaError, Message, MessageHeader};
use rustus_hook::prelude::*;

rustus_hook::sink!(deliver);

fn deliver(kind: EventKind, event: Event) -> Result<(), HookError> {
    kafka::send(&message(kind, &event)?).map_err(failure)
}

/// The upload's id as the key keeps the events of an upload in one partition and so
/// in order.
fn message(kind: EventKind, event: &Event) -> Result<Message, HookError> {
    let format: Format = config::parse("format")?.unwrap_or_default();
    let header = |name: &str, value: &str| MessageHeader {
        name: name.to_owned(),
        value: value.as_bytes().to_vec(),
    };
    Ok(Message {
        topic: topic(kind),
        key: event.upload.id.clone().into_bytes(),
        headers: vec![
            header("hook-name", kind.name()),
            header("event-id", &event.id),
            header("content-type", format.content_type()),
        ],
        payload: format.body(&to_json_event(kind, event)).into_bytes(),
    })
}

fn topic(kind: EventKind) -> String {
    let name = kind.name();
    match (config::get("topic"), config::get("prefix")) {
        (Some(topic), _) => topic,
        (None, Some(prefix)) => format!("{prefix}-{name}"),
        (None, None) => name.to_owned(),
    }
}

/// What may pass is tried again, also what somebody has to put right first: a topic
/// is created, a right is given.
fn failure(error: KafkaError) -> HookError {
    match error {
        KafkaError::Unavailable(reason) | KafkaError::Refused(reason) => HookError::other(reason),
        KafkaError::Invalid(reason) | KafkaError::Denied(reason) => HookError::permanent(reason),
    }
}

#[cfg(test)]
mod tests {
    use rustus_hook::testing;

    use super::*;

    #[test]
    fn the_topic_wins_over_the_prefix_and_that_over_the_name_of_the_event() {
        for (set, expected) in [
            (&[][..], "post-finish"),
            (&[("prefix", "my")], "my-post-finish"),
            (&[("topic", "all")], "all"),
            (&[("topic", "all"), ("prefix", "my")], "all"),
        ] {
            testing::config(set);
            assert_eq!(topic(EventKind::PostFinish), expected, "{set:?}");
        }
    }

    #[test]
    fn a_message_has_the_upload_as_its_key_and_says_which_event_it_is() {
        testing::config(&[("format", "cloudevents")]);
        let event = testing::event(&[("filename", "a.txt")]);
        let message = message(EventKind::PreCreate, &event).unwrap();
        assert_eq!(message.key, event.upload.id.as_bytes());
        let headers: Vec<(&str, &str)> = message
            .headers
            .iter()
            .map(|header| {
                let value = std::str::from_utf8(&header.value).unwrap();
                (header.name.as_str(), value)
            })
            .collect();
        let expected = [
            ("hook-name", "pre-create"),
            ("event-id", event.id.as_str()),
            ("content-type", "application/cloudevents+json"),
        ];
        assert_eq!(headers, expected);
        let payload = String::from_utf8(message.payload).unwrap();
        assert!(
            payload.contains("dev.rustus.upload.pre-create"),
            "{payload}"
        );
    }

    #[test]
    fn a_format_that_there_is_not_is_named() {
        testing::config(&[("format", "xml")]);
        let error = message(EventKind::PreCreate, &testing::event(&[])).unwrap_err();
        let HookError::Permanent(text) = error else {
            panic!("{error:?}")
        };
        assert!(text.contains("`xml` is not a format"), "{text}");
    }

    #[test]
    fn only_what_will_never_work_is_given_up() {
        let text = || String::from("why");
        let other = HookError::other("why");
        assert_eq!(failure(KafkaError::Unavailable(text())), other);
        assert_eq!(failure(KafkaError::Refused(text())), other);
        let permanent = HookError::permanent("why");
        assert_eq!(failure(KafkaError::Invalid(text())), permanent);
        assert_eq!(failure(KafkaError::Denied(text())), permanent);
    }
}
