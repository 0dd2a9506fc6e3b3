//! Work that a stop waits for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// More than any machine has connections.
const MOST: u32 = 1 << 24;

/// Counts running work, and can end it. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct InFlight {
    places: Arc<Semaphore>,
    stopping: CancellationToken,
    hang_up: CancellationToken,
    cut: CancellationToken,
}

/// Work that is running, until dropped.
#[derive(Debug)]
pub(super) struct Running {
    _place: OwnedSemaphorePermit,
}

impl Default for InFlight {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST as usize)),
            stopping: CancellationToken::new(),
            hang_up: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }
}

impl InFlight {
    /// Begins work; `None` while the server stops.
    pub(super) fn begin(&self) -> Option<Running> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Running { _place: place })
    }

    /// Is cancelled when a stop begins.
    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Whether a stop has begun.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Is cancelled when connections are to end after their present answer.
    pub(super) fn hang_up(&self) -> &CancellationToken {
        &self.hang_up
    }

    /// Is cancelled when bodies are to end.
    pub(super) fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Lets no more work begin and waits for the end of what runs.
    pub(super) async fn ended(&self) {
        // Who waits for all places keeps others from taking any. It fails only
        // if the semaphore is closed, which nobody does.
        if let Ok(all) = self.places.acquire_many(MOST).await {
            all.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_stop_waits_for_what_runs_and_lets_nothing_begin() {
        let in_flight = InFlight::default();
        let running = in_flight.begin().unwrap();
        let ended = in_flight.ended();
        tokio::pin!(ended);
        assert!(timeout(Duration::from_millis(5), &mut ended).await.is_err());
        assert!(in_flight.begin().is_none());
        drop(running);
        ended.await;
        assert!(in_flight.begin().is_none());
    }
}
