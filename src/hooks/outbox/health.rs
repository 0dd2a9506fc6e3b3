//! Whether a sink takes anything at all.

use std::time::{Duration, Instant};

use super::retry::Backoff;

/// That many failures with no success between them, and the sink is down: it is
/// then asked with one event at a time, and the others are spared the trouble.
const FAILURES: u32 = 8;

/// How long a sink that is down is left alone at most, unless it asks for more. A
/// question that often costs nothing, and what was repaired is noticed soon.
const PROBE: Duration = Duration::from_secs(5);

/// What the last deliveries say about a sink.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// In a row.
    failures: u32,
    down: bool,
    probe_at: Option<Instant>,
}

impl Health {
    pub(super) const fn is_down(&self) -> bool {
        self.down
    }

    /// Before when a sink that is down is not asked.
    pub(super) const fn probe_at(&self) -> Option<Instant> {
        self.probe_at
    }

    /// The sink answered; `true` if it was down.
    pub(super) const fn works(&mut self) -> bool {
        self.failures = 0;
        self.probe_at = None;
        std::mem::replace(&mut self.down, false)
    }

    /// The sink did not take an event; `true` if it is down from now on.
    pub(super) fn fails(
        &mut self,
        now: Instant,
        after: Option<Duration>,
        is_absent: bool,
        backoff: &Backoff,
    ) -> bool {
        self.failures = self.failures.saturating_add(1);
        let was_down = self.down;
        // A plugin that is not there is not there for any event.
        self.down |= is_absent || self.failures >= FAILURES;
        if self.down {
            let probes = self.failures.saturating_sub(FAILURES).saturating_add(1);
            let wait = backoff.wait(probes, after);
            let most = if after.is_some() { wait } else { PROBE };
            self.probe_at = Some(now + wait.min(most));
        }
        self.down && !was_down
    }
}
