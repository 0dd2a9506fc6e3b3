//! How soon after a commit the next one begins.
//!
//! A commit costs the same for one event as for ten, and most of it is the sync. If
//! several wait at a time, more will in a moment, so that it pays to wait for them;
//! a single client that sends one request after the other waits for nobody.

use std::time::{Duration, Instant};

/// The longest that a promise waits for others, however slow the disk is.
const LONGEST: Duration = Duration::from_millis(5);

/// What the last commit says about the next.
#[derive(Debug, Default)]
pub(super) struct Pace {
    not_before: Option<Instant>,
}

impl Pace {
    /// A commit of additions by that many took from `began` to `ended`.
    pub(super) fn committed(&mut self, began: Instant, ended: Instant, added: usize) {
        let took = ended.saturating_duration_since(began).min(LONGEST);
        self.not_before = (added > 1).then(|| ended + took);
    }

    /// When the next may begin; at once if `None`.
    pub(super) const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_at_a_time_are_followed_by_a_pause_as_long_as_their_commit() {
        let began = Instant::now();
        let mut pace = Pace::default();
        for (took, added, pause) in [
            (1, 1, None),
            (1, 2, Some(1)),
            (100, 64, Some(5)),
            (1, 0, None),
        ] {
            let ended = began + Duration::from_millis(took);
            pace.committed(began, ended, added);
            let pause = pause.map(|pause| ended + Duration::from_millis(pause));
            assert_eq!(pace.not_before(), pause, "{took} ms, {added}");
        }
    }
}
