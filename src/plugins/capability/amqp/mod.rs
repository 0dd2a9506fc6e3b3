//! `rustus:hooks/amqp`: publishing to a broker.
//!
//! What it guarantees: a publish that succeeds was confirmed by the broker, which
//! means that a persistent message is on its disk and in at least one queue.
//! Nothing waits without a bound: 5 s for a connection, 5 for a channel, 10 for
//! a confirm. What was not confirmed may have arrived all the same; the message's
//! id tells a reader so.
//!
//! From the outside in: [`Publisher`] is what a generation is lent; `pool` opens
//! and closes connections and channels; `confirms` runs one channel; `connector`
//! makes one connection.

mod confirms;
mod connector;
mod gate;
mod grant;
mod load;
mod memo;
mod message;
mod pool;
mod said;
mod topology;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use confirms::Job;
use message::Parcel;
use pool::{Pool, Work};
use said::Said;
use topology::Plan;
use trouble::{Kind, Trouble};

use crate::plugins::bindings::rustus::hooks::amqp::{AmqpError, Host, Message, Topology};
use crate::plugins::instance::CallState;
use crate::plugins::reached::{Reached, Reaching};
use crate::plugins::tally::Capability;

pub use grant::AmqpGrant;

/// Calls that wait to be taken by the task. They wait for microseconds.
const QUEUE: usize = 256;

/// The connections to the broker of one grant. They end with it: when it is
/// dropped its task closes them and ends.
pub(in crate::plugins) struct Publisher {
    work: mpsc::Sender<Work>,
    exchanges: Option<BTreeSet<String>>,
    said: Said,
}

impl Publisher {
    pub(super) fn new(grant: &AmqpGrant, on: &Handle) -> Result<Self, String> {
        let pool = Pool::new(grant.connector()?, grant.bounds()?);
        let (work, receiver) = mpsc::channel(QUEUE);
        // Owned by the runtime of all capabilities, which it cannot outlive.
        on.spawn(pool.run(receiver));
        Ok(Self {
            work,
            exchanges: grant
                .exchanges
                .as_ref()
                .map(|names| names.iter().cloned().collect()),
            said: Said::default(),
        })
    }

    /// The first of these exchanges that is not granted.
    fn forbidden<'a>(&self, mut exchanges: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let granted = self.exchanges.as_ref()?;
        exchanges.find(|name| !granted.contains(*name))
    }

    async fn declare(&self, topology: Topology) -> Result<(), Trouble> {
        let plan = Plan::new(topology)?;
        self.ask(|reply| Work::Declare(plan, reply)).await
    }

    async fn publish(&self, message: Message) -> Result<(), Trouble> {
        let parcel = Box::new(Parcel::new(message)?);
        self.ask(|reply| {
            Work::Publish(Box::new(Job {
                parcel,
                reply,
                ticket: None,
            }))
        })
        .await
    }

    async fn ask(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<(), Trouble>>) -> Work,
    ) -> Result<(), Trouble> {
        let (reply, answer) = oneshot::channel();
        if self.work.send(work(reply)).await.is_err() {
            return Err(Trouble::over());
        }
        answer.await.unwrap_or_else(|_| Err(Trouble::over()))
    }
}

impl Host for CallState {
    async fn declare(&mut self, topology: Topology) -> Result<(), AmqpError> {
        let lent = Arc::clone(self.lent());
        let reaching = self.reaching(Capability::Amqp);
        let Some(publisher) = &lent.amqp else {
            reaching.ended(Reached::Denied);
            return Err(self.deny_broker());
        };
        let declared = topology.exchanges.iter().map(|exchange| &exchange.name);
        let bound = topology.bindings.iter().map(|binding| &binding.exchange);
        if let Some(name) = publisher.forbidden(declared.chain(bound).map(String::as_str)) {
            reaching.ended(Reached::Denied);
            return Err(self.deny_exchange(name));
        }
        let declared = publisher.declare(topology).await;
        self.tell(publisher, reaching, declared)
    }

    async fn publish(&mut self, message: Message) -> Result<(), AmqpError> {
        let lent = Arc::clone(self.lent());
        let reaching = self.reaching(Capability::Amqp);
        let Some(publisher) = &lent.amqp else {
            reaching.ended(Reached::Denied);
            return Err(self.deny_broker());
        };
        let exchange = std::iter::once(message.exchange.as_str());
        if let Some(name) = publisher.forbidden(exchange) {
            reaching.ended(Reached::Denied);
            return Err(self.deny_exchange(name));
        }
        let published = publisher.publish(message).await;
        self.tell(publisher, reaching, published)
    }
}

impl CallState {
    fn deny_exchange(&self, name: &str) -> AmqpError {
        let what = format!("the amqp exchange {name:?}");
        let write = format!("{name:?} into `exchanges` under [allow.amqp]");
        AmqpError::Denied(self.deny(Capability::Amqp, &what, &write))
    }

    fn deny_broker(&self) -> AmqpError {
        let write = "`url = \"amqp://USER:PASSWORD@HOST:PORT/VHOST\"` under [allow.amqp]";
        AmqpError::Denied(self.deny(Capability::Amqp, "a broker of AMQP", write))
    }

    /// Says to the operator what went wrong, and when it is over.
    fn tell(
        &self,
        to: &Publisher,
        reaching: Reaching,
        outcome: Result<(), Trouble>,
    ) -> Result<(), AmqpError> {
        let failure = outcome.as_ref().err();
        reaching.ended(failure.map_or(Reached::Ok, |trouble| trouble.outcome));
        match outcome {
            Ok(()) => {
                if to.said.got_through() {
                    self.output().works_again("amqp");
                }
                Ok(())
            }
            Err(trouble) => {
                let text = trouble.to_string();
                let down = trouble.kind == Kind::Unavailable;
                if to.said.is_news(&text, down) {
                    let cause = trouble.kind.cause();
                    self.output().trouble("amqp", cause, &text, trouble.advice);
                }
                Err(trouble.into())
            }
        }
    }
}
