//! One sink: what it is to hear next, and what becomes of that.
//!
//! A bounded number of events is in memory. When more come the sink is *behind*:
//! they stay in the database, and are read in order when there is room again.
//!
//! Nothing here waits or reads a clock. The writer, through whose hands all
//! changes pass in one order, says what was kept and what was read; the
//! dispatcher takes deliveries and says what became of them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::command::{Command, CommandQueue};
use super::lane::Lane;
use super::retry::Backoff;
use super::snapshot::Counters;
use super::store::Queued;
use super::window::{Job, Window};
use super::{Config, Entry, Outcome};

/// How often progress is offered to a sink that asks for it again: there will
/// be more of it.
const PROGRESS_ATTEMPTS: u32 = 5;

/// The time, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    /// Milliseconds of the Unix epoch.
    pub(super) unix: i64,
}

/// What a dispatcher does next.
#[derive(Debug)]
pub(super) enum Step {
    Deliver(Job),
    /// Nothing before that time, unless something changes.
    Sleep(Instant),
    /// Nothing before something changes.
    Wait,
}

/// A sink.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) name: Arc<str>,
    /// Wakes the dispatcher.
    pub(super) changed: Notify,
    pub(super) counters: Counters,
    state: Mutex<Window>,
    backoff: Backoff,
    window: usize,
    concurrency: usize,
    most_progress: usize,
    deadline: i64,
}

impl Sink {
    /// A sink whose events, if it has any, are in the database.
    pub(super) fn new(name: Arc<str>, config: &Config) -> Self {
        Self {
            name,
            changed: Notify::new(),
            counters: Counters::default(),
            state: Mutex::new(Window::new()),
            backoff: Backoff::new(config.first_wait, config.longest_wait),
            window: config.window.max(1),
            concurrency: config.concurrency.max(1),
            most_progress: config.progress,
            deadline: i64::try_from(config.deadline.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Says that an event is to be delivered. By the writer only.
    pub(super) fn kept(&self, event: Queued) {
        let mut state = self.state();
        if event.entry.ends_progress() {
            state.forget_progress(&event.entry.upload);
        }
        if state.behind && event.seq > state.cursor {
            // Will be read in its turn.
        } else if !state.behind && state.in_memory >= self.window {
            state.set_behind(true);
            state.cursor = event.seq - 1;
        } else {
            state.push(event);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Where to read on, and how much. By the writer only.
    pub(super) fn reads(&self) -> (i64, usize) {
        let state = self.state();
        // What is in memory may be read again, after the cursor went back.
        (state.cursor, self.window.saturating_add(state.in_memory))
    }

    /// Brings what was read, up to number `last`; `complete` if there was no
    /// more. By the writer only.
    pub(super) fn read(&self, events: Vec<Queued>, last: Option<i64>, complete: bool) {
        let mut state = self.state();
        let delivered = state.reading.take().unwrap_or_default();
        let mut events = events.into_iter();
        for event in events.by_ref() {
            state.cursor = event.seq;
            if !delivered.contains(&event.seq) {
                state.push(event);
            }
            if state.in_memory >= self.window {
                break;
            }
        }
        let all = events.as_slice().is_empty();
        if let Some(last) = last.filter(|_| all) {
            state.cursor = last;
        }
        state.set_behind(!(all && complete));
        state.look_for_expired = true;
        drop(state);
        self.changed.notify_one();
    }

    /// The database changed at and after that number: read it again. What is in
    /// memory stays. By the writer only.
    pub(super) fn rewind(&self, seq: i64) {
        let mut state = self.state();
        let before = seq.saturating_sub(1);
        state.cursor = if state.behind {
            state.cursor.min(before)
        } else {
            before
        };
        state.set_behind(true);
        drop(state);
        self.changed.notify_one();
    }

    /// Another process changed the database: forget what is not being delivered
    /// and read it again. By the writer only.
    pub(super) fn reload(&self) {
        let mut state = self.state();
        state.forget_waiting();
        state.set_behind(true);
        state.cursor = i64::MIN;
        drop(state);
        self.changed.notify_one();
    }

    /// The latest progress of an upload, in place of any before.
    pub(super) fn progress(&self, entry: Arc<Entry>) {
        let mut state = self.state();
        state.set_progress(entry);
        if state.progress.len() > self.most_progress {
            state.drop_oldest_progress();
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends all waiting: the sink may work again.
    pub(super) fn retry_now(&self) {
        let mut state = self.state();
        state.health.works();
        state.wake_all();
        drop(state);
        self.changed.notify_one();
    }

    /// What to do now, of a sink that takes `at_once` deliveries. Asks the writer to
    /// read, if there is room.
    pub(super) fn next(self: &Arc<Self>, now: Now, at_once: usize, writer: &CommandQueue) -> Step {
        let mut state = self.state();
        if state.behind && state.reading.is_none() && state.in_memory <= self.window / 2 {
            state.reading = Some(HashSet::new());
            if !writer.push(Command::Read(Arc::clone(self))) {
                state.reading = None;
            }
        }
        let most = if state.health.is_down() {
            if std::mem::take(&mut state.look_for_expired) {
                self.expire(&mut state, now, writer);
            }
            1
        } else {
            self.concurrency.min(at_once.max(1))
        };
        if state.running >= most {
            return Step::Wait;
        }
        let Some((when, lane)) = state.first_due(now.instant) else {
            return Step::Wait;
        };
        if let Some(when) = when.max(state.health.probe_at())
            && when > now.instant
        {
            return Step::Sleep(when);
        }
        state.start(lane).map_or(Step::Wait, Step::Deliver)
    }

    /// What became of a delivery.
    pub(super) fn done(
        self: &Arc<Self>,
        job: &Job,
        outcome: Outcome,
        now: Now,
        writer: &CommandQueue,
    ) {
        let mut state = self.state();
        state.running -= 1;
        match outcome {
            Outcome::Delivered => {
                self.answered(&mut state);
                self.finish(&mut state, job, writer);
                self.counters.delivered();
            }
            Outcome::Permanent { cause, text } => {
                self.answered(&mut state);
                self.bury(&mut state, job, cause, text, writer);
            }
            Outcome::Retry { after, cause, text } => {
                self.postpone(&mut state, job, after, Some((cause, text)), now, writer);
            }
            Outcome::Absent => self.postpone(&mut state, job, None, None, now, writer),
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Events in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.state().in_memory
    }

    /// Whether it takes nothing.
    pub(super) fn is_down(&self) -> bool {
        self.state().health.is_down()
    }

    /// Since when its oldest event in memory waits, in milliseconds of the Unix
    /// epoch.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.state().lanes.values().filter_map(Lane::since).min()
    }

    fn finish(self: &Arc<Self>, state: &mut Window, job: &Job, writer: &CommandQueue) {
        if let Some((seq, _)) = job.durable {
            writer.push(Command::Delivered {
                sink: Arc::clone(self),
                seq,
            });
        }
        state.end(job);
    }

    fn bury(
        self: &Arc<Self>,
        state: &mut Window,
        job: &Job,
        cause: String,
        text: String,
        writer: &CommandQueue,
    ) {
        self.counters.dead(&cause);
        if let Some((seq, _)) = job.durable {
            self.give_up(seq, &job.entry, job.attempt, cause, text, writer);
        }
        state.end(job);
    }

    fn give_up(
        self: &Arc<Self>,
        seq: i64,
        entry: &Entry,
        attempts: u32,
        cause: String,
        text: String,
        writer: &CommandQueue,
    ) {
        tracing::error!(
            plugin = %self.name, event = %entry.event_id, kind = %entry.kind,
            upload = %entry.upload, attempts, cause, error = text,
            "an event is a dead letter; see `rustus outbox list`"
        );
        writer.push(Command::Dead {
            sink: Arc::clone(self),
            seq,
            attempts,
            cause,
            text,
        });
    }

    /// Gives up what is past its deadline without another attempt: a sink that
    /// is down would be asked about one event at a time.
    fn expire(self: &Arc<Self>, state: &mut Window, now: Now, writer: &CommandQueue) {
        let before = now.unix.saturating_sub(self.deadline);
        for event in state.take_expired(before) {
            let cause = "deadline".to_owned();
            let text = "not delivered before the deadline; the sink takes nothing".to_owned();
            self.counters.dead(&cause);
            self.give_up(event.seq, &event.entry, event.attempts, cause, text, writer);
        }
    }

    /// Repeats a delivery later, unless its time is over. Without a cause the
    /// sink is absent.
    fn postpone(
        self: &Arc<Self>,
        state: &mut Window,
        job: &Job,
        after: Option<Duration>,
        failure: Option<(String, String)>,
        now: Now,
        writer: &CommandQueue,
    ) {
        let is_absent = failure.is_none();
        let (cause, text) = failure.unwrap_or_else(|| {
            let text = "no such plugin is loaded".to_owned();
            ("absent".to_owned(), text)
        });
        let wait = self.backoff;
        if state.health.fails(now.instant, after, is_absent, &wait) {
            tracing::warn!(
                plugin = %self.name, cause, error = text,
                "a sink takes nothing; its events wait in the outbox"
            );
        }
        state.look_for_expired = true;
        match job.durable {
            Some((_, since)) if now.unix.saturating_sub(since) > self.deadline => {
                let text = format!("not delivered before the deadline; last: {text}");
                self.bury(state, job, cause, text, writer);
                return;
            }
            Some((seq, _)) => {
                let attempts = job.attempt.saturating_sub(u32::from(is_absent));
                self.counters.retried(&cause);
                writer.push(Command::Failed {
                    sink: Arc::clone(self),
                    seq,
                    attempts,
                    cause,
                    text,
                });
                state.set_attempts(job, attempts);
            }
            None => {}
        }
        let give_up = job.durable.is_none() && job.attempt >= PROGRESS_ATTEMPTS;
        let failures = state.fail(job);
        let until = now.instant + wait.wait(failures, after);
        state.wait(job, until, give_up);
    }

    /// What failed while the sink was down need not wait any longer.
    fn answered(&self, state: &mut Window) {
        if state.health.works() {
            state.wake_all();
            tracing::info!(plugin = %self.name, "a sink takes events again");
        }
    }

    fn state(&self) -> MutexGuard<'_, Window> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
