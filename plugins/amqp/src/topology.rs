//! What is to exist at the broker before something is published.

use rustus_hook::amqp::{Binding, Exchange, Queue, Topology};

use crate::config::Config;

/// What the configuration wants declared, if anything.
pub(crate) fn wanted(config: &Config) -> Option<Topology> {
    // The default exchange is always there, and every queue is bound to it.
    let is_default = config.exchange.is_empty();
    let exchange = (config.declare_exchange && !is_default).then(|| Exchange {
        name: config.exchange.clone(),
        kind: config.exchange_kind.clone(),
        durable: config.durable_exchange,
        auto_delete: config.auto_delete,
    });
    let names = match config.declare_queues {
        true => queues(config),
        false => Vec::new(),
    };
    if exchange.is_none() && names.is_empty() {
        return None;
    }
    let queue = |name: &String| Queue {
        name: name.clone(),
        durable: config.durable_queues,
        auto_delete: config.auto_delete,
    };
    let binding = |name: &String| Binding {
        queue: name.clone(),
        exchange: config.exchange.clone(),
        routing_key: name.clone(),
    };
    Some(Topology {
        exchanges: exchange.into_iter().collect(),
        queues: names.iter().map(queue).collect(),
        bindings: match is_default {
            true => Vec::new(),
            false => names.iter().map(binding).collect(),
        },
    })
}

/// One queue for each enabled event, or one for all.
fn queues(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = config
        .events
        .iter()
        .map(|kind| config.route(*kind))
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use rustus_hook::testing;

    use super::*;

    fn wanted_with(entries: &[(&str, &str)]) -> Option<Topology> {
        testing::config(entries);
        wanted(&Config::read().unwrap())
    }

    #[test]
    fn nothing_is_declared_unless_it_is_asked_for() {
        assert_eq!(wanted_with(&[]), None);
        assert_eq!(wanted_with(&[("durable-queues", "true")]), None);
        let default = [("declare-exchange", "true"), ("exchange", "")];
        assert_eq!(wanted_with(&default), None);
    }

    #[test]
    fn queues_are_those_of_the_enabled_events_bound_by_their_names() {
        let topology = wanted_with(&[
            ("declare-exchange", "true"),
            ("declare-queues", "true"),
            ("durable-queues", "true"),
            ("events", "[\"pre-create\",\"post-finish\"]"),
        ])
        .unwrap();
        let exchange = Exchange {
            name: "rustus".to_owned(),
            kind: "topic".to_owned(),
            durable: false,
            auto_delete: false,
        };
        assert_eq!(topology.exchanges, [exchange]);
        let names = ["rustus.pre-create", "rustus.post-finish"];
        assert!(topology.queues.iter().all(|queue| queue.durable));
        assert!(topology.queues.iter().map(|queue| &queue.name).eq(names));
        let keys = topology.bindings.iter().map(|binding| &binding.routing_key);
        assert!(keys.eq(names));
    }

    #[test]
    fn one_routing_key_is_one_queue() {
        let entries = [("declare-queues", "true"), ("routing-key", "route66")];
        let topology = wanted_with(&entries).unwrap();
        assert_eq!(topology.exchanges, []);
        assert_eq!(topology.queues.len(), 1);
        assert_eq!(topology.bindings.len(), 1);
        assert_eq!(topology.bindings[0].queue, "route66");
    }

    #[test]
    fn queues_need_no_binding_to_the_default_exchange() {
        let entries = [("declare-queues", "true"), ("exchange", "")];
        let topology = wanted_with(&entries).unwrap();
        assert_eq!(topology.queues.len(), 8);
        assert_eq!(topology.bindings, []);
    }
}
