//! The one thread that changes the database. It takes everything that is asked
//! for at the moment and commits once.
//!
//! Only a promise has to be on the disk before anybody goes on. All else, such
//! as that a promise was kept or an event delivered, goes with the next commit,
//! or soon with one that is not synced: what a crash takes away of it is found
//! out again, or done twice.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use super::adopt::Adoption;
use super::command::{Command, CommandQueue, Fresh, Reply, Taken};
use super::order::Order;
use super::promise::Recorded;
use super::sink::Sink;
use super::slot::Slot;
use super::store::{Change, Commit, DEAD, Failed, PENDING, Queued, Store, UNDECIDED};
use super::{Entry, OutboxError, Shared};

/// How long what nobody waits for is put off.
const LINGER: Duration = Duration::from_millis(20);

/// How much of it is put off.
const MOST_PUT_OFF: usize = 1024;

/// How often to look for what other processes did: to this database, and to
/// themselves.
const TICK: Duration = Duration::from_secs(1);

/// Pages given back at once: some milliseconds.
const SHRINK: u32 = 1000;

/// The thread's state.
#[derive(Debug)]
pub(super) struct Writer {
    store: Store,
    slot: Slot,
    directory: PathBuf,
    queue: Arc<CommandQueue>,
    shared: Arc<Shared>,
    /// Not committed yet, in order.
    put_off: Vec<Command>,
    /// When the first of them came.
    put_off_at: Option<Instant>,
    /// Those who wait for events. They get none before all that was told before
    /// is in the database.
    readers: Vec<Arc<Sink>>,
    order: Order,
    /// The next number, and the least one in use.
    next: i64,
    least: i64,
    version: i64,
    ticked: Instant,
    adoption: Option<Adoption>,
    failing: bool,
}

/// What a commit recorded, to be told afterwards.
#[derive(Debug)]
enum Told {
    Promise(Recorded, Reply),
    Enqueued(Recorded),
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
            slot,
            directory,
            queue,
            shared,
            put_off: Vec::new(),
            put_off_at: None,
            readers: Vec::new(),
            order: Order::default(),
            next: greatest + 1,
            least,
            version,
            ticked: Instant::now(),
            adoption: None,
            failing: false,
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
            let taken = self.queue.take(self.pause());
            let Taken {
                commands,
                urgent,
                closed,
            } = taken;
            self.accept(commands);
            if urgent || closed || self.is_due() {
                self.commit();
            }
            if closed {
                break;
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

    fn pause(&self) -> Duration {
        if self.adoption.is_some() {
            return Duration::ZERO;
        }
        let tick = TICK.saturating_sub(self.ticked.elapsed());
        match self.put_off_at {
            // While the disk is full it is tried again with every tick.
            Some(at) if !self.failing => tick.min(LINGER.saturating_sub(at.elapsed())),
            _ => tick,
        }
    }

    fn is_due(&self) -> bool {
        let late = self.put_off_at.is_some_and(|at| at.elapsed() >= LINGER);
        !self.failing && (late || self.put_off.len() >= MOST_PUT_OFF)
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
                    self.decided(recorded);
                    for event in &recorded.events {
                        self.tell(event, &recorded.sinks);
                    }
                }
                Command::Withdraw(recorded) => self.decided(recorded),
                Command::Delivered { sink, .. } => sink.counters.left(),
                Command::Dead { sink, .. } => {
                    sink.counters.left();
                    sink.counters.dead_letters.fetch_add(1, Ordering::Relaxed);
                }
                Command::Promise { .. } | Command::Enqueue { .. } | Command::Failed { .. } => {}
            }
            self.put_off.push(command);
            self.put_off_at.get_or_insert_with(Instant::now);
        }
    }

    fn decided(&mut self, recorded: &Recorded) {
        for event in &recorded.events {
            if let Some(seq) = self.order.decided(&event.entry.upload, event.seq) {
                self.shared.each_sink(|sink| sink.rewind(seq));
            }
        }
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

    /// Commits all that was put off. If that fails, promises fail, and the rest
    /// is tried again.
    fn commit(&mut self) {
        let is_promise = |command: &Command| matches!(command, Command::Promise { .. });
        let commit = if self.put_off.iter().any(is_promise) {
            Commit::Durable
        } else {
            Commit::Lazy
        };
        if !self.put_off.is_empty() {
            match self.write(commit) {
                Ok(events) => {
                    self.report_recovery();
                    let commands = std::mem::take(&mut self.put_off);
                    self.put_off_at = None;
                    self.tell_recorded(commands, events);
                }
                Err(error) => {
                    self.report("write to", &error);
                    self.failing = true;
                    self.refuse(error);
                    return;
                }
            }
        }
        self.measure_or_report();
        self.serve();
    }

    /// Writes all that was put off, and returns the events that were added, for
    /// each command that adds some.
    fn write(&mut self, commit: Commit) -> rusqlite::Result<Vec<Vec<Queued>>> {
        let mut next = self.next;
        let change = self.store.change(commit)?;
        let mut added = Vec::new();
        for command in &self.put_off {
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
        change.commit()?;
        self.next = next;
        Ok(added)
    }

    fn tell_recorded(&mut self, commands: Vec<Command>, added: Vec<Vec<Queued>>) {
        let told = |command| match command {
            Command::Promise { sinks, reply, .. } => Some((sinks, Some(reply))),
            Command::Enqueue { sinks, .. } => Some((sinks, None)),
            _ => None,
        };
        let recorded = commands.into_iter().filter_map(told).zip(added);
        let told: Vec<Told> = recorded
            .map(|((sinks, reply), events)| {
                let recorded = Recorded { events, sinks };
                match reply {
                    Some(reply) => Told::Promise(recorded, reply),
                    None => Told::Enqueued(recorded),
                }
            })
            .collect();
        for told in told {
            match told {
                Told::Promise(recorded, reply) => {
                    self.order.promised(&recorded.events);
                    let fresh = Fresh::new(recorded, Arc::clone(&self.queue));
                    // Nobody waits any more: dropping it withdraws it.
                    drop(reply.send(Ok(fresh)));
                }
                Told::Enqueued(recorded) => {
                    for event in &recorded.events {
                        self.tell(event, &recorded.sinks);
                    }
                }
            }
        }
    }

    fn refuse(&mut self, error: rusqlite::Error) {
        let error = OutboxError::storage("write to", self.store.path(), error);
        for command in std::mem::take(&mut self.put_off) {
            if let Command::Promise { reply, .. } = command {
                drop(reply.send(Err(error.clone())));
            } else {
                self.put_off.push(command);
            }
        }
        if self.put_off.is_empty() {
            self.put_off_at = None;
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
        if !self.put_off.is_empty() || !self.readers.is_empty() {
            self.commit();
        }
        if let Err(error) = self.look() {
            self.report("read", &error);
        }
        self.adopt();
    }

    fn look(&mut self) -> rusqlite::Result<()> {
        let version = self.store.version()?;
        // What is not committed would be read as it was before.
        if version != self.version && self.put_off.is_empty() {
            self.count()?;
            self.shared.each_sink(Sink::reload);
            self.version = version;
        }
        self.store.shrink(SHRINK)?;
        if self.shared.full.load(Ordering::Relaxed) {
            self.store.checkpoint()?;
        }
        self.measure()
    }

    fn count(&self) -> rusqlite::Result<()> {
        let counts = self.store.counts()?;
        self.shared.each_sink(|sink| {
            sink.counters.depth.store(0, Ordering::Relaxed);
            sink.counters.dead_letters.store(0, Ordering::Relaxed);
        });
        for count in counts {
            let sink = self.shared.sink(&count.sink);
            sink.counters.depth.store(count.pending, Ordering::Relaxed);
            sink.counters
                .dead_letters
                .store(count.dead, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Hands out what nobody decided about of these numbers.
    fn find_undecided(&mut self, first: i64, end: i64) -> rusqlite::Result<()> {
        for left in self.store.undecided()? {
            if left.seq < first || left.seq >= end {
                continue;
            }
            let sinks = left.sinks.iter().map(|sink| self.shared.sink(sink));
            let events = vec![Queued {
                seq: left.seq,
                since: left.since,
                attempts: 0,
                entry: left.entry,
            }];
            self.order.promised(&events);
            self.shared.undecided.put(Recorded {
                events,
                sinks: sinks.collect(),
            });
        }
        Ok(())
    }

    fn measure_or_report(&self) {
        if let Err(error) = self.measure() {
            self.report("measure", &error);
        }
    }

    fn measure(&self) -> rusqlite::Result<()> {
        self.shared.set_used(self.store.used()?);
        Ok(())
    }

    /// Looks for a slot whose process is gone.
    fn adopt(&mut self) {
        if self.adoption.is_some() || self.shared.full.load(Ordering::Relaxed) {
            return;
        }
        let own = self.slot.number();
        let most = self.shared.config.max_bytes;
        match Adoption::find(&self.directory, own, &self.store, self.least, most) {
            Ok(adoption) => self.adoption = adoption,
            Err(error) => tracing::error!(%error, "a slot of the outbox cannot be adopted"),
        }
        if let Some(adoption) = &self.adoption {
            self.least = adoption.first();
        }
    }

    /// Moves some of what a process that is gone left.
    fn adopt_more(&mut self) {
        let Some(mut adoption) = self.adoption.take() else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        match adoption.step(&mut self.store) {
            Ok(Some(moved)) => {
                for (sink, count) in moved.pending {
                    let depth = &shared.sink(&sink).counters.depth;
                    depth.fetch_add(count, Ordering::Relaxed);
                }
                shared.each_sink(|sink| sink.rewind(moved.first));
                self.adoption = Some(adoption);
                self.measure_or_report();
            }
            Ok(None) => self.adopted(&adoption),
            Err(error) => {
                self.report("adopt into", &error);
                adoption.give_up(&self.store);
            }
        }
    }

    fn adopted(&mut self, adoption: &Adoption) {
        let (first, end) = (adoption.first(), adoption.end());
        if let Err(error) = self.find_adopted(first, end) {
            self.report("read", &error);
        }
        tracing::info!(
            slot = adoption.slot(),
            events = end - first,
            "the outbox of a process that is gone was taken over"
        );
    }

    fn find_adopted(&mut self, first: i64, end: i64) -> rusqlite::Result<()> {
        self.find_undecided(first, end)?;
        self.count()
    }

    fn report(&self, action: &'static str, error: &rusqlite::Error) {
        if !self.failing || action != "write to" {
            tracing::error!(path = %self.store.path().display(), %error, "cannot {action} the outbox");
        }
    }

    fn report_recovery(&mut self) {
        if std::mem::take(&mut self.failing) {
            tracing::info!(path = %self.store.path().display(), "the outbox works again");
        }
    }
}

fn add(
    change: &Change<'_>,
    next: &mut i64,
    entries: &[Arc<Entry>],
    sinks: &[Arc<Sink>],
    state: i64,
) -> rusqlite::Result<Vec<Queued>> {
    let since = now();
    let promise = *next;
    let mut added = Vec::with_capacity(entries.len());
    for entry in entries {
        if !change.add(*next, entry)? {
            continue;
        }
        for sink in sinks {
            change.add_delivery(*next, &sink.name, state, since, promise)?;
        }
        added.push(Queued {
            seq: *next,
            since,
            attempts: 0,
            entry: Arc::clone(entry),
        });
        *next += 1;
    }
    Ok(added)
}

fn apply(change: &Change<'_>, command: &Command) -> rusqlite::Result<()> {
    match command {
        Command::Keep(recorded) => {
            for event in &recorded.events {
                change.keep(event.seq)?;
            }
            Ok(())
        }
        Command::Withdraw(recorded) => {
            for event in &recorded.events {
                change.remove(event.seq)?;
            }
            Ok(())
        }
        Command::Delivered { sink, seq } => change.delivered(*seq, &sink.name),
        Command::Failed {
            sink,
            seq,
            attempts,
            cause,
            text,
        } => {
            let failed = failed(sink, *seq, *attempts, cause, text);
            change.failed(&failed, PENDING)
        }
        Command::Dead {
            sink,
            seq,
            attempts,
            cause,
            text,
        } => {
            let failed = failed(sink, *seq, *attempts, cause, text);
            change.failed(&failed, DEAD)
        }
        Command::Promise { .. } | Command::Enqueue { .. } | Command::Read(_) => Ok(()),
    }
}

fn failed<'a>(
    sink: &'a Sink,
    seq: i64,
    attempts: u32,
    cause: &'a str,
    error: &'a str,
) -> Failed<'a> {
    Failed {
        seq,
        sink: &sink.name,
        attempts,
        cause,
        error,
    }
}

/// Milliseconds of the Unix epoch.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
