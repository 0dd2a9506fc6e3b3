//! How the server stops.
//!
//! There is one budget of time (`--shutdown-timeout`), and each step has its
//! share of it: bodies that come may end, are then cut off and stored; hooks
//! answer; answers travel; notifications are delivered.

use std::future::Future;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{SignalKind, signal as on};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::in_flight::InFlight;

/// How long bodies may go on at most. An upload that is cut off goes on
/// elsewhere, so there is no need to wait for large ones; but the client of a
/// creation that is cut off does not learn the upload's URL.
const BODIES: Duration = Duration::from_secs(2);

/// How long an answer to somebody who is still sending has to arrive before the
/// connection ends: some round trips.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The time that a stop may take.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    total: Duration,
    begun: Option<Instant>,
}

impl Budget {
    pub(super) const fn new(total: Duration) -> Self {
        Self { total, begun: None }
    }

    fn begin(&mut self) {
        self.begun = Some(Instant::now());
    }

    /// What is left of a share of the time, in percent of the total.
    fn left(&self, percent: u32) -> Duration {
        let share = self.total * percent / 100;
        let passed = self.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        share.saturating_sub(passed)
    }

    /// What is left for the notifications, which are last. A twentieth is kept
    /// for the end of the process.
    #[must_use]
    pub fn rest(&self) -> Duration {
        self.left(95)
    }
}

/// Resolves at SIGTERM or SIGINT. From now on they do not end the process; a
/// second one does, at once, after `last`.
pub(super) fn signal(
    last: impl FnOnce() + Send + 'static,
) -> io::Result<impl Future<Output = &'static str>> {
    // A thread of its own: the second signal also counts when nothing else runs
    // any more. It ends with the process.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut terminate, mut interrupt) = {
        let _entered = runtime.enter();
        (on(SignalKind::terminate())?, on(SignalKind::interrupt())?)
    };
    let (tell, told) = oneshot::channel();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                let mut next = async || {
                    tokio::select! {
                        _ = terminate.recv() => "SIGTERM",
                        _ = interrupt.recv() => "SIGINT",
                    }
                };
                if tell.send(next().await).is_err() {
                    return;
                }
                let signal = next().await;
                tracing::warn!(signal, "a second signal: ended at once");
            });
            last();
            std::process::exit(1);
        })?;
    Ok(async { told.await.unwrap_or("the end of the signals") })
}

/// Waits for `stop`, then ends what is in flight, then the server. Gives what is
/// left of the time.
pub(super) async fn drain_on(
    stop: impl Future<Output = &'static str>,
    in_flight: InFlight,
    server: ServerHandle,
    mut budget: Budget,
) -> Budget {
    let signal = stop.await;
    budget.begin();
    tracing::info!(signal, "stopping");
    in_flight.stopping().cancel();
    server.pause().await;
    let bodies = budget.left(25).min(BODIES);
    if timeout(bodies, in_flight.ended()).await.is_err() {
        in_flight.cut().cancel();
        if timeout(budget.left(60), in_flight.ended()).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        sleep(LAST_WORDS.min(budget.left(65))).await;
    }
    in_flight.hang_up().cancel();
    if timeout(budget.left(75), server.stop(true)).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    tracing::info!("stopped");
    budget
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_of_one_budget() {
        let mut budget = Budget::new(Duration::from_secs(100));
        assert_eq!(budget.left(25), Duration::from_secs(25));
        budget.begun = Instant::now().checked_sub(Duration::from_secs(30));
        assert_eq!(budget.left(25), Duration::ZERO);
        assert!(budget.left(60) <= Duration::from_secs(30));
        assert!(budget.rest() <= Duration::from_secs(65));
    }
}
