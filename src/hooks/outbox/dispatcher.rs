//! Brings one sink its events: several uploads at once, each in order.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::command::CommandQueue;
use super::sink::{Now, Sink, Step};
use super::window::Job;
use super::writer;
use super::{Deliver, Outcome};

/// Delivers until `stop`, and then waits for the deliveries that run.
pub(super) async fn run(
    sink: Arc<Sink>,
    deliver: Arc<dyn Deliver>,
    queue: Arc<CommandQueue>,
    stop: CancellationToken,
) {
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        while let Some(ended) = running.try_join_next() {
            report(&sink, ended);
        }
        let until = match sink.next(now(), deliver.at_once(&sink.name), &queue) {
            Step::Deliver(job) => {
                let (sink, deliver) = (Arc::clone(&sink), Arc::clone(&deliver));
                running.spawn(one(sink, deliver, Arc::clone(&queue), job));
                continue;
            }
            Step::Sleep(until) => Some(Instant::from_std(until)),
            Step::Wait => None,
        };
        let slept = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sink.changed.notified() => {}
            () = slept => {}
            () = stop.cancelled() => {}
        }
    }
    while let Some(ended) = running.join_next().await {
        report(&sink, ended);
    }
}

async fn one(sink: Arc<Sink>, deliver: Arc<dyn Deliver>, queue: Arc<CommandQueue>, job: Job) {
    let delivery = deliver.deliver(&sink.name, &job.entry, job.attempt);
    let outcome = AssertUnwindSafe(delivery).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| Outcome::Retry {
        after: None,
        cause: "panic".to_owned(),
        text: "the delivery panicked".to_owned(),
    });
    sink.done(&job, outcome, now(), &queue);
}

fn report(sink: &Sink, ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(plugin = %sink.name, %error, "a delivery ended badly");
    }
}

fn now() -> Now {
    Now {
        instant: Instant::now().into_std(),
        unix: writer::now(),
    }
}
