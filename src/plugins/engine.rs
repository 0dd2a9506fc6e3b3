//! The engine: compiler, pool of instances, and the clock that interrupts
//! guests.
//!
//! One engine serves all plugins. Instances come out of a pool that reserves
//! address space (not memory) once, so that a fresh instance per call costs
//! microseconds. Where address space is short (`ulimit -v`, 39-bit kernels)
//! a smaller pool is tried, then none at all: slower, but working.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::limits::{EPOCH_TICK, MAX_MEMORY};

/// Instances that may live at once, over all plugins. Each reserves 4 GiB of
/// address space for each of its memories; 1000 of them are 3 % of what x86-64
/// offers.
const POOL: u32 = 1000;

/// The second try, for kernels and limits that allow about 42 bits.
const SMALL_POOL: u32 = 100;

/// Wasm stack of a call. The default of wasmtime; a recursion that does not end
/// reaches it in microseconds.
const WASM_STACK: usize = 512 * 1024;

/// The fiber that a call runs on: the wasm stack and room for host functions.
const FIBER_STACK: usize = 2 * 1024 * 1024;

/// How much of a memory slot stays resident when it goes back to the pool, and
/// is restored in place instead of being given back to the kernel. A small guest
/// touches less than this per call. With `PAGEMAP_SCAN` (Linux 6.7 and newer)
/// only the pages that it touched are restored, wherever they are: the next call
/// has no page faults, and no thread stops the others to unmap them. That
/// doubles the calls per second on two threads.
const KEEP_RESIDENT: usize = 256 * 1024;

/// The engine and its ticker, which ends with it.
#[derive(Debug)]
pub(super) struct PluginEngine {
    engine: Engine,
    stop: Option<Sender<()>>,
    ticker: Option<JoinHandle<()>>,
}

impl PluginEngine {
    pub(super) fn new() -> wasmtime::Result<Self> {
        let engine = engine_with_the_largest_pool()?;
        let (stop, stopped) = channel();
        let ticking = engine.clone();
        // A thread and not a task: a guest that spins on a runtime's thread
        // must not be able to hold up its own clock.
        let ticker = std::thread::Builder::new()
            .name("epoch-ticker".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(EPOCH_TICK) == Err(RecvTimeoutError::Timeout) {
                    ticking.increment_epoch();
                }
            })?;
        Ok(Self {
            engine,
            stop: Some(stop),
            ticker: Some(ticker),
        })
    }

    pub(super) const fn get(&self) -> &Engine {
        &self.engine
    }
}

impl Drop for PluginEngine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(ticker) = self.ticker.take()
            && ticker.join().is_err()
        {
            tracing::error!("the thread that counts the CPU time of plugins panicked");
        }
    }
}

fn engine_with_the_largest_pool() -> wasmtime::Result<Engine> {
    for size in [POOL, SMALL_POOL] {
        match Engine::new(&config(Some(size))) {
            Ok(engine) => return Ok(engine),
            Err(error) => tracing::warn!(
                instances = size,
                %error,
                "too little address space for the pool of plugin instances; \
                 trying with less (is `ulimit -v` set?)"
            ),
        }
    }
    tracing::warn!("plugin instances are allocated one by one, at about twice the time per call");
    Engine::new(&config(None))
}

fn config(pool: Option<u32>) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(20));
    if let Some(size) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(size)));
    }
    config
}

fn pooling(size: u32) -> PoolingAllocationConfig {
    // A component of any of the known tools is made of several core modules
    // (its own, adapters, shims), nearly always with one memory among them.
    const CORE_PER_COMPONENT: u32 = 4;
    // What Python and JavaScript guests need of function tables, twice.
    const TABLE_ELEMENTS: usize = 20_000;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(size)
        .total_core_instances(size.saturating_mul(CORE_PER_COMPONENT))
        .total_memories(size)
        .total_tables(size.saturating_mul(2))
        .total_stacks(size)
        .max_memory_size(MAX_MEMORY)
        .table_elements(TABLE_ELEMENTS)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT);
    pool
}
