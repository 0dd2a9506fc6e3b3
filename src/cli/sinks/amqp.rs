//! `--hooks-amqp-*`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Wanted;
use crate::cli::secret::Secret;
use crate::cli::switch::Switch;
use crate::cli::values;
use crate::hooks::EventKind;
use crate::plugins::{AmqpGrant, BuiltIn, Grants, Instances, Limits, Manifest, Sink};

/// Events under way at the same time. The broker confirms many together, so that
/// this is what makes thousands a second.
const CONCURRENT: usize = 256;

/// Longer than all that one event may wait for the broker: a connection with a
/// channel (10 s), a declaration (15 s) and a confirm (10 s).
const WALL_TIME: Duration = Duration::from_secs(60);

/// The flags of the sink `amqp`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Amqp hooks", mut_args(Switch::complete))]
pub(super) struct AmqpFlags {
    /// Broker that events are published to, such as
    /// amqp://USER:PASSWORD@HOST:5672/VHOST; amqps: for TLS
    #[arg(
        id = "hooks-amqp-url",
        long = "hooks-amqp-url",
        env = "RUSTUS_HOOKS_AMQP_URL",
        value_name = "URL",
        // It has a password in it.
        hide_env_values = true
    )]
    url: Option<Secret>,
    /// Certificates of authorities in PEM that are trusted besides those of the
    /// system
    #[arg(
        id = "hooks-amqp-ca-file",
        long = "hooks-amqp-ca-file",
        env = "RUSTUS_HOOKS_AMQP_CA_FILE",
        value_name = "FILE"
    )]
    ca_file: Option<PathBuf>,
    /// What queues and routing keys begin with: PREFIX.EVENT
    #[arg(
        id = "hooks-amqp-queues-prefix",
        long = "hooks-amqp-queues-prefix",
        env = "RUSTUS_HOOKS_AMQP_QUEUES_PREFIX",
        default_value = "rustus",
        value_parser = prefix,
        value_name = "PREFIX"
    )]
    queues_prefix: String,
    /// Exchange that events are published to; empty for the default exchange
    #[arg(
        id = "hooks-amqp-exchange",
        long = "hooks-amqp-exchange",
        env = "RUSTUS_HOOKS_AMQP_EXCHANGE",
        default_value = "rustus",
        value_parser = name,
        value_name = "NAME"
    )]
    exchange: String,
    /// Declare the exchange
    #[arg(
        id = "hooks-amqp-declare-exchange",
        long = "hooks-amqp-declare-exchange",
        env = "RUSTUS_HOOKS_AMQP_DECLARE_EXCHANGE"
    )]
    declare_exchange: Switch,
    /// Kind of the exchange that is declared: direct, fanout, topic, headers, or
    /// one of the broker's plugins
    #[arg(
        id = "hooks-amqp-exchange-kind",
        long = "hooks-amqp-exchange-kind",
        env = "RUSTUS_HOOKS_AMQP_EXCHANGE_KIND",
        default_value = "topic",
        value_parser = kind,
        value_name = "KIND"
    )]
    exchange_kind: String,
    /// Declare the queues of the enabled events, and bind them to the exchange
    #[arg(
        id = "hooks-amqp-declare-queues",
        long = "hooks-amqp-declare-queues",
        env = "RUSTUS_HOOKS_AMQP_DECLARE_QUEUES"
    )]
    declare_queues: Switch,
    /// Declare the exchange so that it outlives a restart of the broker
    #[arg(
        id = "hooks-amqp-durable-exchange",
        long = "hooks-amqp-durable-exchange",
        // As rustus 1 spelled it.
        alias = "hooks_amqp_durable_exchange",
        env = "RUSTUS_HOOKS_AMQP_DURABLE_EXCHANGE",
    )]
    durable_exchange: Switch,
    /// Declare the queues so that they outlive a restart of the broker
    #[arg(
        id = "hooks-amqp-durable-queues",
        long = "hooks-amqp-durable-queues",
        env = "RUSTUS_HOOKS_AMQP_DURABLE_QUEUES"
    )]
    durable_queues: Switch,
    /// Declare exchange and queues so that they go when nobody uses them any more
    #[arg(
        id = "hooks-amqp-auto-delete",
        long = "hooks-amqp-auto-delete",
        env = "RUSTUS_HOOKS_AMQP_AUTO_DELETE"
    )]
    auto_delete: Switch,
    /// Publish tasks for a Celery worker, named rustus.EVENT
    #[arg(
        id = "hooks-amqp-celery",
        long = "hooks-amqp-celery",
        env = "RUSTUS_HOOKS_AMQP_CELERY"
    )]
    celery: Switch,
    /// One routing key for all events, and one queue of this name [default:
    /// PREFIX.EVENT]
    #[arg(
        id = "hooks-amqp-routing-key",
        long = "hooks-amqp-routing-key",
        env = "RUSTUS_HOOKS_AMQP_ROUTING_KEY",
        value_parser = name,
        value_name = "KEY"
    )]
    routing_key: Option<String>,
    /// The most connections to the broker; opened when they are needed
    #[arg(
        id = "hooks-amqp-connection-pool-size",
        long = "hooks-amqp-connection-pool-size",
        env = "RUSTUS_HOOKS_AMQP_CONNECTION_POOL_SIZE",
        default_value = "10",
        value_parser = values::at_least_one,
        value_name = "N"
    )]
    connection_pool_size: usize,
    /// The most channels on each connection; opened when they are needed
    #[arg(
        id = "hooks-amqp-channel-pool-size",
        long = "hooks-amqp-channel-pool-size",
        env = "RUSTUS_HOOKS_AMQP_CHANNEL_POOL_SIZE",
        default_value = "10",
        value_parser = values::at_least_one,
        value_name = "N"
    )]
    channel_pool_size: usize,
    /// Close a connection that was not used for so long [default: never]
    #[arg(
        id = "hooks-amqp-idle-connection-timeout",
        long = "hooks-amqp-idle-connection-timeout",
        env = "RUSTUS_HOOKS_AMQP_IDLE_CONNECTION_TIMEOUT",
        value_parser = seconds,
        value_name = "SECONDS"
    )]
    idle_connection_timeout: Option<u64>,
    /// Close a channel that was not used for so long [default: never]
    #[arg(
        id = "hooks-amqp-idle-channels-timeout",
        long = "hooks-amqp-idle-channels-timeout",
        env = "RUSTUS_HOOKS_AMQP_IDLE_CHANNELS_TIMEOUT",
        value_parser = seconds,
        value_name = "SECONDS"
    )]
    idle_channels_timeout: Option<u64>,
}

/// A name at the broker.
fn name(text: &str) -> Result<String, String> {
    of_length(text, 255)
}

/// What is followed by a dot and the name of an event.
fn prefix(text: &str) -> Result<String, String> {
    of_length(text, 240)
}

fn kind(text: &str) -> Result<String, String> {
    match text {
        "" => Err("expected direct, fanout, topic, headers, or a kind of the broker's".to_owned()),
        _ => of_length(text, 255),
    }
}

fn of_length(text: &str, most: usize) -> Result<String, String> {
    match text.len() <= most {
        true => Ok(text.to_owned()),
        false => Err(format!("expected at most {most} bytes")),
    }
}

fn seconds(number: &str) -> Result<u64, String> {
    match number.parse() {
        Ok(0) | Err(_) => Err("expected seconds, a whole number, at least 1".to_owned()),
        Ok(seconds) => Ok(seconds),
    }
}

impl AmqpFlags {
    /// The sink, if its flags switch it on.
    pub(super) fn built_in(&self, wanted: &Wanted) -> Result<Option<BuiltIn>, String> {
        // A variable that is set to nothing is not set.
        let url = self.url.as_ref().filter(|url| !url.0.is_empty());
        let Some(url) = url else {
            return Ok(None);
        };
        let grant = self.grant(url.0.clone());
        grant
            .check()
            .map_err(|problem| format!("--hooks-amqp-url (RUSTUS_HOOKS_AMQP_URL): {problem}"))?;
        let limits = Limits::default();
        let manifest = Manifest {
            events: wanted.events,
            // A message in a fresh instance costs ten times as much.
            instances: Instances::Reuse,
            limits: Limits {
                concurrent_calls: CONCURRENT,
                wall_time: WALL_TIME,
                ..limits
            },
            config: self.config(wanted),
            allow: Grants {
                amqp: Some(grant),
                ..Grants::default()
            },
            ..Manifest::default()
        };
        Ok(Some(BuiltIn {
            sink: Sink::Amqp,
            manifest,
        }))
    }

    fn grant(&self, url: String) -> AmqpGrant {
        AmqpGrant {
            url: Some(url),
            ca_file: self.ca_file.clone(),
            exchanges: Some(vec![self.exchange.clone()]),
            connection_pool_size: self.connection_pool_size,
            channel_pool_size: self.channel_pool_size,
            idle_connection_timeout: self.idle_connection_timeout,
            idle_channels_timeout: self.idle_channels_timeout,
            ..AmqpGrant::default()
        }
    }

    fn config(&self, wanted: &Wanted) -> Map<String, Value> {
        let events: Vec<&str> = wanted.events.iter().map(EventKind::name).collect();
        let mut config = Map::new();
        let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
        set("exchange", json!(self.exchange));
        set("exchange-kind", json!(self.exchange_kind));
        set("declare-exchange", json!(self.declare_exchange.is_on()));
        set("declare-queues", json!(self.declare_queues.is_on()));
        set("durable-exchange", json!(self.durable_exchange.is_on()));
        set("durable-queues", json!(self.durable_queues.is_on()));
        set("auto-delete", json!(self.auto_delete.is_on()));
        set("queues-prefix", json!(self.queues_prefix));
        set("celery", json!(self.celery.is_on()));
        set("format", json!(wanted.format));
        set("events", json!(events));
        if let Some(key) = self.routing_key.as_ref().filter(|key| !key.is_empty()) {
            set("routing-key", json!(key));
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::hooks::EventSet;

    #[derive(Debug, Parser)]
    #[command(args_override_self = true)]
    struct Flags {
        #[command(flatten)]
        amqp: AmqpFlags,
    }

    fn read(flags: &[&str]) -> Result<Option<BuiltIn>, String> {
        let flags = Flags::try_parse_from([&["rustus"], flags].concat());
        let wanted = Wanted {
            events: EventSet::from_iter([EventKind::PostCreate, EventKind::PostFinish]),
            format: "v2".to_owned(),
        };
        let flags = flags.map_err(|error| error.to_string())?;
        flags.amqp.built_in(&wanted)
    }

    const URL: &str = "--hooks-amqp-url=amqp://guest:geheim@localhost:5672";

    #[test]
    fn the_sink_is_on_with_its_url_alone() {
        assert!(read(&["--hooks-amqp-celery"]).unwrap().is_none());
        assert!(read(&["--hooks-amqp-url="]).unwrap().is_none());
        let manifest = read(&[URL]).unwrap().unwrap().manifest;
        assert!(!format!("{manifest:?}").contains("geheim"));
        let config = Value::Object(manifest.config);
        assert_eq!(config["exchange"], "rustus");
        assert_eq!(config["exchange-kind"], "topic");
        assert_eq!(config["queues-prefix"], "rustus");
        assert_eq!(config["events"], json!(["post-create", "post-finish"]));
        assert_eq!(config["format"], "v2");
        assert_eq!(config.get("routing-key"), None);
        let grant = manifest.allow.amqp.unwrap();
        assert_eq!(grant.connection_pool_size, 10);
        assert_eq!(grant.channel_pool_size, 10);
        assert_eq!(grant.idle_connection_timeout, None);
    }

    #[test]
    fn both_spellings_of_the_durable_exchange_are_understood() {
        for flag in [
            "--hooks-amqp-durable-exchange",
            "--hooks_amqp_durable_exchange",
            "--hooks_amqp_durable_exchange=true",
        ] {
            let manifest = read(&[URL, flag]).unwrap().unwrap().manifest;
            assert_eq!(manifest.config["durable-exchange"], true, "{flag}");
        }
    }

    #[test]
    fn bad_values_are_answered_with_what_was_expected() {
        let long = format!("--hooks-amqp-exchange={}", "x".repeat(256));
        for (flag, part) in [
            ("--hooks-amqp-url=localhost", "amqp://USER:PASSWORD@"),
            (
                "--hooks-amqp-url=http://a:secret@b",
                "amqp://USER:PASSWORD@",
            ),
            ("--hooks-amqp-celery=maybe", "expected true or false"),
            ("--hooks-amqp-connection-pool-size=0", "at least 1"),
            ("--hooks-amqp-channel-pool-size=many", "at least 1"),
            ("--hooks-amqp-idle-connection-timeout=0", "at least 1"),
            ("--hooks-amqp-idle-channels-timeout=5s", "expected seconds"),
            ("--hooks-amqp-exchange-kind=", "expected direct"),
            ("--hooks-amqp-ca-file=/no/file", "with TLS only"),
            (&long, "at most 255 bytes"),
        ] {
            let error = read(&[URL, flag]).map(drop).unwrap_err();
            assert!(error.contains(part), "{flag}: {error}");
            assert!(!error.contains("secret"), "{flag}: {error}");
        }
    }
}
