//! The circuit breaker of one plugin: one that fails again and again is not asked
//! for a while.
//!
//! Closed, calls pass and faults in a row are counted. At the set number it
//! opens, and calls are refused at once. When the pause is over one call is let
//! through as a trial: it closes the breaker, or opens it again for twice as long,
//! up to a bound. A closed breaker costs a call two loads of atomics.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a plugin is not asked any more, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Whether it ever is.
    pub enabled: bool,
    /// Faults in a row after which it is not.
    pub failures: u32,
    /// The first pause.
    pub open: Duration,
    /// The longest pause.
    pub max_open: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            // A single client that provokes a fault can't get there while others
            // are answered in between.
            failures: 10,
            // Short: whoever waits for a fault to pass should not wait for this.
            open: Duration::from_secs(1),
            // A trial every half minute costs nobody anything.
            max_open: Duration::from_secs(30),
        }
    }
}

/// Whether a plugin is asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// It is.
    Closed,
    /// It is not.
    Open {
        /// For how long still.
        left: Duration,
    },
    /// One call is under way or will be, and shows whether it works again.
    HalfOpen,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// With an answer.
    Answered,
    /// With a fault of the plugin.
    Faulty,
    /// In a way that says nothing about the plugin.
    Unknown,
}

/// What the end of a call changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Calls are refused from now on.
    Opened { pause: Duration, failures: u32 },
    /// Calls pass again.
    Closed,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open { until: Instant, pause: Duration },
    OnTrial { pause: Duration },
}

/// The breaker of one generation. A new generation begins with a closed one.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    /// Faults since the last answer.
    faults: AtomicU32,
    is_closed: AtomicBool,
    state: Mutex<State>,
}

/// The right to make one call. Dropped, it says nothing about the plugin.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    on_trial: bool,
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            faults: AtomicU32::new(0),
            is_closed: AtomicBool::new(true),
            state: Mutex::new(State::Closed),
        }
    }

    /// Lets a call through.
    ///
    /// # Errors
    /// It must not be made; the next may after this time.
    pub(super) fn admit(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let pass = |on_trial| Pass {
            breaker: self,
            on_trial,
        };
        if self.is_closed.load(Ordering::Relaxed) {
            return Ok(pass(false));
        }
        let mut state = self.state();
        match *state {
            State::Closed => Ok(pass(false)),
            State::Open { until, pause } if until <= now => {
                *state = State::OnTrial { pause };
                Ok(pass(true))
            }
            State::Open { until, .. } => Err(until.duration_since(now)),
            // How long the trial takes nobody knows.
            State::OnTrial { .. } => Err(self.settings.open),
        }
    }

    /// Whether calls pass at `now`.
    pub(super) fn look(&self, now: Instant) -> BreakerState {
        match *self.state() {
            State::Closed => BreakerState::Closed,
            State::Open { until, .. } if until > now => BreakerState::Open {
                left: until.duration_since(now),
            },
            State::Open { .. } | State::OnTrial { .. } => BreakerState::HalfOpen,
        }
    }

    /// A call of a closed breaker ended.
    fn count(&self, ended: Ended, now: Instant) -> Option<Turn> {
        match ended {
            Ended::Unknown => None,
            Ended::Answered => {
                // Nearly always there is nothing to write.
                if self.faults.load(Ordering::Relaxed) != 0 {
                    self.faults.store(0, Ordering::Relaxed);
                }
                None
            }
            Ended::Faulty => {
                let faults = self
                    .faults
                    .fetch_add(1, Ordering::Relaxed)
                    .saturating_add(1);
                if !self.settings.enabled || faults < self.settings.failures {
                    return None;
                }
                let mut state = self.state();
                // Calls that began before it opened change nothing.
                match *state {
                    State::Closed => Some(self.open(&mut state, self.settings.open, now)),
                    State::Open { .. } | State::OnTrial { .. } => None,
                }
            }
        }
    }

    /// The call on trial ended.
    fn judge(&self, ended: Ended, now: Instant) -> Option<Turn> {
        let mut state = self.state();
        let State::OnTrial { pause } = *state else {
            return None;
        };
        match ended {
            Ended::Answered => {
                *state = State::Closed;
                self.faults.store(0, Ordering::Relaxed);
                self.is_closed.store(true, Ordering::Relaxed);
                Some(Turn::Closed)
            }
            Ended::Faulty => {
                let pause = pause.saturating_mul(2).min(self.settings.max_open);
                self.faults.fetch_add(1, Ordering::Relaxed);
                Some(self.open(&mut state, pause, now))
            }
            // The next call is a trial.
            Ended::Unknown => {
                *state = State::Open { until: now, pause };
                None
            }
        }
    }

    fn open(&self, state: &mut State, pause: Duration, now: Instant) -> Turn {
        *state = State::Open {
            until: now + pause,
            pause,
        };
        self.is_closed.store(false, Ordering::Relaxed);
        let failures = self.faults.load(Ordering::Relaxed);
        Turn::Opened { pause, failures }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The call has ended.
    pub(super) fn end(mut self, ended: Ended, now: Instant) -> Option<Turn> {
        if std::mem::take(&mut self.on_trial) {
            self.breaker.judge(ended, now)
        } else {
            self.breaker.count(ended, now)
        }
    }
}

impl Drop for Pass<'_> {
    /// The client went away: the call was dropped with its request.
    fn drop(&mut self) {
        if self.on_trial {
            self.breaker.judge(Ended::Unknown, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        enabled: true,
        failures: 3,
        open: Duration::from_secs(1),
        max_open: Duration::from_secs(3),
    };

    fn end(breaker: &Breaker, ended: Ended, now: Instant) -> Option<Turn> {
        breaker.admit(now).unwrap().end(ended, now)
    }

    fn opened(breaker: &Breaker, now: Instant) {
        assert_eq!(end(breaker, Ended::Faulty, now), None);
        assert_eq!(end(breaker, Ended::Faulty, now), None);
        let turn = end(breaker, Ended::Faulty, now);
        let (pause, failures) = (Duration::from_secs(1), 3);
        assert_eq!(turn, Some(Turn::Opened { pause, failures }));
    }

    #[test]
    fn only_faults_in_a_row_open_it() {
        let (breaker, now) = (Breaker::new(SETTINGS), Instant::now());
        for _ in 0..10 {
            assert_eq!(end(&breaker, Ended::Faulty, now), None);
            assert_eq!(end(&breaker, Ended::Faulty, now), None);
            assert_eq!(end(&breaker, Ended::Unknown, now), None);
            assert_eq!(end(&breaker, Ended::Answered, now), None);
        }
        opened(&breaker, now);
    }

    #[test]
    fn open_it_lets_nothing_through_until_one_call_after_the_pause() {
        let (breaker, start) = (Breaker::new(SETTINGS), Instant::now());
        opened(&breaker, start);
        let now = start + Duration::from_millis(400);
        let left = Duration::from_millis(600);
        assert_eq!(breaker.admit(now).map(drop), Err(left));
        assert_eq!(breaker.look(now), BreakerState::Open { left });
        let now = start + Duration::from_secs(1);
        assert_eq!(breaker.look(now), BreakerState::HalfOpen);
        let trial = breaker.admit(now).unwrap();
        assert!(breaker.admit(now).is_err());
        assert_eq!(breaker.look(now), BreakerState::HalfOpen);
        assert_eq!(trial.end(Ended::Answered, now), Some(Turn::Closed));
        assert_eq!(breaker.look(now), BreakerState::Closed);
        // It counts from the start again.
        opened(&breaker, now);
    }

    #[test]
    fn a_trial_that_fails_doubles_the_pause_up_to_the_bound() {
        let (breaker, mut now) = (Breaker::new(SETTINGS), Instant::now());
        opened(&breaker, now);
        let mut pause = Duration::from_secs(1);
        for (next, count) in [(2, 4), (3, 5), (3, 6)] {
            now += pause;
            pause = Duration::from_secs(next);
            let turn = end(&breaker, Ended::Faulty, now);
            let failures = count;
            assert_eq!(turn, Some(Turn::Opened { pause, failures }));
        }
    }

    #[test]
    fn a_trial_that_says_nothing_leaves_it_to_the_next_call() {
        let (breaker, start) = (Breaker::new(SETTINGS), Instant::now());
        opened(&breaker, start);
        let now = start + Duration::from_secs(1);
        assert_eq!(end(&breaker, Ended::Unknown, now), None);
        drop(breaker.admit(now).unwrap());
        let later = Instant::now() + Duration::from_secs(1);
        assert_eq!(end(&breaker, Ended::Answered, later), Some(Turn::Closed));
    }

    #[test]
    fn calls_that_began_before_it_opened_change_nothing() {
        let (breaker, now) = (Breaker::new(SETTINGS), Instant::now());
        let (good, bad) = (breaker.admit(now).unwrap(), breaker.admit(now).unwrap());
        opened(&breaker, now);
        assert_eq!(bad.end(Ended::Faulty, now), None);
        assert_eq!(good.end(Ended::Answered, now), None);
        assert!(breaker.admit(now).is_err());
    }

    #[test]
    fn switched_off_it_never_opens() {
        let breaker = Breaker::new(BreakerSettings {
            enabled: false,
            ..SETTINGS
        });
        let now = Instant::now();
        for _ in 0..100 {
            assert_eq!(end(&breaker, Ended::Faulty, now), None);
        }
    }
}
