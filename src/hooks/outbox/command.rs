//! What the writer is asked to do, in order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::promise::Recorded;
use super::sink::Sink;
use super::{Entry, OutboxError};

/// Gets what was recorded, once it is durable.
pub(super) type Reply = oneshot::Sender<Result<Fresh, OutboxError>>;

/// A request to the writer.
#[derive(Debug)]
pub(super) enum Command {
    /// Record these durably, to be decided about.
    Promise {
        entries: Vec<Arc<Entry>>,
        sinks: Arc<[Arc<Sink>]>,
        reply: Reply,
    },
    /// Record it, to be delivered.
    Enqueue {
        entry: Arc<Entry>,
        sinks: Arc<[Arc<Sink>]>,
    },
    Keep(Recorded),
    Withdraw(Recorded),
    Delivered {
        sink: Arc<Sink>,
        seq: i64,
    },
    /// To be repeated.
    Failed {
        sink: Arc<Sink>,
        seq: i64,
        attempts: u32,
        cause: String,
        text: String,
    },
    /// Not to be repeated.
    Dead {
        sink: Arc<Sink>,
        seq: i64,
        attempts: u32,
        cause: String,
        text: String,
    },
    /// An event that was kept is to be delivered. By the writer only.
    Pending(i64),
    /// All who were to hear of an event have. By the writer only.
    Done(i64),
    /// There is room for more events of this sink.
    Read(Arc<Sink>),
}

impl Command {
    /// Whether somebody waits for it. All others go with the next commit.
    const fn is_urgent(&self) -> bool {
        matches!(self, Self::Promise { .. } | Self::Read(_))
    }

    fn bytes(&self) -> u64 {
        let size = |entry: &Arc<Entry>| entry.payload.len() as u64;
        match self {
            Self::Promise { entries, .. } => entries.iter().map(size).sum(),
            Self::Enqueue { entry, .. } => size(entry),
            _ => 0,
        }
    }
}

/// What was recorded and not yet handed to whoever asked for it. If that one is
/// gone nothing has happened yet, and it is withdrawn.
#[derive(Debug)]
pub(super) struct Fresh {
    recorded: Option<Recorded>,
    writer: Arc<CommandQueue>,
}

impl Fresh {
    pub(super) const fn new(recorded: Recorded, writer: Arc<CommandQueue>) -> Self {
        Self {
            recorded: Some(recorded),
            writer,
        }
    }

    pub(super) fn take(mut self) -> Option<Recorded> {
        self.recorded.take()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(recorded) = self.recorded.take() {
            self.writer.push(Command::Withdraw(recorded));
        }
    }
}

/// The queue to the writer. Its length is bounded by what the requests and the
/// deliveries that run at the moment can ask for.
#[derive(Debug, Default)]
pub(super) struct CommandQueue {
    inner: Mutex<Inner>,
    pushed: Condvar,
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    commands: Vec<Command>,
    urgent: bool,
    closed: bool,
    /// The writer waits for more, and takes what there is when its time has come.
    gathers: bool,
}

/// What the writer takes at once.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) commands: Vec<Command>,
    /// Somebody waits for one of them.
    pub(super) urgent: bool,
    /// There will be no more.
    pub(super) closed: bool,
}

impl CommandQueue {
    /// Asks for something; `false`, and the request is gone, if it is closed.
    pub(super) fn push(&self, command: Command) -> bool {
        let mut inner = self.lock();
        if inner.closed {
            return false;
        }
        self.bytes.fetch_add(command.bytes(), Ordering::Relaxed);
        inner.urgent |= command.is_urgent();
        let wakes = !inner.gathers && (inner.commands.is_empty() || command.is_urgent());
        inner.commands.push(command);
        drop(inner);
        if wakes {
            self.pushed.notify_one();
        }
        true
    }

    /// Takes all there is; waits for something that long. What somebody waits for is
    /// not taken before `not_before`, so that more comes with it.
    pub(super) fn take(&self, within: Duration, not_before: Option<Instant>) -> Taken {
        let inner = self.lock();
        let (mut inner, _) = self
            .pushed
            .wait_timeout_while(inner, within, |inner| {
                inner.commands.is_empty() && !inner.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        let early = |until: Instant| until.saturating_duration_since(Instant::now());
        let early = not_before.map(early).unwrap_or_default();
        if inner.urgent && !early.is_zero() {
            inner.gathers = true;
            (inner, _) = self
                .pushed
                .wait_timeout_while(inner, early, |inner| !inner.closed)
                .unwrap_or_else(PoisonError::into_inner);
            inner.gathers = false;
        }
        self.bytes.store(0, Ordering::Relaxed);
        Taken {
            commands: std::mem::take(&mut inner.commands),
            urgent: std::mem::take(&mut inner.urgent),
            closed: inner.closed,
        }
    }

    /// Takes nothing more. What is queued is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.pushed.notify_one();
    }

    /// Takes nothing more, and nothing is done any more.
    pub(super) fn abandon(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        let commands = std::mem::take(&mut inner.commands);
        // Dropping them may ask for more, and tells those who wait.
        drop(inner);
        drop(commands);
    }

    /// Bytes of events that are queued.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
