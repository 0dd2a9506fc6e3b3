//! What one plugin may use, and the meter that holds it to that.
//!
//! Every limit is on by default and enforced in one place each: memory in
//! [`Meter`], CPU in the epoch callback of `instance.rs`, wall clock and
//! concurrency around every call in `generation.rs`, output in `output.rs`,
//! the module's size before it is read in `directory.rs`.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// One mebibyte, in bytes.
pub(super) const MIB: usize = 1024 * 1024;

/// How often the epoch advances: the unit of CPU time, and how long a guest may
/// run before it yields to the other requests of its thread. 10 ms is short
/// enough that a neighbour hardly notices and long enough that yielding costs
/// nothing measurable.
pub(super) const EPOCH_TICK: Duration = Duration::from_millis(10);

/// The largest linear memory that the pool reserves room for. A plugin's own
/// limit can't be set higher.
pub(super) const MAX_MEMORY: usize = 1024 * MIB;

/// What one plugin may use. The defaults and the keys of `NAME.toml` that change
/// them are in docs/operators.md.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// All linear memories and tables of one instance together, in bytes.
    pub memory: usize,
    /// Time on a CPU per call, in steps of 10 ms.
    pub cpu_time: Duration,
    /// Time per call from the first moment to the last: waiting for a free
    /// instance, waiting in host calls and running.
    pub wall_time: Duration,
    /// Bytes that one host call may make the host allocate, arguments and
    /// results of the plugin's own functions included.
    pub host_allocation: usize,
    /// Calls at the same time. More wait for their turn within `wall_time`.
    pub concurrent_calls: usize,
    /// Bytes of log lines, stdout and stderr per call.
    pub output: usize,
    /// Bytes of the module's file.
    pub module: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A Rust or C hook needs 1 to 2 MiB, a Python one 12 MiB before it
            // does anything; 64 MiB leaves each room and lets 100 calls at once
            // fit a small machine.
            memory: 64 * MIB,
            // A decision takes microseconds. A guest that computes for a second
            // is broken, and until then holds a third of its thread.
            cpu_time: Duration::from_secs(1),
            // Twice the CPU time: room for host calls, short enough that a
            // client does not give up first.
            wall_time: Duration::from_secs(2),
            // Metadata and headers are kilobytes; a body of a rejection is at
            // most a page. 16 MiB never hinders an honest plugin, and 32 calls at
            // once can't exhaust a machine by it.
            host_allocation: 16 * MIB,
            // More than this many at once only queue on the CPUs.
            concurrent_calls: 32,
            // About 600 lines. More per decision is a flood.
            output: 64 * 1024,
            // The largest guests in use (Python) have 18 MiB.
            module: 64 * MIB,
        }
    }
}

/// Counts what one instance holds, and says no.
#[derive(Debug)]
pub(super) struct Meter {
    limit: usize,
    used: usize,
    denied: bool,
    ticks_left: u64,
    out_of_cpu: bool,
}

/// What a table element costs: a pointer.
const TABLE_ELEMENT: usize = size_of::<usize>();

impl Meter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.memory,
            used: 0,
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

    fn meter(memory: usize) -> Meter {
        Meter::new(&Limits {
            memory,
            ..Limits::default()
        })
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
