//! One channel, used by many messages at once.
//!
//! Messages are sent one after the other without waiting, and each is answered
//! when its own confirm came. A channel on which something went wrong is not
//! used again: an error of the broker ends it, and after a confirm that did not
//! come in time nothing on it can be trusted.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::join_all;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation, Error, PublisherConfirm};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connector;
use super::load::Ticket;
use super::memo::Memo;
use super::message::{Label, Parcel};
use super::trouble::{Kind, Trouble, is_blamed};
use crate::plugins::reached::Reached;

/// How long the broker may take to confirm. It does so when the message is on
/// its disk: milliseconds, or a second on a busy one.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Messages that are handed to the socket together.
const TOGETHER: usize = 64;

/// A message on its way, and who waits for it.
pub(super) struct Job {
    pub(super) parcel: Box<Parcel>,
    pub(super) reply: oneshot::Sender<Result<(), Trouble>>,
    /// Counts it among those under way on a channel.
    pub(super) ticket: Option<Ticket>,
}

impl Job {
    pub(super) fn answer(self, answer: Result<(), Trouble>) {
        // Who asked may have given up.
        drop(self.reply.send(answer));
    }
}

/// A message that was sent and is not confirmed.
struct Flight {
    confirm: PublisherConfirm,
    until: Instant,
    label: Label,
    size: usize,
    reply: oneshot::Sender<Result<(), Trouble>>,
    _ticket: Option<Ticket>,
}

/// One channel and what is under way on it.
pub(super) struct Confirms {
    channel: Channel,
    memo: Memo,
    flights: Vec<Flight>,
    /// Messages that came back and whose confirm did not come yet.
    returned: Vec<Label>,
}

impl Confirms {
    pub(super) const fn new(channel: Channel, memo: Memo) -> Self {
        Self {
            channel,
            memo,
            flights: Vec::new(),
            returned: Vec::new(),
        }
    }

    /// Sends what comes until nothing more can come, or the channel ends. Gives
    /// back what was not sent.
    pub(super) async fn run(mut self, mut jobs: UnboundedReceiver<Job>) -> Vec<Job> {
        let mut batch = Vec::with_capacity(TOGETHER);
        let mut more = true;
        while more || !self.flights.is_empty() {
            let late = self.flights.first().map(|flight| flight.until);
            let well = tokio::select! {
                settled = poll_fn(|context| settled(&mut self.flights, context)) => {
                    self.answer(settled)
                }
                count = jobs.recv_many(&mut batch, TOGETHER), if more => {
                    more = count > 0;
                    self.send(&mut batch).await
                }
                () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => false,
            };
            if !well {
                break;
            }
        }
        jobs.close();
        self.give_up().await;
        connector::close(&self.channel).await;
        let mut rest = Vec::new();
        while let Ok(job) = jobs.try_recv() {
            rest.push(job);
        }
        rest
    }

    /// Hands messages to the socket. False when the channel is of no more use.
    async fn send(&mut self, batch: &mut Vec<Job>) -> bool {
        let until = Instant::now() + PATIENCE;
        let publishing = batch
            .iter()
            .map(|job| timeout_at(until, publish(&self.channel, &job.parcel)));
        let sent = join_all(publishing).await;
        let mut well = true;
        for (job, sent) in batch.drain(..).zip(sent) {
            match sent {
                Ok(Ok(confirm)) => self.flights.push(Flight {
                    confirm,
                    until,
                    size: job.parcel.body.len(),
                    label: job.parcel.label,
                    reply: job.reply,
                    _ticket: job.ticket,
                }),
                Ok(Err(error)) => {
                    well = false;
                    job.answer(Err(broke(&error)));
                }
                Err(_) => {
                    well = false;
                    job.answer(Err(late()));
                }
            }
        }
        well
    }

    /// Tells those who wait what became of their messages. False when the
    /// channel is of no more use.
    fn answer(&mut self, settled: Vec<(Flight, Result<Confirmation, Error>)>) -> bool {
        let alone = settled.len() == 1 && self.flights.is_empty();
        let mut well = true;
        let mut outcomes = Vec::with_capacity(settled.len());
        for (flight, confirmation) in settled {
            let outcome = match confirmation {
                Ok(Confirmation::Ack(returned)) => {
                    self.returned.extend(returned.map(label));
                    Ok(())
                }
                Ok(Confirmation::Nack(returned)) => {
                    self.returned.extend(returned.map(label));
                    Err(nacked())
                }
                // Not on a channel that confirms.
                Ok(Confirmation::NotRequested) => Err(late()),
                Err(error) => {
                    well = false;
                    Err(self.failed(&flight, &error, alone))
                }
            };
            outcomes.push((flight, outcome));
        }
        for (flight, outcome) in outcomes {
            let outcome = outcome.and_then(|()| self.arrived(&flight.label));
            drop(flight.reply.send(outcome));
        }
        well
    }

    /// Whether a confirmed message went into a queue.
    ///
    /// A message that comes back does so before its confirm. The library hands it
    /// to whichever confirm comes next, which need not be its own; [`settled`]
    /// sees to it that it is known here by now.
    fn arrived(&mut self, label: &Label) -> Result<(), Trouble> {
        let Some(index) = self.returned.iter().position(|back| back == label) else {
            return Ok(());
        };
        self.returned.swap_remove(index);
        self.memo.forget_all();
        Err(Trouble::unroutable(
            label.exchange.as_str(),
            label.routing_key.as_str(),
        ))
    }

    /// What the end of the channel means for one message that was under way.
    fn failed(&self, flight: &Flight, error: &Error, alone: bool) -> Trouble {
        if alone || is_blamed(error, flight.label.exchange.as_str(), flight.size) {
            let trouble = Trouble::on_channel(error);
            if trouble.kind == Kind::Refused {
                self.memo.forget_all();
            }
            return trouble;
        }
        broke(error)
    }

    /// Answers those who wait on a channel that is of no more use.
    async fn give_up(&mut self) {
        // What ended the channel is told to those messages that were sent.
        let known = poll_fn(|context| match settled(&mut self.flights, context) {
            Poll::Ready(settled) => Poll::Ready(settled),
            Poll::Pending => Poll::Ready(Vec::new()),
        });
        let known = known.await;
        self.answer(known);
        let now = Instant::now();
        for flight in self.flights.drain(..) {
            let trouble = match flight.until <= now {
                true => late(),
                false => given_up(),
            };
            drop(flight.reply.send(Err(trouble)));
        }
    }
}

/// Hands one message to the socket. It comes back when no queue takes it.
async fn publish(channel: &Channel, parcel: &Parcel) -> lapin::Result<PublisherConfirm> {
    let options = BasicPublishOptions {
        mandatory: true,
        immediate: false,
    };
    let Label {
        exchange,
        routing_key,
        ..
    } = &parcel.label;
    channel
        .basic_publish(
            exchange.clone(),
            routing_key.clone(),
            options,
            &parcel.body,
            parcel.properties.clone(),
        )
        .await
}

/// The messages whose fate is known, with all that was known before them.
///
/// Looks through all until a look finds nothing new: when a confirm was found in
/// one look, those that came before it are found by the next at the latest.
fn settled(
    flights: &mut Vec<Flight>,
    context: &mut Context<'_>,
) -> Poll<Vec<(Flight, Result<Confirmation, Error>)>> {
    let mut settled = Vec::new();
    loop {
        let before = settled.len();
        let mut pending = Vec::with_capacity(flights.len());
        for mut flight in flights.drain(..) {
            match Pin::new(&mut flight.confirm).poll(context) {
                Poll::Ready(confirmation) => settled.push((flight, confirmation)),
                Poll::Pending => pending.push(flight),
            }
        }
        *flights = pending;
        if settled.len() == before {
            break;
        }
    }
    if settled.is_empty() {
        return Poll::Pending;
    }
    Poll::Ready(settled)
}

fn label(returned: BasicReturnMessage) -> Label {
    Label {
        message_id: returned.delivery.properties.message_id().clone(),
        exchange: returned.delivery.exchange,
        routing_key: returned.delivery.routing_key,
    }
}

fn late() -> Trouble {
    Trouble::slow(
        format!("the broker did not confirm within {} s", PATIENCE.as_secs()),
        "see whether the broker is overloaded, or blocks publishers for want of memory or disk",
    )
}

fn nacked() -> Trouble {
    Trouble::unavailable(
        "the broker did not take responsibility for the message (nack)",
        "see whether a queue is full and rejects what comes (x-overflow), or the broker's log",
    )
    .counted(Reached::Overloaded)
}

fn given_up() -> Trouble {
    Trouble::unavailable(
        "the channel was given up before the broker confirmed",
        "see the broker's log, if it lasts",
    )
}

fn broke(error: &Error) -> Trouble {
    Trouble::unavailable(
        format!("the channel ended before the broker confirmed: {error}"),
        "see the broker's log, if it lasts",
    )
}
