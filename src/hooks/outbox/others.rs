//! What the writer does about other processes: those that changed the database,
//! those that are gone, and the one before this.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::adopt::Adoption;
use super::promise::Recorded;
use super::sink::Sink;
use super::store::Queued;
use super::writer::Writer;

/// Pages given back at once: some milliseconds.
const SHRINK: u32 = 1000;

/// How often to look for slots whose process is gone.
const LOOK: Duration = Duration::from_secs(5);

impl Writer {
    /// Looks for changes by others, and gives back what is free.
    pub(super) fn look(&mut self) -> rusqlite::Result<()> {
        let version = self.store.version()?;
        // What is not committed would be read as it was before.
        if version != self.version && self.put_off.commands().is_empty() {
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

    /// Counts what each sink has.
    pub(super) fn count(&self) -> rusqlite::Result<()> {
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
    pub(super) fn find_undecided(&mut self, first: i64, end: i64) -> rusqlite::Result<()> {
        for left in self.store.undecided(first, end)? {
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

    /// Looks for a slot whose process is gone.
    pub(super) fn adopt(&mut self) {
        let soon = self.looked.is_some_and(|looked| looked.elapsed() < LOOK);
        if soon || self.adoption.is_some() || self.shared.full.load(Ordering::Relaxed) {
            return;
        }
        self.looked = Some(Instant::now());
        let most = self.shared.config.max_bytes;
        let without = &mut self.not_adopted;
        match Adoption::find(&self.directory, without, &self.store, self.least, most) {
            Ok(adoption) => self.adoption = adoption,
            Err(error) => tracing::error!(%error, "the slots of the outbox cannot be seen"),
        }
        if let Some(adoption) = &self.adoption {
            self.least = adoption.first();
        }
    }

    /// Moves some of what a process that is gone left.
    pub(super) fn adopt_more(&mut self) {
        if self.shared.full.load(Ordering::Relaxed) {
            return;
        }
        let Some(mut adoption) = self.adoption.take() else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        match adoption.step(&mut self.store) {
            Ok(Some(moved)) => {
                for count in moved.counts {
                    let counters = &shared.sink(&count.sink).counters;
                    counters.depth.fetch_add(count.pending, Ordering::Relaxed);
                    counters
                        .dead_letters
                        .fetch_add(count.dead, Ordering::Relaxed);
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
        if let Err(error) = self.find_undecided(first, end) {
            self.report("read", &error);
        }
        tracing::info!(
            slot = adoption.slot(),
            events = end - first,
            "the outbox of a process that is gone was taken over"
        );
    }
}
