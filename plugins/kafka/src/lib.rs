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
use rustus_hook::config::Kept;
use rustus_hook::events_json::to_json_event;
use rustus_hook::kafka::{self, KafkaError, Message, MessageHeader};
use rustus_hook::prelude::*;

rustus_hook::sink!(deliver);

/// The `[config]` table.
struct Config {
    format: Format,
    topic: Option<String>,
    prefix: Option<String>,
}

thread_local! {
    static CONFIG: Kept<Config> = const { Kept::new() };
}

fn deliver(kind: EventKind, event: Event) -> Result<(), HookError> {
    let config = Kept::of(&CONFIG, Config::read)?;
    kafka::send(&message(&config, kind, event)).map_err(failure)
}

impl Config {
    fn read() -> Result<Self, HookError> {
        Ok(Self {
            format: config::parse("format")?.unwrap_or_default(),
            topic: config::get("topic"),
            prefix: config::get("prefix"),
        })
    }

    /// The topic of an event.
    fn topic(&self, kind: EventKind) -> String {
        let name = kind.name();
        match (&self.topic, &self.prefix) {
            (Some(topic), _) => topic.clone(),
            (None, Some(prefix)) => format!("{prefix}-{name}"),
            (None, None) => name.to_owned(),
        }
    }
}

/// The upload's id as the key keeps the events of an upload in one partition and so
/// in order.
fn message(config: &Config, kind: EventKind, event: Event) -> Message {
    let event = to_json_event(kind, event);
    let header = |name: &str, value: &str| MessageHeader {
        name: name.to_owned(),
        value: value.as_bytes().to_vec(),
    };
    Message {
        topic: config.topic(kind),
        payload: config.format.body(&event).into_bytes(),
        headers: vec![
            header("hook-name", kind.name()),
            header("event-id", &event.id),
            header("content-type", config.format.content_type()),
        ],
        key: event.upload.id.into_bytes(),
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
            let config = Config::read().unwrap();
            assert_eq!(config.topic(EventKind::PostFinish), expected, "{set:?}");
        }
    }

    #[test]
    fn a_message_has_the_upload_as_its_key_and_says_which_event_it_is() {
        testing::config(&[("format", "cloudevents")]);
        let event = testing::event(&[("filename", "a.txt")]);
        let message = message(
            &Config::read().unwrap(),
            EventKind::PreCreate,
            event.clone(),
        );
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
        let Err(HookError::Permanent(text)) = Config::read() else {
            panic!("it was read")
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
