//! How much is under way on a channel, and since when nothing is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is under way on one channel.
#[derive(Debug, Clone)]
pub(super) struct Load(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    under_way: usize,
    changed: Instant,
}

/// One message under way. It counts until this is dropped.
#[derive(Debug)]
pub(super) struct Ticket(Load);

impl Load {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            under_way: 0,
            changed: Instant::now(),
        })))
    }

    /// Counts one more.
    pub(super) fn ticket(&self) -> Ticket {
        let mut state = self.state();
        state.under_way += 1;
        state.changed = Instant::now();
        drop(state);
        Ticket(self.clone())
    }

    /// How many are under way.
    pub(super) fn count(&self) -> usize {
        self.state().under_way
    }

    /// How long none is; zero while there are some.
    pub(super) fn idle(&self) -> Duration {
        let state = self.state();
        match state.under_way {
            0 => state.changed.elapsed(),
            _ => Duration::ZERO,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way = state.under_way.saturating_sub(1);
        state.changed = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_idle_since_the_last_message_was_answered() {
        let load = Load::new();
        let (first, second) = (load.ticket(), load.ticket());
        assert_eq!(load.count(), 2);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(load.idle(), Duration::ZERO);
        drop(first);
        drop(second);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!((load.count(), load.idle()), (0, Duration::from_secs(5)));
    }
}
