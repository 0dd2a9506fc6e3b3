//! How long a delivery waits before it is repeated.

use std::time::Duration;

/// Exponential backoff with full jitter: any time up to a bound that doubles
/// with each failure, so that what failed together does not return together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The wait after that many failures in a row. What the sink asked for
    /// counts, but neither a time so short that it is never left alone nor one
    /// so long that it is forgotten.
    pub(super) fn wait(&self, failures: u32, asked: Option<Duration>) -> Duration {
        asked.map_or_else(
            || self.bound(failures).mul_f64(fastrand::f64()),
            |asked| asked.max(self.first).min(self.longest),
        )
    }

    fn bound(&self, failures: u32) -> Duration {
        // The exponent is bounded so that the factor fits.
        let factor = 1_u32 << failures.saturating_sub(1).min(30);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(60));

    #[test]
    fn the_bound_doubles_up_to_the_longest_wait() {
        let bounds = [1, 2, 3, 10, 11, 1000].map(|failures| BACKOFF.bound(failures).as_millis());
        assert_eq!(bounds, [100, 200, 400, 51_200, 60_000, 60_000]);
    }

    #[test]
    fn a_wait_lies_anywhere_below_the_bound() {
        let waits: Vec<_> = (0..1000).map(|_| BACKOFF.wait(4, None)).collect();
        assert!(waits.iter().all(|wait| *wait < Duration::from_millis(800)));
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(200)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(600)));
    }

    #[test]
    fn what_a_sink_asks_for_is_respected_within_bounds() {
        let wait = |seconds| BACKOFF.wait(1, Some(Duration::from_secs(seconds)));
        assert_eq!(wait(5), Duration::from_secs(5));
        assert_eq!(wait(3600), Duration::from_secs(60));
        assert_eq!(wait(0), Duration::from_millis(100));
    }
}
