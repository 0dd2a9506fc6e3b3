//! Exchanges, queues and bindings that a plugin wants to exist.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};
use tokio::time::timeout;

use super::connector::{self, Link};
use super::message::short;
use super::trouble::{Kind, Trouble};
use crate::plugins::bindings::rustus::hooks::amqp::{self, Topology};
use crate::plugins::reached::Reached;

/// How long the broker may take for all of it. Each part takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A topology whose names fit, and what it is remembered by.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Equal for equal topologies.
    pub(super) key: String,
    exchanges: Vec<(ShortString, amqp::Exchange)>,
    queues: Vec<(ShortString, amqp::Queue)>,
    /// Queue, exchange, routing key.
    bindings: Vec<[ShortString; 3]>,
}

impl Plan {
    pub(super) fn new(topology: Topology) -> Result<Self, Trouble> {
        let key = format!("{topology:?}");
        let exchange = |exchange: amqp::Exchange| {
            short("the kind of an exchange", exchange.kind.clone())?;
            Ok((short("exchange", exchange.name.clone())?, exchange))
        };
        let queue = |queue: amqp::Queue| Ok((short("queue", queue.name.clone())?, queue));
        let binding = |binding: amqp::Binding| {
            Ok([
                short("queue", binding.queue)?,
                short("exchange", binding.exchange)?,
                short("routing-key", binding.routing_key)?,
            ])
        };
        Ok(Self {
            key,
            exchanges: all(topology.exchanges, exchange)?,
            queues: all(topology.queues, queue)?,
            bindings: all(topology.bindings, binding)?,
        })
    }

    /// Has it exist, on a channel of its own: one that the broker refuses ends its
    /// channel, and must not end messages with it.
    pub(super) async fn declare(self, link: Link) -> Result<(), Trouble> {
        let channel = link.channel().await?;
        let declared = match timeout(PATIENCE, self.declare_on(&channel)).await {
            Ok(declared) => declared.map_err(|error| of_declaration(&error)),
            Err(_) => Err(Trouble::slow(
                format!(
                    "the broker did not declare queues and exchanges within {} s",
                    PATIENCE.as_secs()
                ),
                "see whether the broker is overloaded",
            )),
        };
        connector::close(&channel).await;
        declared
    }

    async fn declare_on(self, channel: &Channel) -> lapin::Result<()> {
        for (name, exchange) in self.exchanges {
            let options = ExchangeDeclareOptions {
                durable: exchange.durable,
                auto_delete: exchange.auto_delete,
                ..ExchangeDeclareOptions::default()
            };
            let kind = ExchangeKind::Custom(exchange.kind);
            channel
                .exchange_declare(name, kind, options, FieldTable::default())
                .await?;
        }
        for (name, queue) in self.queues {
            let options = QueueDeclareOptions {
                durable: queue.durable,
                auto_delete: queue.auto_delete,
                ..QueueDeclareOptions::default()
            };
            channel
                .queue_declare(name, options, FieldTable::default())
                .await?;
        }
        for [queue, exchange, key] in self.bindings {
            let options = QueueBindOptions::default();
            channel
                .queue_bind(queue, exchange, key, options, FieldTable::default())
                .await?;
        }
        Ok(())
    }
}

fn all<F, T>(from: Vec<F>, check: impl Fn(F) -> Result<T, Trouble>) -> Result<Vec<T>, Trouble> {
    from.into_iter().map(check).collect()
}

/// A declaration that the broker does not understand, such as a kind of exchange
/// that it does not have, ends the whole connection; it is a refusal all the
/// same.
fn of_declaration(error: &lapin::Error) -> Trouble {
    let mut trouble = Trouble::on_channel(error);
    if error.is_amqp_hard_error() && trouble.to_string().contains("COMMAND_INVALID") {
        trouble.kind = Kind::Refused;
        trouble.outcome = Reached::Mismatch;
        trouble.advice = "name a kind of exchange that the broker has";
    }
    trouble
}
