//! The part of a sink's events that is in memory.
//!
//! Every upload with something to tell has a lane. Lanes are independent; in a
//! lane one thing is delivered after the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Instant;

use super::Entry;
use super::health::Health;
use super::lane::{Lane, Next};
use super::store::Queued;

/// One delivery to be made.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) lane: u64,
    /// Its number, and since when it waits; `None` for progress.
    pub(super) durable: Option<(i64, i64)>,
    pub(super) entry: Arc<Entry>,
    /// 1 for the first.
    pub(super) attempt: u32,
}

/// Lanes, and whose turn it is.
#[derive(Debug)]
pub(super) struct Window {
    by_upload: HashMap<String, u64>,
    pub(super) lanes: HashMap<u64, Lane>,
    next_lane: u64,
    /// The lanes that are not running and have something to tell: when, since
    /// which event, which.
    due: BTreeSet<(Option<Instant>, i64, u64)>,
    /// Events in lanes, those that are being delivered included.
    pub(super) in_memory: usize,
    pub(super) running: usize,
    /// More is in the database, after `cursor`.
    pub(super) behind: bool,
    pub(super) cursor: i64,
    /// The writer was asked to read, and since then these were delivered, which
    /// it may bring again.
    pub(super) reading: Option<HashSet<i64>>,
    pub(super) health: Health,
    /// Something may be past its deadline while the sink is down.
    pub(super) look_for_expired: bool,
    /// The lanes with progress, the oldest first.
    pub(super) progress: BTreeMap<u64, u64>,
    next_progress: u64,
}

impl Window {
    /// An empty one: everything is in the database.
    pub(super) fn new() -> Self {
        Self {
            by_upload: HashMap::new(),
            lanes: HashMap::new(),
            next_lane: 0,
            due: BTreeSet::new(),
            in_memory: 0,
            running: 0,
            behind: true,
            cursor: i64::MIN,
            reading: None,
            health: Health::default(),
            look_for_expired: false,
            progress: BTreeMap::new(),
            next_progress: 0,
        }
    }

    /// Adds an event to the lane of its upload, unless it is there.
    pub(super) fn push(&mut self, event: Queued) {
        let id = self.lane_of(&event.entry.upload);
        self.change(id, |lane| lane.push(event));
    }

    /// Changes a lane, and what depends on it.
    fn change<T>(&mut self, id: u64, change: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        let behind = self.behind;
        let lane = self.lanes.get_mut(&id)?;
        let (before, had) = (lane.key(id, behind), lane.events());
        let result = change(lane);
        let (after, has) = (lane.key(id, behind), lane.events());
        let empty = lane.is_empty();
        if before != after {
            if let Some(key) = before {
                self.due.remove(&key);
            }
            self.due.extend(after);
        }
        self.in_memory = self.in_memory + has - had;
        if empty && let Some(lane) = self.lanes.remove(&id) {
            self.by_upload.remove(lane.upload());
        }
        Some(result)
    }

    fn lane_of(&mut self, upload: &str) -> u64 {
        if let Some(id) = self.by_upload.get(upload) {
            return *id;
        }
        let id = self.next_lane;
        self.next_lane += 1;
        self.by_upload.insert(upload.to_owned(), id);
        self.lanes.insert(id, Lane::new(upload.to_owned()));
        id
    }

    pub(super) fn start(&mut self, id: u64) -> Option<Job> {
        let (next, attempt) = self.change(id, Lane::start)??;
        self.running += 1;
        Some(match next {
            Next::Durable(event) => Job {
                lane: id,
                durable: Some((event.seq, event.since)),
                entry: event.entry,
                attempt,
            },
            Next::Progress(entry, number) => {
                self.progress.remove(&number);
                Job {
                    lane: id,
                    durable: None,
                    entry,
                    attempt,
                }
            }
        })
    }

    /// A delivery is over for good.
    pub(super) fn end(&mut self, job: &Job) {
        let seq = job.durable.map(|(seq, _)| seq);
        if let (Some(reading), Some(seq)) = (&mut self.reading, seq) {
            reading.insert(seq);
        }
        self.change(job.lane, |lane| lane.end(seq));
    }

    pub(super) fn fail(&mut self, job: &Job) -> u32 {
        self.change(job.lane, Lane::fail).unwrap_or(1)
    }

    pub(super) fn set_attempts(&mut self, job: &Job, attempts: u32) {
        if let Some((seq, _)) = job.durable {
            self.change(job.lane, |lane| lane.set_attempts(seq, attempts));
        }
    }

    /// A delivery is to be repeated. Progress is not if enough was tried, if an
    /// event is there that comes after it, or if there is later progress.
    pub(super) fn wait(&mut self, job: &Job, until: Instant, give_up: bool) {
        let Some(lane) = self.lanes.get(&job.lane) else {
            return;
        };
        let is_progress = job.durable.is_none();
        if is_progress && (give_up || lane.events() > 0) {
            self.end(job);
            return;
        }
        if is_progress && !lane.has_progress() {
            self.set_progress(Arc::clone(&job.entry));
        }
        self.change(job.lane, |lane| lane.wait(until));
    }

    pub(super) fn set_progress(&mut self, entry: Arc<Entry>) {
        let id = self.lane_of(&entry.upload);
        let number = self.next_progress;
        self.next_progress += 1;
        self.progress.insert(number, id);
        let replaced = self.change(id, |lane| lane.set_progress(entry, number));
        if let Some(Some(replaced)) = replaced {
            self.progress.remove(&replaced);
        }
    }

    pub(super) fn drop_oldest_progress(&mut self) {
        if let Some((_, id)) = self.progress.pop_first() {
            self.change(id, Lane::take_progress);
        }
    }

    pub(super) fn forget_progress(&mut self, upload: &str) {
        let Some(id) = self.by_upload.get(upload).copied() else {
            return;
        };
        if let Some(Some(number)) = self.change(id, Lane::take_progress) {
            self.progress.remove(&number);
        }
    }

    /// Progress waits while the sink is behind.
    pub(super) fn set_behind(&mut self, behind: bool) {
        let before = std::mem::replace(&mut self.behind, behind);
        if before == behind {
            return;
        }
        for id in self.progress.values() {
            let Some(lane) = self.lanes.get(id) else {
                continue;
            };
            if let Some(key) = lane.key(*id, before) {
                self.due.remove(&key);
            }
            self.due.extend(lane.key(*id, behind));
        }
    }

    /// The lane whose turn it is, and when that is. What was to be repeated at
    /// some time goes before what never waited: there is always more of that.
    pub(super) fn first_due(&self, now: Instant) -> Option<(Option<Instant>, u64)> {
        let none = (None, i64::MAX, u64::MAX);
        let waiting = self.due.range((Bound::Excluded(none), Bound::Unbounded));
        let waiting = waiting.into_iter().next();
        let first = waiting.filter(|(when, ..)| when.is_some_and(|when| when <= now));
        let first = first.or_else(|| self.due.first());
        first.map(|&(when, _, lane)| (when, lane))
    }

    /// Takes out what waited longer than the deadline and is not being delivered.
    pub(super) fn take_expired(&mut self, before: i64) -> Vec<Queued> {
        let ids: Vec<u64> = self.lanes.keys().copied().collect();
        let taken = ids
            .into_iter()
            .filter_map(|id| self.change(id, |lane| lane.take_older(before)));
        let expired: Vec<Queued> = taken.flatten().collect();
        if let Some(reading) = &mut self.reading {
            reading.extend(expired.iter().map(|event| event.seq));
        }
        expired
    }

    pub(super) fn forget_waiting(&mut self) {
        let ids: Vec<u64> = self.lanes.keys().copied().collect();
        for id in ids {
            self.change(id, Lane::forget_waiting);
        }
    }

    pub(super) fn wake_all(&mut self) {
        let ids: Vec<u64> = self.lanes.keys().copied().collect();
        for id in ids {
            self.change(id, Lane::wake);
        }
    }
}
