//! What the writer, the dispatchers and those who promise have in common.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle as Task;
use tokio_util::sync::CancellationToken;

use super::command::CommandQueue;
use super::promise::Undecided;
use super::sink::Sink;
use super::{Config, Deliver, OutboxError, dispatcher};

/// The bounds, the sinks and the ways to the writer.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) queue: Arc<CommandQueue>,
    pub(super) undecided: Arc<Undecided>,
    sinks: Mutex<Sinks>,
    pub(super) used: AtomicU64,
    pub(super) full: AtomicBool,
    /// Why the writer cannot write at the moment.
    failure: Mutex<Option<OutboxError>>,
    stop: CancellationToken,
}

#[derive(Default)]
struct Sinks {
    by_name: BTreeMap<Arc<str>, Arc<Sink>>,
    /// Where events go, once that is known.
    dispatch: Option<(Handle, Arc<dyn Deliver>)>,
    tasks: Vec<Task<()>>,
}

impl Shared {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            queue: Arc::default(),
            undecided: Arc::default(),
            sinks: Mutex::default(),
            used: AtomicU64::new(0),
            full: AtomicBool::new(false),
            failure: Mutex::default(),
            stop: CancellationToken::new(),
        }
    }

    /// Starts to deliver.
    pub(super) fn start(&self, runtime: Handle, deliver: Arc<dyn Deliver>) {
        let mut sinks = self.sinks();
        sinks.dispatch = Some((runtime, deliver));
        let all: Vec<_> = sinks.by_name.values().cloned().collect();
        for sink in all {
            self.dispatch(&mut sinks, sink);
        }
    }

    /// Starts no delivery any more. What is returned ends when those that run
    /// have ended.
    pub(super) fn stop(&self) -> Vec<Task<()>> {
        self.stop.cancel();
        let mut sinks = self.sinks();
        // What delivers may hold what holds this.
        sinks.dispatch = None;
        std::mem::take(&mut sinks.tasks)
    }

    fn sinks(&self) -> MutexGuard<'_, Sinks> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all_sinks(&self) -> Vec<Arc<Sink>> {
        self.sinks().by_name.values().cloned().collect()
    }

    pub(super) fn each_sink(&self, mut does: impl FnMut(&Sink)) {
        for sink in self.all_sinks() {
            does(&sink);
        }
    }

    pub(super) fn sink(&self, name: &str) -> Arc<Sink> {
        let mut sinks = self.sinks();
        if let Some(sink) = sinks.by_name.get(name) {
            return Arc::clone(sink);
        }
        let name: Arc<str> = name.into();
        let sink = Arc::new(Sink::new(Arc::clone(&name), &self.config));
        sinks.by_name.insert(name, Arc::clone(&sink));
        self.dispatch(&mut sinks, Arc::clone(&sink));
        sink
    }

    pub(super) fn sinks_named(&self, names: &[Arc<str>]) -> Arc<[Arc<Sink>]> {
        names.iter().map(|name| self.sink(name)).collect()
    }

    fn dispatch(&self, sinks: &mut Sinks, sink: Arc<Sink>) {
        if let Some((runtime, deliver)) = &sinks.dispatch {
            let (deliver, queue) = (Arc::clone(deliver), Arc::clone(&self.queue));
            let task = dispatcher::run(sink, deliver, queue, self.stop.clone());
            let task = runtime.spawn(task);
            sinks.tasks.push(task);
        }
    }

    /// Whether that many bytes more can be recorded.
    pub(super) fn check_room(&self, bytes: usize) -> Result<(), OutboxError> {
        let max = self.config.max_bytes;
        let used = self.used.load(Ordering::Relaxed);
        let coming = self.queue.bytes().saturating_add(bytes as u64);
        if used.saturating_add(coming) > max {
            self.set_full(true, used);
        }
        if self.full.load(Ordering::Relaxed) {
            return Err(OutboxError::Full { used, max });
        }
        Ok(())
    }

    /// Notes how much is used. There is room again when a sixteenth is free.
    pub(super) fn set_used(&self, used: u64) {
        self.used.store(used, Ordering::Relaxed);
        let max = self.config.max_bytes;
        if used >= max {
            self.set_full(true, used);
        } else if used < max - max / 16 {
            self.set_full(false, used);
        }
    }

    /// Why the writer cannot write at the moment. What nobody waits for would
    /// pile up meanwhile.
    pub(super) fn failure(&self) -> Option<OutboxError> {
        self.failed().clone()
    }

    pub(super) fn set_failure(&self, failure: Option<OutboxError>) {
        *self.failed() = failure;
    }

    fn failed(&self) -> MutexGuard<'_, Option<OutboxError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_full(&self, full: bool, used: u64) {
        if self.full.swap(full, Ordering::Relaxed) == full {
            return;
        }
        let max = self.config.max_bytes;
        if full {
            tracing::error!(
                used,
                max,
                "the outbox is full: uploads are refused until sinks take events or dead letters are dropped"
            );
        } else {
            tracing::info!(used, max, "the outbox has room again");
        }
    }
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sinks")
            .field("by_name", &self.by_name)
            .field("is_started", &self.dispatch.is_some())
            .finish_non_exhaustive()
    }
}
