//! When to try again to reach a broker that could not be reached. In between,
//! calls fail at once with what went wrong, and the broker has its peace.

use std::time::Duration;

use tokio::time::Instant;

use super::trouble::Trouble;

/// The wait after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_millis(200);

/// The longest wait: how long after a broker's return it may take until
/// somebody notices.
const LONGEST: Duration = Duration::from_secs(5);

/// Open, or shut for a while.
#[derive(Debug, Default)]
pub(super) struct Gate {
    failures: u32,
    shut: Option<(Instant, Trouble)>,
}

impl Gate {
    /// Why nothing is tried now.
    pub(super) fn shut(&self, now: Instant) -> Option<&Trouble> {
        let (until, trouble) = self.shut.as_ref()?;
        (now < *until).then_some(trouble)
    }

    /// It failed.
    pub(super) fn shut_for(&mut self, now: Instant, trouble: Trouble) {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10));
        // Many servers that lost one broker do not all come back at once.
        let wait = doubled.min(LONGEST).mul_f64(0.75 + fastrand::f64() / 4.0);
        self.failures = self.failures.saturating_add(1);
        self.shut = Some((now + wait, trouble));
    }

    /// It worked.
    pub(super) fn open(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound_and_start_anew_after_a_success() {
        let mut gate = Gate::default();
        let now = Instant::now();
        assert!(gate.shut(now).is_none());
        for most in [200, 400, 800, 1600, 3200, 5000, 5000] {
            gate.shut_for(now, Trouble::over());
            let wait = |percent: u64| now + Duration::from_millis(most * percent / 100);
            assert!(gate.shut(wait(74)).is_some(), "{most}");
            assert!(gate.shut(wait(101)).is_none(), "{most}");
        }
        gate.open();
        assert!(gate.shut(now).is_none());
        gate.shut_for(now, Trouble::over());
        assert!(gate.shut(now + Duration::from_millis(201)).is_none());
    }
}
