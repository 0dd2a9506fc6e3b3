//! What every layer counts with. Who counts waits for nobody; who looks sees
//! numbers that may be of slightly different moments.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The largest number that was seen.
#[derive(Debug, Default)]
pub struct Peak(AtomicU64);

impl Peak {
    /// Sees `number`.
    pub fn see(&self, number: u64) {
        // Most of what is seen is not the largest, and need not be written.
        if number > self.0.load(Ordering::Relaxed) {
            self.0.fetch_max(number, Ordering::Relaxed);
        }
    }

    /// The largest; 0 before any.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many there are right now.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    /// One more, for as long as what is returned lives.
    pub fn enter(&self) -> Entered<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Entered(self)
    }

    /// How many there are.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One of those that a [`Level`] counts.
#[derive(Debug)]
pub struct Entered<'a>(&'a Level);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The upper bounds of a [`Histogram`]'s classes, in seconds: from less than a
/// call of a warm plugin takes to as long as a large upload does.
pub const BOUNDS: [f64; 16] = [
    0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0,
    100.0, 300.0,
];

/// How long something took, in classes.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One for each of [`BOUNDS`]; what takes longer is in `longer`.
    classes: [AtomicU64; BOUNDS.len()],
    longer: AtomicU64,
    nanoseconds: AtomicU64,
}

/// A [`Histogram`] at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Upper bound in seconds and how many are above the bound before it; the
    /// last bound is infinite.
    pub classes: Vec<(f64, u64)>,
    /// All durations together, in seconds.
    pub sum: f64,
}

impl Distribution {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.classes.iter().map(|(_, count)| count).sum()
    }
}

impl Histogram {
    /// Something took so long.
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let mut classes = BOUNDS.iter().zip(&self.classes);
        let class = classes.find(|(bound, _)| seconds <= **bound);
        let class = class.map_or(&self.longer, |(_, class)| class);
        class.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// What was observed so far.
    #[must_use]
    pub fn get(&self) -> Distribution {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let counts = self.classes.iter().chain([&self.longer]);
        let sum = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed));
        Distribution {
            classes: bounds
                .zip(counts.map(|count| count.load(Ordering::Relaxed)))
                .collect(),
            sum: sum.as_secs_f64(),
        }
    }
}

/// How things ended: well, or in one of a few ways that have a name in the code.
#[derive(Debug, Default)]
pub struct Outcomes {
    ok: Counter,
    /// Behind a lock: what fails is not what has to be fast.
    others: Mutex<BTreeMap<&'static str, u64>>,
}

/// The name of what ended well.
pub const OK: &str = "ok";

impl Outcomes {
    /// One more ended so.
    pub fn count(&self, outcome: &'static str) {
        if outcome == OK {
            self.ok.one();
            return;
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        *others.entry(outcome).or_default() += 1;
    }

    /// How often each outcome was, [`OK`] first, the others by name if they ever
    /// were.
    #[must_use]
    pub fn get(&self) -> Vec<(&'static str, u64)> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let others = others.iter().map(|(name, count)| (*name, *count));
        std::iter::once((OK, self.ok.get())).chain(others).collect()
    }

    /// Everything together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.get().iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_class_of_the_bound_that_it_does_not_pass() {
        let histogram = Histogram::default();
        for micros in [5, 10, 11, 400_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let seen = histogram.get();
        assert_eq!(seen.classes[0], (0.000_01, 2));
        assert_eq!(seen.classes[1], (0.000_03, 1));
        assert_eq!(seen.classes[BOUNDS.len()], (f64::INFINITY, 1));
        assert_eq!(seen.count(), 4);
        assert!((seen.sum - 400.000_026).abs() < 1e-9, "{}", seen.sum);
    }

    #[test]
    fn a_level_falls_when_what_it_counts_ends() {
        let level = Level::default();
        let (one, two) = (level.enter(), level.enter());
        assert_eq!(level.get(), 2);
        drop((one, two));
        assert_eq!(level.get(), 0);
    }

    #[test]
    fn outcomes_are_there_once_they_were() {
        let outcomes = Outcomes::default();
        for outcome in ["slow", OK, "slow"] {
            outcomes.count(outcome);
        }
        assert_eq!(outcomes.get(), [(OK, 1), ("slow", 2)]);
        assert_eq!(outcomes.total(), 3);
    }

    #[test]
    fn a_peak_stays() {
        let peak = Peak::default();
        for number in [3, 7, 5] {
            peak.see(number);
        }
        assert_eq!(peak.get(), 7);
    }
}
