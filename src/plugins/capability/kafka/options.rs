//! The options of librdkafka that a grant comes to, checked by librdkafka itself
//! before anything is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel as Level};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DeliveryResult, ProducerContext};
use rdkafka::statistics::Statistics;

use super::grant::KafkaGrant;

/// What is set where the grant says nothing, and why.
const DEFAULTS: [(&str, &str); 5] = [
    ("client.id", "rustus"),
    // Calls that come within it share a request, which costs the cluster and the
    // server much less than one for each; a call alone loses as much.
    ("linger.ms", "5"),
    // A cluster that is back is found within a second: events wait for it.
    ("reconnect.backoff.max.ms", "1000"),
    // How long a topic that brokers create by themselves may take to be known
    // everywhere. A missing one is called so after it, within the call.
    ("topic.metadata.propagation.max.ms", "2000"),
    // Ends what a firewall forgot.
    ("socket.keepalive.enable", "true"),
];

/// Names that mean the same; the first is the one that is set.
const SAME: [(&str, &str); 8] = [
    ("bootstrap.servers", "metadata.broker.list"),
    ("acks", "request.required.acks"),
    ("compression.codec", "compression.type"),
    ("linger.ms", "queue.buffering.max.ms"),
    ("message.timeout.ms", "delivery.timeout.ms"),
    ("retries", "message.send.max.retries"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("max.in.flight.requests.per.connection", "max.in.flight"),
];

/// Options that a plugin cannot be given, and why.
const NOT_HERE: [(&str, &str); 5] = [
    ("bootstrap.servers", "name the brokers in `brokers`"),
    (
        "plugin.library.paths",
        "nothing native is loaded into the server",
    ),
    (
        "transactional.id",
        "messages are sent one by one, without transactions",
    ),
    (
        "delivery.report.only.error",
        "an event counts as delivered on its report",
    ),
    ("log.queue", "the log goes to the server's"),
];

/// A call ends a tenth before the plugin's own wall time, so that it ends with an
/// answer.
fn message_timeout(wall_time: Duration) -> Duration {
    wall_time / 10 * 9
}

/// The options of a producer for `grant`, whose calls may last `wall_time`.
///
/// # Errors
/// What is wrong, by name, and never with the value of an option that may be a
/// password.
pub(super) fn options(grant: &KafkaGrant, wall_time: Duration) -> Result<ClientConfig, String> {
    let mut options = canonical(&grant.options)?;
    for (name, why) in NOT_HERE {
        if options.contains_key(name) {
            return Err(format!("the option `{name}` cannot be set: {why}"));
        }
    }
    for (name, value) in DEFAULTS {
        options.entry(name).or_insert_with(|| value.to_owned());
    }
    options
        .entry("message.timeout.ms")
        .or_insert_with(|| message_timeout(wall_time).as_millis().to_string());
    if options
        .get("message.timeout.ms")
        .is_some_and(|ms| ms == "0")
    {
        return Err(
            "the option `message.timeout.ms` is 0, so that a call would never end; give a time \
             below `wall-time-ms`, such as 10000"
                .to_owned(),
        );
    }
    // Without it a repetition inside of librdkafka can double messages and change
    // their order. It needs the acknowledgement of all replicas.
    let acks = options.get("acks").map_or("all", String::as_str);
    if matches!(acks, "all" | "-1") {
        options
            .entry("enable.idempotence")
            .or_insert_with(|| "true".to_owned());
    }
    let mut config: ClientConfig = options
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    // What is said at `debug` is said only where the option of that name asks.
    config.set_log_level(match config.get("debug") {
        Some(_) => Level::Debug,
        None => Level::Info,
    });
    try_out(&config)?;
    config.set("bootstrap.servers", servers(&grant.brokers)?);
    Ok(config)
}

/// The options under the first of the names that they have.
fn canonical(given: &BTreeMap<String, String>) -> Result<BTreeMap<&str, String>, String> {
    let mut options = BTreeMap::new();
    for (name, value) in given {
        let first = SAME
            .iter()
            .find(|(_, other)| other == name)
            .map_or(name.as_str(), |(first, _)| first);
        if options.insert(first, value.clone()).is_some() {
            let other = SAME.iter().find(|(same, _)| *same == first);
            let other = other.map_or(first, |(_, other)| other);
            return Err(format!(
                "the options `{first}` and `{other}` are the same; leave one out"
            ));
        }
    }
    Ok(options)
}

/// `bootstrap.servers`.
fn servers(brokers: &[String]) -> Result<String, String> {
    if brokers.is_empty() {
        return Err("`brokers` is empty; name at least one, such as \"kafka:9092\"".to_owned());
    }
    for broker in brokers {
        if !is_broker(broker) {
            return Err(format!(
                "the broker {broker:?} is none; write \"host:port\", such as \"kafka:9092\""
            ));
        }
    }
    Ok(brokers.join(","))
}

fn is_broker(text: &str) -> bool {
    let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '/' | '@');
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address without a port ends in its bracket.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && !host.contains(strange) && !bare_ipv6 && port.is_none_or(is_port)
}

/// Has librdkafka check every option and whether they go together, files that
/// they name included. Without brokers it connects to nothing.
fn try_out(config: &ClientConfig) -> Result<(), String> {
    match BaseProducer::from_config_and_context(config, Silent) {
        Ok(producer) => {
            drop(producer);
            Ok(())
        }
        // The value is left out: it may be a password.
        Err(KafkaError::ClientConfig(_, problem, name, _)) => {
            Err(format!("the option `{name}` cannot be used: {problem}"))
        }
        Err(KafkaError::Nul(_)) => Err("an option has a zero byte in it".to_owned()),
        Err(KafkaError::ClientCreation(problem)) => {
            Err(format!("the options do not go together: {problem}"))
        }
        Err(other) => Err(format!("no producer can be made: {other}")),
    }
}

/// The context of a producer that sends nothing.
struct Silent;

impl ClientContext for Silent {
    fn log(&self, _: Level, _: &str, _: &str) {}
    fn stats(&self, _: Statistics) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Silent {
    type DeliveryOpaque = ();
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(set: &[(&str, &str)]) -> Result<ClientConfig, String> {
        let entry = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let grant = KafkaGrant {
            brokers: vec!["one:9092".to_owned(), "two".to_owned()],
            options: set.iter().map(entry).collect(),
            topics: None,
        };
        options(&grant, Duration::from_secs(2))
    }

    #[test]
    fn all_brokers_are_used_and_what_is_not_set_has_a_default() {
        let config = given(&[]).unwrap();
        for (name, value) in DEFAULTS {
            assert_eq!(config.get(name), Some(value));
        }
        assert_eq!(config.get("bootstrap.servers"), Some("one:9092,two"));
        assert_eq!(config.get("message.timeout.ms"), Some("1800"));
        assert_eq!(config.get("enable.idempotence"), Some("true"));
    }

    #[test]
    fn the_producer_is_idempotent_unless_acknowledgements_say_otherwise() {
        for (set, idempotent) in [
            (("acks", "all"), Some("true")),
            (("request.required.acks", "-1"), Some("true")),
            (("request.required.acks", "1"), None),
            (("acks", "0"), None),
            (("enable.idempotence", "false"), Some("false")),
        ] {
            let config = given(&[set]).unwrap();
            assert_eq!(config.get("enable.idempotence"), idempotent, "{set:?}");
        }
    }

    #[test]
    fn a_wrong_option_is_named() {
        for (set, parts) in [
            (
                &[("lingr.ms", "5")][..],
                ["`lingr.ms`", "No such configuration property"],
            ),
            (&[("linger.ms", "soon")], ["`linger.ms`", "Invalid value"]),
            (
                &[("compression.type", "brotli")],
                ["`compression.codec`", "brotli"],
            ),
            (
                &[("acks", "1"), ("enable.idempotence", "true")],
                ["do not go together", "acks"],
            ),
            (
                &[("acks", "1"), ("request.required.acks", "0")],
                ["`acks` and `request.required.acks`", "leave one out"],
            ),
            (
                &[
                    ("security.protocol", "ssl"),
                    ("ssl.ca.location", "/not/there.pem"),
                ],
                ["do not go together", "ssl.ca.location"],
            ),
            (
                &[("metadata.broker.list", "a:1")],
                ["`bootstrap.servers`", "`brokers`"],
            ),
            (
                &[("plugin.library.paths", "x.so")],
                ["`plugin.library.paths`", "nothing native"],
            ),
            (
                &[("transactional.id", "x")],
                ["`transactional.id`", "without transactions"],
            ),
            (
                &[("message.timeout.ms", "0")],
                ["`message.timeout.ms`", "never end"],
            ),
        ] {
            let message = given(set).unwrap_err();
            for part in parts {
                assert!(message.contains(part), "{set:?}: {message}");
            }
        }
    }

    #[test]
    fn a_password_is_in_no_message() {
        let message = given(&[("sasl.password", "gehe\0im")]).unwrap_err();
        assert!(!message.contains("gehe"), "{message}");
        let message = given(&[("sasl.pasword", "geheim")]).unwrap_err();
        assert!(message.contains("`sasl.pasword`"), "{message}");
        assert!(!message.contains("geheim"), "{message}");
    }

    #[test]
    fn a_broker_is_a_host_and_perhaps_a_port() {
        for broker in ["kafka", "kafka:9092", "10.0.0.1:9", "[::1]:9092", "[::1]"] {
            assert!(is_broker(broker), "{broker}");
        }
        for broker in [
            "",
            ":9092",
            "a:",
            "a:0",
            "a:70000",
            "a:b",
            "a b:1",
            "a,b",
            "::1",
            "kafka://a:1",
        ] {
            assert!(!is_broker(broker), "{broker}");
        }
    }
}
