//! The meter that holds one instance to its limits of memory and CPU time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::limits::{EPOCH_TICK, Limits};

/// Counts what one instance holds, and says no.
#[derive(Debug)]
pub(super) struct Meter {
    limit: usize,
    used: usize,
    peak: Arc<AtomicUsize>,
    denied: bool,
    ticks_left: u64,
    out_of_cpu: bool,
}

/// What a table element costs: a pointer.
const TABLE_ELEMENT: usize = size_of::<usize>();

impl Meter {
    /// A meter for one instance. `peak` is what the largest of all that share it
    /// has held.
    pub(super) fn new(limits: &Limits, peak: Arc<AtomicUsize>) -> Self {
        Self {
            limit: limits.memory,
            used: 0,
            peak,
            denied: false,
            ticks_left: 0,
            out_of_cpu: false,
        }
    }

    /// Gives a call its CPU time, in ticks.
    pub(super) fn begin_call(&mut self, cpu_time: Duration) {
        let ticks = cpu_time.as_millis().div_ceil(EPOCH_TICK.as_millis());
        self.ticks_left = u64::try_from(ticks).unwrap_or(u64::MAX);
        self.out_of_cpu = false;
        self.denied = false;
    }

    /// One tick went by while the guest ran. `false` when that was the last.
    pub(super) fn tick(&mut self) -> bool {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        self.out_of_cpu = self.ticks_left == 0;
        !self.out_of_cpu
    }

    /// Whether the guest was denied memory in this call.
    pub(super) const fn was_denied(&self) -> bool {
        self.denied
    }

    /// Whether the guest used up its CPU time in this call.
    pub(super) const fn out_of_cpu(&self) -> bool {
        self.out_of_cpu
    }

    /// Whether so much is in use that the instance should not be kept for
    /// another call.
    pub(super) const fn is_worn(&self) -> bool {
        self.used > self.limit / 2
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let total = self.used.saturating_add(desired.saturating_sub(current));
        if total > self.limit {
            self.denied = true;
            return false;
        }
        self.used = total;
        // Written to only when it grows: every fresh instance comes by here.
        if total > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(total, Ordering::Relaxed);
        }
        true
    }
}

impl ResourceLimiter for Meter {
    // wasmtime's own limiter judges each memory alone; this one keeps the sum
    // over all memories and tables of the store.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(
            current.saturating_mul(TABLE_ELEMENT),
            desired.saturating_mul(TABLE_ELEMENT),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::limits::MIB;

    fn meter(memory: usize) -> Meter {
        let limits = Limits {
            memory,
            ..Limits::default()
        };
        Meter::new(&limits, Arc::default())
    }

    #[test]
    fn two_memories_share_one_limit() {
        let mut meter = meter(10 * MIB);
        assert!(meter.memory_growing(0, 6 * MIB, None).unwrap());
        assert!(!meter.memory_growing(0, 6 * MIB, None).unwrap());
        assert!(meter.was_denied());
        assert!(meter.memory_growing(0, 4 * MIB, None).unwrap());
    }

    #[test]
    fn the_peak_is_that_of_the_largest_instance() {
        let peak = Arc::new(AtomicUsize::new(0));
        let new = || Meter::new(&Limits::default(), Arc::clone(&peak));
        let (mut one, mut other) = (new(), new());
        assert!(one.memory_growing(0, 3 * MIB, None).unwrap());
        assert!(other.memory_growing(0, 2 * MIB, None).unwrap());
        assert_eq!(peak.load(Ordering::Relaxed), 3 * MIB);
    }

    #[test]
    fn tables_count_as_memory() {
        let mut meter = meter(MIB);
        assert!(!meter.table_growing(0, MIB, None).unwrap());
    }

    #[test]
    fn a_call_ends_with_its_last_tick() {
        let mut meter = meter(MIB);
        meter.begin_call(Duration::from_millis(25));
        assert!(meter.tick());
        assert!(meter.tick());
        assert!(!meter.tick());
        assert!(meter.out_of_cpu());
        meter.begin_call(Duration::from_millis(25));
        assert!(!meter.out_of_cpu());
    }

    #[test]
    fn an_instance_that_holds_more_than_half_is_worn() {
        let mut meter = meter(10 * MIB);
        assert!(meter.memory_growing(0, 5 * MIB, None).unwrap());
        assert!(!meter.is_worn());
        assert!(meter.memory_growing(5 * MIB, 6 * MIB, None).unwrap());
        assert!(meter.is_worn());
    }
}
