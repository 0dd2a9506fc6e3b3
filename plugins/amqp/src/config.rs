//! The `[config]` table: what the flags `--hooks-amqp-*` say.

use rustus_events::{EventKind, Format};
use rustus_hook::HookError;
use rustus_hook::config;

/// How events are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// `exchange`; `rustus` by default. Empty for the default exchange.
    pub(crate) exchange: String,
    /// `exchange-kind`; `topic` by default.
    pub(crate) exchange_kind: String,
    /// `declare-exchange`: have the exchange exist.
    pub(crate) declare_exchange: bool,
    /// `declare-queues`: have the queues exist and be bound.
    pub(crate) declare_queues: bool,
    /// `durable-exchange`: it outlives the broker's restart.
    pub(crate) durable_exchange: bool,
    /// `durable-queues`: they outlive the broker's restart.
    pub(crate) durable_queues: bool,
    /// `auto-delete`: exchange and queues go when nobody uses them any more.
    pub(crate) auto_delete: bool,
    /// `queues-prefix`; `rustus` by default.
    pub(crate) queues_prefix: String,
    /// `routing-key`: one for all events, and one queue of this name.
    pub(crate) routing_key: Option<String>,
    /// `celery`: tasks for a Celery worker.
    pub(crate) celery: bool,
    /// `format`; `default` by default.
    pub(crate) format: Format,
    /// `events`: those that queues are declared for; all by default.
    pub(crate) events: Vec<EventKind>,
}

impl Config {
    pub(crate) fn read() -> Result<Self, HookError> {
        let text = |key, default: &str| config::get(key).unwrap_or_else(|| default.to_owned());
        let is = |key| Ok::<_, HookError>(config::parse(key)?.unwrap_or(false));
        Ok(Self {
            exchange: text("exchange", "rustus"),
            exchange_kind: text("exchange-kind", "topic"),
            declare_exchange: is("declare-exchange")?,
            declare_queues: is("declare-queues")?,
            durable_exchange: is("durable-exchange")?,
            durable_queues: is("durable-queues")?,
            auto_delete: is("auto-delete")?,
            queues_prefix: text("queues-prefix", "rustus"),
            routing_key: config::get("routing-key"),
            celery: is("celery")?,
            format: config::parse("format")?.unwrap_or_default(),
            events: events()?,
        })
    }

    /// Where messages about this event go: the routing key, and the name of the
    /// queue that is bound to it.
    pub(crate) fn route(&self, kind: EventKind) -> String {
        match &self.routing_key {
            Some(key) => key.clone(),
            None => format!("{}.{kind}", self.queues_prefix),
        }
    }
}

fn events() -> Result<Vec<EventKind>, HookError> {
    let Some(list) = config::get("events") else {
        return Ok(EventKind::ALL.to_vec());
    };
    let bad = |why: &dyn ToString| {
        HookError::permanent(format!("config `events = {list}`: {}", why.to_string()))
    };
    let names: Vec<String> = serde_json::from_str(&list).map_err(|error| bad(&error))?;
    let kinds = names.iter().map(|name| name.parse());
    kinds
        .collect::<Result<_, rustus_events::UnknownEvent>>()
        .map_err(|error| bad(&error))
}

#[cfg(test)]
mod tests {
    use rustus_hook::testing;

    use super::*;

    #[test]
    fn defaults_are_those_of_rustus_1() {
        testing::config(&[]);
        let config = Config::read().unwrap();
        assert_eq!(config.exchange, "rustus");
        assert_eq!(config.exchange_kind, "topic");
        assert!(!config.declare_exchange && !config.declare_queues && !config.celery);
        assert_eq!(config.route(EventKind::PreCreate), "rustus.pre-create");
        assert_eq!(config.format, Format::Default);
        assert_eq!(config.events, EventKind::ALL);
    }

    #[test]
    fn a_routing_key_stands_for_all_events() {
        testing::config(&[("routing-key", "route66"), ("queues-prefix", "p")]);
        let config = Config::read().unwrap();
        assert_eq!(config.route(EventKind::PreCreate), "route66");
        assert_eq!(config.route(EventKind::PostFinish), "route66");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (key, value) in [
            ("celery", "maybe"),
            ("format", "xml"),
            ("events", "[\"pre-crate\"]"),
            ("events", "pre-create"),
        ] {
            testing::config(&[(key, value)]);
            let error = Config::read().unwrap_err();
            let HookError::Permanent(text) = error else {
                panic!("{error:?}");
            };
            assert!(text.contains(key), "{text}");
        }
    }
}
