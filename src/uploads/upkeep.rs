//! The task that looks after uploads that nobody asks for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Cause, UploadId, Uploads};
use crate::hooks::RequestState;
use crate::store::{Stale, Sweep};

/// How many times as long as it worked the task rests after each step. It uses a
/// fifth of one thread at most, and uploads do not feel it.
const REST: u32 = 4;

/// Puts into words, for hooks, a request that a crash has cut off.
pub(super) type Describe = dyn Fn(&UploadId) -> RequestState + Send + Sync;

/// Listens to what hooks want done, and looks through all uploads: once for those
/// that a crash left complete and unfinished, and then from time to time for those that have expired and for
/// what crashes left behind. The latter only if uploads expire.
pub struct Upkeep {
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upkeep").finish_non_exhaustive()
    }
}

impl Upkeep {
    /// Starts the task. It cleans when it has gone through all uploads, and then
    /// whenever `interval` has passed since the end of the last time. `describe`
    /// stands in for the requests that a crash has cut off. The task must be
    /// [stopped](Self::stop).
    #[must_use]
    pub fn start(
        uploads: Arc<Uploads>,
        interval: Duration,
        describe: impl Fn(&UploadId) -> RequestState + Send + Sync + 'static,
    ) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let describe: Arc<Describe> = Arc::new(describe);
        // Before anybody finishes the uploads that these are about.
        let left_by_a_crash = uploads.hooks.undecided_now();
        let hearing = tokio::spawn(listen(
            Arc::clone(&uploads),
            Arc::clone(&describe),
            stop.clone(),
        ));
        let task = tokio::spawn(async move {
            for undecided in left_by_a_crash {
                if stopped.is_cancelled() {
                    return;
                }
                uploads.settle(undecided).await;
            }
            uploads.recover_all(&*describe, &stopped).await;
            while uploads.expire() && !stopped.is_cancelled() {
                uploads.clean(&stopped).await;
                rest(&stopped, interval).await;
            }
        });
        Self {
            stop,
            tasks: [task, hearing],
        }
    }

    /// Ends the work and waits for its end.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "the upkeep did not end in order");
            }
        }
    }
}

/// How long it takes until what could not be settled is looked at again.
const AGAIN: Duration = Duration::from_millis(100);

/// Does what hooks want done: stops uploads, and settles what was promised and
/// not decided.
async fn listen(uploads: Arc<Uploads>, describe: Arc<Describe>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            undecided = uploads.hooks.undecided() => {
                let mut settled = true;
                for undecided in undecided {
                    settled &= uploads.settle(undecided).await;
                }
                if !settled {
                    rest(&stop, AGAIN).await;
                }
            }
            wanted = uploads.hooks.stop_wanted() => {
                let id = wanted.upload.clone();
                let cause = Cause::new(|| match UploadId::new(id.clone()) {
                    Ok(id) => describe(&id),
                    Err(_) => RequestState::cut_off(String::new()),
                });
                if let Err(error) = uploads.stop(wanted, &cause).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(upload = id, error, "an upload that a plugin wants stopped goes on for now");
                }
            }
        }
    }
}

impl Uploads {
    /// Goes through all uploads once and removes what nobody needs.
    pub(super) async fn clean(&self, stop: &CancellationToken) {
        let Some(unchanged_since) = self
            .expiration
            .and_then(|after| SystemTime::now().checked_sub(after))
        else {
            return;
        };
        let mut pass = self.pass(unchanged_since, stop);
        while let Some(found) = pass.next().await {
            for stale in &found {
                if let Err(error) = self.remove_stale(stale).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, ?stale, "an expired upload cannot be removed");
                }
            }
        }
    }

    /// Begins to go through all uploads for what is unfinished and has not
    /// changed since `unchanged_since`.
    pub(super) fn pass<'a>(
        &self,
        unchanged_since: SystemTime,
        stop: &'a CancellationToken,
    ) -> Pass<'a> {
        Pass {
            sweep: self.store.sweep(unchanged_since),
            stop,
            begun: None,
        }
    }
}

/// A slow walk through all uploads.
pub(super) struct Pass<'a> {
    sweep: Box<dyn Sweep>,
    stop: &'a CancellationToken,
    /// When the step before this one began.
    begun: Option<Instant>,
}

impl Pass<'_> {
    /// Rests from the work that was done since it was called before, and gives
    /// what comes next; `None` at the end, or when it is time to stop.
    pub(super) async fn next(&mut self) -> Option<Vec<Stale>> {
        if let Some(begun) = self.begun {
            rest(self.stop, begun.elapsed() * REST).await;
        }
        if self.stop.is_cancelled() {
            return None;
        }
        self.begun = Some(Instant::now());
        self.sweep.step().await.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a walk through all uploads ended early"
            );
            None
        })
    }
}

/// Sleeps; not on when it is time to stop.
async fn rest(stop: &CancellationToken, time: Duration) {
    stop.run_until_cancelled(sleep(time)).await;
}
