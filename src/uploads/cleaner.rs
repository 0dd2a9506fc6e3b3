//! The task that gives back the space of expired uploads.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Uploads;

/// How many times as long as it worked the cleaner rests after each step. It
/// uses a fifth of one thread at most, and uploads do not feel it.
const REST: u32 = 4;

/// Looks through all uploads from time to time, for those that have expired and
/// for what crashes left behind. Does nothing if uploads do not expire.
#[derive(Debug)]
pub struct Cleaner {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Cleaner {
    /// Starts to clean: now, and then whenever `interval` has passed since the
    /// end of the last time. It must be [stopped](Self::stop).
    #[must_use]
    pub fn start(uploads: Arc<Uploads>, interval: Duration) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            while uploads.expire() && !stopped.is_cancelled() {
                uploads.clean(&stopped).await;
                rest(&stopped, interval).await;
            }
        });
        Self { stop, task }
    }

    /// Ends the work and waits for its end.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the cleaner did not end in order");
        }
    }
}

impl Uploads {
    /// Goes through all uploads once. A step that was begun is ended.
    pub(super) async fn clean(&self, stop: &CancellationToken) {
        let Some(unchanged_since) = self
            .expiration
            .and_then(|after| SystemTime::now().checked_sub(after))
        else {
            return;
        };
        let mut sweep = self.store.sweep(unchanged_since);
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let found = match sweep.step().await {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cleaning ended early"
                    );
                    return;
                }
            };
            for stale in &found {
                if let Err(error) = self.remove_stale(stale).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, ?stale, "an expired upload cannot be removed");
                }
            }
            rest(stop, begun.elapsed() * REST).await;
        }
    }
}

/// Sleeps; not on when it is time to stop.
async fn rest(stop: &CancellationToken, time: Duration) {
    stop.run_until_cancelled(sleep(time)).await;
}
