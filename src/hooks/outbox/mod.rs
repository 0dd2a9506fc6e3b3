//! The outbox: what was promised to be told is told, whatever happens between.
//!
//! Before an upload's record changes, its event is promised: it is on the disk
//! when [`Outbox::promise`] returns. When the record has changed the promise is
//! kept, and the event goes to each sink until that sink took it, at least once
//! and in the order of promises for each upload. Sinks do not wait for each
//! other, and nobody waits for a sink.
//!
//! What bounds it: on the disk [`Config::max_bytes`], after which promises are
//! refused before anything is changed; in memory [`Config::window`] events for
//! each sink, however many wait. An event that a sink does not take before
//! [`Config::deadline`], or refuses for good, is a dead letter: it is kept, and
//! counts for the bound, until the operator replays or drops it.
//!
//! An upload whose event failed waits in memory. A sink that takes some events
//! and refuses so many others that they fill its window takes nothing more until
//! it is time to repeat one of them, within [`Config::longest_wait`].
//!
//! Several processes may share the directory; each has a slot of it, and takes
//! over the slots of those that are gone. The order of an upload's events holds
//! among those of one process, and for an upload that moved from a process that
//! is gone. SQLite's log needs a local file system.

mod adopt;
mod change;
mod command;
mod dispatcher;
mod entry;
mod error;
mod health;
mod inspector;
mod kept;
mod lane;
mod log;
mod order;
mod others;
mod pace;
mod promise;
mod put_off;
mod record;
mod retry;
mod shared;
mod sink;
mod slot;
mod snapshot;
mod store;
mod window;
mod writer;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle as Thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use command::{Command, CommandQueue};
use shared::Shared;
use sink::Sink;
use slot::Slot;
use store::Store;
use writer::Writer;

pub use entry::{Deliver, Entry, Outcome};
pub use error::OutboxError;
pub use inspector::{Delivery, Filter, Inspector, Shown, State};
pub use promise::Promise;
pub use snapshot::{SinkSnapshot, Snapshot};

/// The bounds of an outbox.
#[derive(Debug, Clone)]
pub struct Config {
    /// Bytes that the own slot may take on the disk, its log included. It can
    /// be passed by what is on its way when it is reached.
    pub max_bytes: u64,
    /// How long a sink has to take an event; what it does not take is a dead
    /// letter.
    pub deadline: Duration,
    /// Events in memory for each sink.
    pub window: usize,
    /// Uploads whose events are delivered to one sink at once, if it can take so
    /// many.
    pub concurrency: usize,
    /// The longest wait before the first repetition; the bound doubles with
    /// each further one.
    pub first_wait: Duration,
    /// The longest wait before any repetition, also if the sink asks for more.
    pub longest_wait: Duration,
    /// Uploads whose progress waits for one sink; of more, the oldest is
    /// dropped.
    pub progress: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_bytes: 1 << 30,
            deadline: Duration::from_hours(72),
            window: 1000,
            concurrency: 256,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(60),
            progress: 10_000,
        }
    }
}

/// The durable queue between uploads and those who are told of them.
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
    writer: Mutex<Option<(Thread<()>, oneshot::Receiver<()>)>>,
}

impl Outbox {
    /// Opens the outbox in `directory` and takes a slot there. Nothing is
    /// delivered before [`start`](Self::start). What a crash left undecided is
    /// in [`take_undecided`](Self::take_undecided). Blocks.
    ///
    /// # Errors
    /// When the directory or the database cannot be opened, or was written by
    /// another version.
    pub fn open(directory: &Path, config: Config) -> Result<Self, OutboxError> {
        let slot = Slot::take(directory)?;
        let store = Store::open(slot.database(), config.max_bytes)?;
        let shared = Arc::new(Shared::new(config));
        let queue = Arc::clone(&shared.queue);
        let writer = Writer::new(
            store,
            slot,
            directory.to_owned(),
            queue,
            Arc::clone(&shared),
        )?;
        let (ended, when_ended) = oneshot::channel();
        let abandon = Abandon(Arc::clone(&shared.queue));
        let thread = std::thread::Builder::new()
            .name("outbox".to_owned())
            .spawn(move || {
                // Dropped in the end, also by a panic: nobody waits for ever.
                let _ended = (abandon, ended);
                writer.run();
            })
            .map_err(|error| OutboxError::io("start the writer of", directory, error))?;
        Ok(Self {
            shared,
            writer: Mutex::new(Some((thread, when_ended))),
        })
    }

    /// Starts to deliver, with tasks on `runtime` that [`close`](Self::close)
    /// ends. To be called once.
    pub fn start(&self, runtime: &Handle, deliver: Arc<dyn Deliver>) {
        self.shared.start(runtime.clone(), deliver);
    }

    /// Records events that are about to happen, for these sinks; they are on the
    /// disk when this returns. They are delivered when the promise is kept.
    /// Without sinks nothing is recorded. If the future is dropped before it
    /// returns, they are withdrawn.
    ///
    /// # Errors
    /// When there is no room or the disk fails; nothing is recorded then.
    pub async fn promise(
        &self,
        entries: Vec<Entry>,
        sinks: Vec<Arc<str>>,
    ) -> Result<Promise, OutboxError> {
        let shared = &self.shared;
        let promise = |recorded| {
            let writer = Arc::clone(&shared.queue);
            Promise::new(recorded, writer, Arc::clone(&shared.undecided))
        };
        if entries.is_empty() || sinks.is_empty() {
            return Ok(promise(None));
        }
        shared.check_room(entries.iter().map(|entry| entry.payload.len()).sum())?;
        let (reply, recorded) = oneshot::channel();
        let command = Command::Promise {
            entries: entries.into_iter().map(Arc::new).collect(),
            sinks: shared.sinks_named(&sinks),
            reply,
        };
        if !shared.queue.push(command) {
            return Err(OutboxError::Closed);
        }
        let fresh = recorded.await.map_err(|_| OutboxError::Closed)??;
        Ok(promise(fresh.take()))
    }

    /// Records an event that has happened, for these sinks. It is after
    /// everything that was promised before, and on the disk soon, but nobody
    /// waits for that.
    ///
    /// # Errors
    /// When there is no room, or the disk fails at the moment.
    pub fn enqueue(&self, entry: Entry, sinks: &[Arc<str>]) -> Result<(), OutboxError> {
        if sinks.is_empty() {
            return Ok(());
        }
        self.shared.check_room(entry.payload.len())?;
        if let Some(failure) = self.shared.failure() {
            return Err(failure);
        }
        let command = Command::Enqueue {
            entry: Arc::new(entry),
            sinks: self.shared.sinks_named(sinks),
        };
        if self.shared.queue.push(command) {
            Ok(())
        } else {
            Err(OutboxError::Closed)
        }
    }

    /// Tells these sinks how far an upload is, unless there is later news of it
    /// before they listen. In memory only.
    pub fn progress(&self, entry: Entry, sinks: &[Arc<str>]) {
        let entry = Arc::new(entry);
        for sink in sinks {
            self.shared.sink(sink).progress(Arc::clone(&entry));
        }
    }

    /// What nobody decided about: left by a crash, or by a promise that was
    /// dropped. To be kept or withdrawn after a look at the upload; dropped
    /// again it comes again. Later events of these uploads wait.
    #[must_use]
    pub fn take_undecided(&self) -> Vec<Promise> {
        let taken = self.shared.undecided.take();
        let promise = |recorded| {
            let writer = Arc::clone(&self.shared.queue);
            Promise::new(Some(recorded), writer, Arc::clone(&self.shared.undecided))
        };
        taken.into_iter().map(promise).collect()
    }

    /// Waits until there is something in [`take_undecided`](Self::take_undecided).
    /// One task may wait.
    pub async fn undecided(&self) {
        self.shared.undecided.arrived().await;
    }

    /// Ends all waiting of a sink, since it may work again: its plugin was
    /// loaded.
    pub fn retry_now(&self, sink: &str) {
        self.shared.sink(sink).retry_now();
    }

    /// Whether promises are refused since there is no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    /// The state for metrics and logs.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let now = writer::now();
        let sinks = self.shared.all_sinks();
        let sink = |sink: Arc<Sink>| {
            let waits = |since: i64| u64::try_from(now - since).unwrap_or(0);
            SinkSnapshot {
                in_memory: sink.in_memory(),
                oldest: sink.oldest().map(waits).map(Duration::from_millis),
                is_down: sink.is_down(),
                ..sink.counters.snapshot(&sink.name)
            }
        };
        Snapshot {
            used_bytes: self.shared.used.load(Ordering::Relaxed),
            max_bytes: self.shared.config.max_bytes,
            is_full: self.is_full(),
            undecided: self.shared.undecided.len(),
            sinks: sinks.into_iter().map(sink).collect(),
        }
    }

    /// Stops to deliver, waits that long for the deliveries that run, records
    /// what became of them and closes the database. What is not delivered is
    /// delivered after the next start. What is promised after this fails.
    pub async fn close(&self, within: Duration) {
        let tasks = self.shared.stop();
        let until = tokio::time::Instant::now() + within;
        for mut task in tasks {
            let ended = match tokio::time::timeout_at(until, &mut task).await {
                Ok(ended) => ended,
                Err(_) => {
                    tracing::warn!("deliveries did not end in time; they will be repeated");
                    task.abort();
                    task.await
                }
            };
            if let Err(error) = ended.or_else(|error| {
                if error.is_cancelled() {
                    Ok(())
                } else {
                    Err(error)
                }
            }) {
                tracing::error!(%error, "the delivery of events panicked");
            }
        }
        self.shared.queue.close();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((thread, ended)) = writer {
            // Its sender is only ever dropped.
            drop(ended.await);
            join(thread);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        drop(self.shared.stop());
        self.shared.queue.close();
        let writer = self
            .writer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((thread, _)) = writer {
            join(thread);
        }
    }
}

fn join(thread: Thread<()>) {
    if thread.join().is_err() {
        tracing::error!("the writer of the outbox panicked");
    }
}

/// Tells all who wait for the writer that it is gone.
struct Abandon(Arc<CommandQueue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;
