//! The one thread that changes the database. It takes everything that is asked
//! for at the moment and commits once.
//!
//! Only a promise has to be on the disk before anybody goes on. All else, such
//! as that a promise was kept or an event delivered, goes with the next commit,
//! or soon with one that is not synced: what a crash takes away of it is found
//! out again, or done twice.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use super::adopt::Adoption;
use super::command::{Command, CommandQueue, Fresh, Taken};
use super::order::Order;
use super::pace::Pace;
use super::promise::Recorded;
use super::put_off::PutOff;
use super::record::{add, apply};
use super::sink::Sink;
use super::slot::Slot;
use super::store::{Commit, PENDING, Queued, Store, UNDECIDED, pages_in_use};
use super::{OutboxError, Shared};

/// How often to look for what other processes did: to this database, and to
/// themselves.
const TICK: Duration = Duration::from_secs(1);

/// The thread's state.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) directory: PathBuf,
    queue: Arc<CommandQueue>,
    pub(super) shared: Arc<Shared>,
    pub(super) put_off: PutOff,
    /// Those who wait for events. They get none before all that was told before
    /// is in the database.
    readers: Vec<Arc<Sink>>,
    pub(super) order: Order,
    /// The next number, and the least one in use.
    next: i64,
    pub(super) least: i64,
    pub(super) version: i64,
    ticked: Instant,
    pub(super) adoption: Option<Adoption>,
    /// When such were looked for; `None` before the first time.
    pub(super) looked: Option<Instant>,
    /// The own slot, and those that cannot be taken over.
    pub(super) not_adopted: BTreeSet<u32>,
    failing: bool,
    pace: Pace,
    /// Held until the end.
    _slot: Slot,
}

impl Writer {
    /// Takes what a crash left undecided into account.
    pub(super) fn new(
        mut store: Store,
        slot: Slot,
        directory: PathBuf,
        queue: Arc<CommandQueue>,
        shared: Arc<Shared>,
    ) -> Result<Self, OutboxError> {
        let path = store.path().to_owned();
        let failed = |error| OutboxError::storage("read", &path, error);
        let change = store.change(Commit::Durable).map_err(failed)?;
        change.settle_followed().map_err(failed)?;
        change.commit().map_err(failed)?;
        let (least, greatest) = store.bounds().map_err(failed)?;
        let version = store.version().map_err(failed)?;
        let mut writer = Self {
            store,
            directory,
            queue,
            shared,
            put_off: PutOff::default(),
            readers: Vec::new(),
            order: Order::default(),
            next: greatest + 1,
            least,
            version,
            ticked: Instant::now(),
            adoption: None,
            looked: None,
            not_adopted: BTreeSet::from([slot.number()]),
            failing: false,
            pace: Pace::default(),
            _slot: slot,
        };
        writer.count().map_err(failed)?;
        writer.find_undecided(i64::MIN, i64::MAX).map_err(failed)?;
        writer.measure().map_err(failed)?;
        Ok(writer)
    }

    /// Works until the queue is closed.
    pub(super) fn run(mut self) {
        self.adopt();
        loop {
            let pause = self.pause();
            let taken = self.queue.take(pause, self.pace.not_before());
            let Taken {
                commands,
                urgent,
                closed,
            } = taken;
            self.accept(commands);
            if closed {
                self.commit_all();
                break;
            }
            if urgent || (!self.failing && self.put_off.is_due()) {
                self.commit();
            }
            self.adopt_more();
            if self.ticked.elapsed() >= TICK {
                self.ticked = Instant::now();
                self.tick();
            }
        }
        if let Err(error) = self.store.checkpoint() {
            self.report("close", &error);
        }
    }

    fn pause(&mut self) -> Duration {
        if self.adoption.is_some() && !self.shared.full.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let tick = TICK.saturating_sub(self.ticked.elapsed());
        if self.failing {
            // While the disk is full it is tried again with every tick.
            return tick;
        }
        let left = |due: Instant| due.saturating_duration_since(Instant::now());
        let due = self.put_off.due();
        due.map_or(tick, |due| tick.min(left(due)))
    }

    /// Tells what needs no commit, and puts off the rest.
    fn accept(&mut self, commands: Vec<Command>) {
        for command in commands {
            match &command {
                Command::Read(sink) => {
                    self.readers.push(Arc::clone(sink));
                    continue;
                }
                Command::Keep(recorded) => {
                    self.keep(recorded);
                    continue;
                }
                Command::Withdraw(recorded) => {
                    self.decided(recorded);
                }
                Command::Delivered { sink, seq } => {
                    sink.counters.left();
                    self.put_off.delivered(Arc::clone(sink), *seq);
                    continue;
                }
                Command::Failed { seq, .. } => self.put_off.failed(*seq),
                Command::Dead { sink, seq, .. } => {
                    sink.counters.left();
                    sink.counters.dead_letters.fetch_add(1, Ordering::Relaxed);
                    self.put_off.failed(*seq);
                }
                Command::Promise { entries, .. } => {
                    for entry in entries {
                        self.put_off.settle(&entry.upload);
                    }
                }
                Command::Enqueue { entry, .. } => self.put_off.settle(&entry.upload),
                Command::Pending(_) | Command::Done(_) => {}
            }
            self.put_off.push(command);
        }
    }

    /// What was promised has happened: it is told, unless a later promise stands for
    /// it.
    fn keep(&mut self, recorded: &Recorded) {
        let replaced = self.decided(recorded);
        for event in &recorded.events {
            if replaced.contains(&event.seq) {
                self.put_off.push(Command::Done(event.seq));
            } else {
                self.tell(event, &recorded.sinks);
                self.put_off.keep(event, recorded.sinks.len());
            }
        }
    }

    /// Reads what waited for this, and returns those for which a later promise
    /// stands.
    fn decided(&mut self, recorded: &Recorded) -> Vec<i64> {
        let mut replaced = Vec::new();
        for event in &recorded.events {
            let decided = self.order.decided(&event.entry.upload, event.seq);
            if let Some(seq) = decided.held {
                self.shared.each_sink(|sink| sink.rewind(seq));
            }
            if decided.is_replaced {
                replaced.push(event.seq);
            }
        }
        replaced
    }

    /// Says to its sinks that an event is to be delivered.
    fn tell(&mut self, event: &Queued, sinks: &[Arc<Sink>]) {
        let held = self.order.holds(&event.entry.upload, event.seq);
        for sink in sinks {
            sink.counters.depth.fetch_add(1, Ordering::Relaxed);
            if !held {
                sink.kept(event.clone());
            }
        }
    }

    /// Commits all there is, whoever waits for it.
    fn commit_all(&mut self) {
        self.put_off.collect_all();
        if !self.put_off.commands().is_empty() || !self.readers.is_empty() {
            self.commit();
        }
    }

    /// Commits all that is not put off any longer. If that fails, promises fail,
    /// and the rest is tried again.
    fn commit(&mut self) {
        let is_promise = |command: &Command| matches!(command, Command::Promise { .. });
        if self.readers.is_empty() {
            self.put_off.collect_due();
        } else {
            // They read what is pending.
            self.put_off.collect_all();
        }
        let commit = if self.put_off.commands().iter().any(is_promise) {
            Commit::Durable
        } else {
            Commit::Lazy
        };
        if !self.put_off.commands().is_empty() {
            let began = Instant::now();
            match self.write(commit) {
                Ok(events) => {
                    self.pace.committed(began, Instant::now(), events.len());
                    self.report_recovery();
                    let commands = self.put_off.take();
                    self.tell_recorded(commands, events);
                }
                Err(error) => {
                    self.report("write to", &error);
                    self.refuse(error);
                    return;
                }
            }
        }
        self.serve();
    }

    /// Writes all that was put off, and returns the events that were added, for
    /// each command that adds some.
    fn write(&mut self, commit: Commit) -> rusqlite::Result<Vec<Vec<Queued>>> {
        let mut next = self.next;
        let change = self.store.change(commit)?;
        let mut added = Vec::new();
        for command in self.put_off.commands() {
            match command {
                Command::Promise { entries, sinks, .. } => {
                    added.push(add(&change, &mut next, entries, sinks, UNDECIDED)?);
                }
                Command::Enqueue { entry, sinks } => {
                    let entries = std::slice::from_ref(entry);
                    added.push(add(&change, &mut next, entries, sinks, PENDING)?);
                }
                other => apply(&change, other)?,
            }
        }
        let pages = pages_in_use(change.connection())?;
        change.commit()?;
        self.next = next;
        self.shared.set_used(self.store.used_with(pages));
        Ok(added)
    }

    /// Tells those who wait for what was added, or for its delivery.
    fn tell_recorded(&mut self, commands: Vec<Command>, added: Vec<Vec<Queued>>) {
        let told = |command| match command {
            Command::Promise { sinks, reply, .. } => Some((sinks, Some(reply))),
            Command::Enqueue { sinks, .. } => Some((sinks, None)),
            _ => None,
        };
        let recorded = commands.into_iter().filter_map(told).zip(added);
        for ((sinks, reply), events) in recorded {
            let recorded = Recorded { events, sinks };
            if let Some(reply) = reply {
                self.order.promised(&recorded.events);
                let fresh = Fresh::new(recorded, Arc::clone(&self.queue));
                // If nobody waits any more, dropping it withdraws it.
                drop(reply.send(Ok(fresh)));
            } else {
                for event in &recorded.events {
                    self.tell(event, &recorded.sinks);
                }
            }
        }
    }

    /// Fails the promises; the rest is tried again, and no copy is taken until it is
    /// written.
    fn refuse(&mut self, error: rusqlite::Error) {
        let error = OutboxError::storage("write to", self.store.path(), error);
        self.failing = true;
        // It must not pile up.
        self.put_off.collect_all();
        let mut refused = Vec::new();
        for command in self.put_off.take() {
            if let Command::Promise { reply, .. } = command {
                refused.push(reply);
            } else {
                self.put_off.push(command);
            }
        }
        // Before anybody is told, so that whoever was told finds it failing.
        if !self.put_off.commands().is_empty() {
            self.shared.set_failure(Some(error.clone()));
        }
        for reply in refused {
            drop(reply.send(Err(error.clone())));
        }
    }

    /// Reads for those who have room.
    fn serve(&mut self) {
        for sink in std::mem::take(&mut self.readers) {
            if let Err(error) = self.read(&sink) {
                self.report("read", &error);
                self.readers.push(sink);
            }
        }
    }

    fn read(&mut self, sink: &Sink) -> rusqlite::Result<()> {
        let (after, limit) = sink.reads();
        let mut events = self.store.pending(&sink.name, after, limit)?;
        let complete = events.len() < limit;
        let last = events.last().map(|event| event.seq);
        events.retain(|event| !self.order.holds(&event.entry.upload, event.seq));
        sink.read(events, last, complete);
        Ok(())
    }

    /// Looks for what other processes did.
    fn tick(&mut self) {
        self.commit_all();
        if let Err(error) = self.look() {
            self.report("read", &error);
        }
        self.adopt();
    }

    pub(super) fn measure_or_report(&self) {
        if let Err(error) = self.measure() {
            self.report("measure", &error);
        }
    }

    pub(super) fn measure(&self) -> rusqlite::Result<()> {
        self.shared.set_used(self.store.used()?);
        Ok(())
    }

    pub(super) fn report(&self, action: &'static str, error: &rusqlite::Error) {
        if !self.failing || action != "write to" {
            tracing::error!(path = %self.store.path().display(), %error, "cannot {action} the outbox");
        }
    }

    fn report_recovery(&mut self) {
        if std::mem::take(&mut self.failing) {
            self.shared.set_failure(None);
            tracing::info!(path = %self.store.path().display(), "the outbox works again");
        }
    }
}

/// Milliseconds of the Unix epoch.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
