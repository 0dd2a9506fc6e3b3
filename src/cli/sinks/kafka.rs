//! `--hooks-kafka-*`.

mod options;
mod values;

use std::time::Duration;

use serde_json::{Map, Value};

use options::send_timeout;
use values::{Acks, Compression, ExtraOptions};

use super::Wanted;
use crate::hooks::EventSet;
use crate::plugins::{BuiltIn, Grants, Instances, KafkaGrant, Limits, Manifest, Sink};

/// How many events are on their way at the same time. They share requests, so that
/// this and not the way to the cluster and back bounds how many there are a second:
/// some ten thousand. More would take time from requests while uploads come.
const CONCURRENT: usize = 64;

/// How much longer a call may take than its message: what is left over when the
/// cluster does not answer and the guest says so.
const BEYOND_SENDING: Duration = Duration::from_secs(2);

/// The flags of the sink `kafka`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Kafka hooks")]
pub(super) struct KafkaFlags {
    /// Brokers of the Kafka cluster that events are sent to, HOST:PORT, separated by
    /// commas
    #[arg(
        id = "hooks-kafka-urls",
        long = "hooks-kafka-urls",
        env = "RUSTUS_HOOKS_KAFKA_URLS",
        value_delimiter = ',',
        value_name = "BROKERS"
    )]
    urls: Vec<String>,
    /// Name of this client in the brokers' logs and quotas [default: rustus]
    #[arg(
        id = "hooks-kafka-client-id",
        long = "hooks-kafka-client-id",
        env = "RUSTUS_HOOKS_KAFKA_CLIENT_ID",
        value_name = "ID"
    )]
    client_id: Option<String>,
    /// Topic of all events
    #[arg(
        id = "hooks-kafka-topic",
        long = "hooks-kafka-topic",
        env = "RUSTUS_HOOKS_KAFKA_TOPIC",
        value_name = "TOPIC"
    )]
    topic: Option<String>,
    /// Without --hooks-kafka-topic: what stands before `-` and the event's name in
    /// the topic of an event [default: the topic is the event's name]
    #[arg(
        id = "hooks-kafka-prefix",
        long = "hooks-kafka-prefix",
        env = "RUSTUS_HOOKS_KAFKA_PREFIX",
        value_name = "PREFIX"
    )]
    prefix: Option<String>,
    /// Replicas that have an event before it is delivered: 0, 1, -1 or all
    /// [default: all]
    #[arg(
        id = "hooks-kafka-required-acks",
        long = "hooks-kafka-required-acks",
        env = "RUSTUS_HOOKS_KAFKA_REQUIRED_ACKS",
        value_parser = values::acks,
        num_args = 0..=1,
        default_missing_value = "all",
        allow_negative_numbers = true,
        value_name = "ACKS"
    )]
    required_acks: Option<Acks>,
    /// Compression of messages: none, gzip, snappy, lz4 or zstd [default: none]
    #[arg(
        id = "hooks-kafka-compression",
        long = "hooks-kafka-compression",
        env = "RUSTUS_HOOKS_KAFKA_COMPRESSION",
        value_parser = values::compression,
        value_name = "CODEC"
    )]
    compression: Option<Compression>,
    /// Seconds after which an idle connection to a broker is closed; 0 for never
    /// [default: 0]
    #[arg(
        id = "hooks-kafka-idle-timeout",
        long = "hooks-kafka-idle-timeout",
        env = "RUSTUS_HOOKS_KAFKA_IDLE_TIMEOUT",
        value_parser = values::idle_timeout,
        value_name = "SECONDS"
    )]
    idle_timeout: Option<u64>,
    /// Seconds that one attempt to send an event may take [default: 10]
    #[arg(
        id = "hooks-kafka-send-timeout",
        long = "hooks-kafka-send-timeout",
        env = "RUSTUS_HOOKS_KAFKA_SEND_TIMEOUT",
        value_parser = values::send_timeout,
        value_name = "SECONDS"
    )]
    send_timeout: Option<u64>,
    /// Further options of librdkafka, KEY=VALUE, separated by semicolons
    #[arg(
        id = "hooks-kafka-extra-options",
        long = "hooks-kafka-extra-options",
        env = "RUSTUS_HOOKS_KAFKA_EXTRA_OPTIONS",
        hide_env_values = true,
        value_parser = values::extra_options,
        value_name = "OPTIONS"
    )]
    extra_options: Option<ExtraOptions>,
}

/// Where events go: what the guest is told of it, and all topics that it can come to.
struct Route {
    config: Map<String, Value>,
    topics: Vec<String>,
}

impl KafkaFlags {
    /// The sink, if its flags switch it on.
    pub(super) fn built_in(&self, wanted: &Wanted) -> Result<Option<BuiltIn>, String> {
        let brokers: Vec<String> = self.urls.iter().filter_map(|url| set(url)).collect();
        if brokers.is_empty() || wanted.events == EventSet::EMPTY {
            return Ok(None);
        }
        let options = self.options(&brokers)?;
        let Route { mut config, topics } = self.route(wanted.events)?;
        config.insert("format".to_owned(), wanted.format.clone().into());
        let manifest = Manifest {
            instances: Instances::Reuse,
            events: wanted.events,
            limits: Limits {
                wall_time: send_timeout(&options) + BEYOND_SENDING,
                concurrent_calls: CONCURRENT,
                ..Limits::default()
            },
            config,
            allow: Grants {
                kafka: Some(KafkaGrant {
                    brokers,
                    options,
                    topics: Some(topics),
                }),
                ..Grants::default()
            },
            ..Manifest::default()
        };
        Ok(Some(BuiltIn {
            sink: Sink::Kafka,
            manifest,
        }))
    }

    fn route(&self, events: EventSet) -> Result<Route, String> {
        let topic = self.topic.as_deref().and_then(set);
        let prefix = self.prefix.as_deref().and_then(set);
        let mut config = Map::new();
        let (flag, topics): (_, Vec<String>) = match (topic, prefix) {
            (Some(topic), prefix) => {
                if prefix.is_some() {
                    tracing::warn!(
                        topic,
                        "all events go to the topic of --hooks-kafka-topic; --hooks-kafka-prefix is \
                         ignored beside it, leave one of them out"
                    );
                }
                config.insert("topic".to_owned(), topic.clone().into());
                ("--hooks-kafka-topic", vec![topic])
            }
            (None, Some(prefix)) => {
                let topics = events.iter().map(|kind| format!("{prefix}-{kind}"));
                let topics = topics.collect();
                config.insert("prefix".to_owned(), prefix.into());
                ("--hooks-kafka-prefix", topics)
            }
            (None, None) => {
                let topics = events.iter().map(|kind| kind.name().to_owned());
                ("--hooks", topics.collect())
            }
        };
        match topics.iter().find(|name| !KafkaGrant::is_topic(name)) {
            None => Ok(Route { config, topics }),
            Some(wrong) => Err(format!(
                "{flag}: no topic can be called {wrong:?}; expected 1 to 249 of letters, digits, \
                 `.`, `_` and `-`"
            )),
        }
    }
}

/// A flag's value, unless it was set to nothing.
fn set(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::options::acks;
    use super::*;
    use crate::hooks::EventKind;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        kafka: KafkaFlags,
    }

    fn manifest(flags: &[&str]) -> Manifest {
        built_in(flags).unwrap().unwrap().manifest
    }

    fn built_in(flags: &[&str]) -> Result<Option<BuiltIn>, String> {
        let all = [&["rustus", "--hooks-kafka-urls", "a:1, b:2"], flags].concat();
        let line = Line::try_parse_from(all).map_err(|error| error.to_string())?;
        let events = [EventKind::PreCreate, EventKind::PostFinish];
        line.kafka.built_in(&Wanted {
            events: events.into_iter().collect(),
            format: "v2".to_owned(),
        })
    }

    fn grant(flags: &[&str]) -> KafkaGrant {
        manifest(flags).allow.kafka.unwrap()
    }

    #[test]
    fn without_brokers_there_is_no_sink() {
        for flags in [&["rustus"][..], &["rustus", "--hooks-kafka-urls", " , "]] {
            let line = Line::try_parse_from(flags).unwrap();
            let wanted = Wanted {
                events: EventSet::ALL,
                format: "default".to_owned(),
            };
            assert!(line.kafka.built_in(&wanted).unwrap().is_none());
        }
    }

    #[test]
    fn all_brokers_are_there() {
        assert_eq!(grant(&[]).brokers, ["a:1", "b:2"]);
    }

    #[test]
    fn the_topic_wins_over_the_prefix_and_that_over_the_name_of_the_event() {
        let topic = ["--hooks-kafka-topic", "all"];
        let prefix = ["--hooks-kafka-prefix", "my"];
        let both = [topic, prefix].concat();
        for (flags, topics, config) in [
            (&topic[..], &["all"][..], r#"{"format":"v2","topic":"all"}"#),
            (&both, &["all"], r#"{"format":"v2","topic":"all"}"#),
            (
                &prefix,
                &["my-pre-create", "my-post-finish"],
                r#"{"format":"v2","prefix":"my"}"#,
            ),
            (&[], &["pre-create", "post-finish"], r#"{"format":"v2"}"#),
        ] {
            let manifest = manifest(flags);
            assert_eq!(Value::Object(manifest.config).to_string(), config);
            assert_eq!(manifest.allow.kafka.unwrap().topics.unwrap(), topics);
        }
    }

    #[test]
    fn every_flag_becomes_an_option() {
        let flags = [
            "--hooks-kafka-client-id=me",
            "--hooks-kafka-required-acks",
            "--hooks-kafka-compression=zstd",
            "--hooks-kafka-idle-timeout=10",
            "--hooks-kafka-send-timeout=7",
            "--hooks-kafka-extra-options=sasl.password=a==b; debug=broker;",
        ];
        let manifest = manifest(&flags);
        let expected = [
            ("acks", "all"),
            ("client.id", "me"),
            ("compression.codec", "zstd"),
            ("connections.max.idle.ms", "10000"),
            ("debug", "broker"),
            ("message.timeout.ms", "7000"),
            ("sasl.password", "a==b"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(manifest.allow.kafka.unwrap().options, expected.into());
        assert_eq!(manifest.limits.wall_time, Duration::from_secs(9));
    }

    #[test]
    fn acknowledgements_are_a_switch_and_take_a_value() {
        const FLAG: &str = "--hooks-kafka-required-acks";
        for (flags, expected) in [
            (
                &[FLAG, "--hooks-kafka-compression", "none"][..],
                Some("all"),
            ),
            (&[FLAG], Some("all")),
            (&[FLAG, "1"], Some("1")),
            (&[FLAG, "-1"], Some("all")),
            (&["--hooks-kafka-required-acks=all"], Some("all")),
            (&["--hooks-kafka-required-acks=0"], Some("0")),
            (&["--hooks-kafka-required-acks="], None),
            (&[], None),
        ] {
            assert_eq!(acks(&grant(flags).options), expected, "{flags:?}");
        }
    }

    #[test]
    fn a_flag_wins_over_an_extra_option_that_means_the_same() {
        let options = grant(&[
            "--hooks-kafka-required-acks=1",
            "--hooks-kafka-extra-options",
            "request.required.acks=all;delivery.timeout.ms=3000;metadata.broker.list=c:3",
        ])
        .options;
        assert_eq!(acks(&options), Some("1"));
        assert_eq!(send_timeout(&options), Duration::from_secs(3));
        assert_eq!(options.len(), 2, "{options:?}");
    }

    #[test]
    fn a_bad_value_is_answered_with_what_was_expected() {
        for (flag, expected) in [
            ("--hooks-kafka-required-acks=2", "0, 1, -1 or all"),
            (
                "--hooks-kafka-compression=rar",
                "none, gzip, snappy, lz4 or zstd",
            ),
            ("--hooks-kafka-send-timeout=0", "1 to 600"),
            ("--hooks-kafka-idle-timeout=10s", "a number of seconds"),
            ("--hooks-kafka-topic=a/b", "letters, digits"),
            ("--hooks-kafka-prefix=a b", "letters, digits"),
            (
                "--hooks-kafka-extra-options=a=1;secret",
                "second of the options",
            ),
        ] {
            let message = built_in(&[flag]).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let flags = "--hooks-kafka-extra-options=sasl.password=geheim";
        let line = Line::try_parse_from(["rustus", flags]).unwrap();
        assert!(!format!("{:?}", line.kafka).contains("geheim"));
        assert!(!format!("{:?}", built_in(&[flags])).contains("geheim"));
        let message = built_in(&["--hooks-kafka-extra-options=geheim"]).unwrap_err();
        assert!(!message.contains("geheim"), "{message}");
    }
}
