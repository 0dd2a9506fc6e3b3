//! What the writer was asked for and has not committed yet.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::command::Command;
use super::kept::Kept;
use super::sink::Sink;
use super::store::Queued;

/// How long what nobody waits for is put off.
const LINGER: Duration = Duration::from_millis(20);

/// How long it is put off that events are gone. They are removed as they came, page
/// by page, which costs a fraction of what removing each by itself does.
const LINGER_GONE: Duration = Duration::from_millis(100);

/// How much of each is put off.
const MOST: usize = 1024;

/// Commands, until they are committed.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    /// In order.
    commands: Vec<Command>,
    /// When the first of them came.
    since: Option<Instant>,
    /// That something was delivered, on whose order nothing depends.
    gone: Vec<Command>,
    gone_since: Option<Instant>,
    kept: Kept,
}

impl PutOff {
    /// Goes with the next commit.
    pub(super) fn push(&mut self, command: Command) {
        self.commands.push(command);
        self.since.get_or_insert_with(Instant::now);
    }

    /// A promise was kept, and its event goes to that many sinks.
    pub(super) fn keep(&mut self, event: &Queued, sinks: usize) {
        self.settle(&event.entry.upload);
        self.kept.push(event, sinks, Instant::now());
    }

    /// A sink took an event.
    pub(super) fn delivered(&mut self, sink: Arc<Sink>, seq: i64) {
        let by_all = self.kept.delivered(seq);
        let delivered = Command::Delivered { sink, seq };
        let done = Command::Done(seq);
        self.gone.push(if by_all { done } else { delivered });
        self.gone_since.get_or_insert_with(Instant::now);
    }

    /// An event is not delivered soon.
    pub(super) fn failed(&mut self, seq: i64) {
        if self.kept.remove(seq) {
            self.push(Command::Pending(seq));
        }
    }

    /// More comes for this upload, so that nothing of it is to look undecided to a
    /// later start.
    pub(super) fn settle(&mut self, upload: &str) {
        if let Some(seq) = self.kept.take_of(upload) {
            self.push(Command::Pending(seq));
        }
    }

    /// When to commit at the latest.
    pub(super) fn due(&mut self) -> Option<Instant> {
        let commands = self.since.map(|since| since + LINGER);
        let gone = self.gone_since.map(|since| since + LINGER_GONE);
        [commands, gone, self.kept.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether to commit now, if nobody waits for it.
    pub(super) fn is_due(&mut self) -> bool {
        let many = self.commands.len().max(self.gone.len()) >= MOST;
        many || self.due().is_some_and(|due| due <= Instant::now())
    }

    /// Puts nothing off any longer whose time has come.
    pub(super) fn collect_due(&mut self) {
        let now = Instant::now();
        for seq in self.kept.take_due(now) {
            self.push(Command::Pending(seq));
        }
        let late = self
            .gone_since
            .is_some_and(|since| since + LINGER_GONE <= now);
        if late || self.gone.len() >= MOST {
            self.collect_gone();
        }
    }

    /// Puts nothing off any longer.
    pub(super) fn collect_all(&mut self) {
        for seq in self.kept.take_all() {
            self.push(Command::Pending(seq));
        }
        self.collect_gone();
    }

    fn collect_gone(&mut self) {
        self.gone_since = None;
        for command in std::mem::take(&mut self.gone) {
            self.push(command);
        }
    }

    /// What goes with the next commit.
    pub(super) fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// They were committed.
    pub(super) fn take(&mut self) -> Vec<Command> {
        self.since = None;
        std::mem::take(&mut self.commands)
    }
}
