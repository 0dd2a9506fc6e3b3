//! What one plugin may use.
//!
//! Every limit is on by default and enforced in one place each: memory in
//! `meter.rs`, CPU in the epoch callback of `instance.rs`, wall clock and
//! concurrency around every call in `generation/turns.rs`, output in `output.rs`,
//! the module's size before it is read in `directory.rs`.

use std::time::Duration;

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
