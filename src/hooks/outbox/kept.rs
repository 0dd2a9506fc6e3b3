//! Promises that were kept and whose events are on their way.
//!
//! That a promise was kept is a change of the database of its own, unless its
//! event is delivered soon after, as it is while sinks keep up: then it is
//! removed, and nothing has to be changed before. After a crash in between it is
//! undecided and a look at the upload shows that it was kept; which it does not if
//! more was promised for the upload, so that this waits for the change.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::store::Queued;

/// How long a delivery is waited for.
const WAIT: Duration = Duration::from_millis(200);

/// How many are waited for at most.
const MOST: usize = 4096;

/// One event.
#[derive(Debug)]
struct Waiting {
    upload: String,
    /// How many sinks have yet to take it.
    sinks: usize,
}

/// The events that wait, by number.
#[derive(Debug, Default)]
pub(super) struct Kept {
    waiting: HashMap<i64, Waiting>,
    /// By upload; only the last of an upload waits.
    uploads: HashMap<String, i64>,
    /// When each of them came; also of those that are gone already.
    order: VecDeque<(Instant, i64)>,
}

impl Kept {
    /// This was promised for `sinks` and has happened.
    pub(super) fn push(&mut self, event: &Queued, sinks: usize, now: Instant) {
        let upload = event.entry.upload.clone();
        self.uploads.insert(upload.clone(), event.seq);
        self.waiting.insert(event.seq, Waiting { upload, sinks });
        self.order.push_back((now, event.seq));
    }

    /// A sink took it. Whether that was the last one that it waited for.
    pub(super) fn delivered(&mut self, seq: i64) -> bool {
        let Some(event) = self.waiting.get_mut(&seq) else {
            return false;
        };
        event.sinks = event.sinks.saturating_sub(1);
        event.sinks == 0 && self.remove(seq)
    }

    /// It is waited for no more. Whether it was.
    pub(super) fn remove(&mut self, seq: i64) -> bool {
        let Some(event) = self.waiting.remove(&seq) else {
            return false;
        };
        self.uploads.remove(&event.upload);
        true
    }

    /// Takes out the event of an upload.
    pub(super) fn take_of(&mut self, upload: &str) -> Option<i64> {
        let seq = self.uploads.get(upload).copied()?;
        self.remove(seq).then_some(seq)
    }

    /// When there is one that was waited for long enough.
    pub(super) fn due(&mut self) -> Option<Instant> {
        while let Some((at, seq)) = self.order.front() {
            if self.waiting.contains_key(seq) {
                let wait = if self.waiting.len() > MOST {
                    Duration::ZERO
                } else {
                    WAIT
                };
                return Some(*at + wait);
            }
            self.order.pop_front();
        }
        None
    }

    /// Takes out those that were waited for long enough by `now`. What waited half as
    /// long goes with them, so that each does not cost a commit of its own.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<i64> {
        let mut taken = Vec::new();
        let mut by = now;
        while self.due().is_some_and(|due| due <= by) {
            by = now + WAIT / 2;
            if let Some((_, seq)) = self.order.pop_front() {
                self.remove(seq);
                taken.push(seq);
            }
        }
        taken
    }

    /// Takes out all.
    pub(super) fn take_all(&mut self) -> Vec<i64> {
        self.uploads.clear();
        let waiting = std::mem::take(&mut self.waiting);
        let order = std::mem::take(&mut self.order);
        let seqs = order.into_iter().map(|(_, seq)| seq);
        seqs.filter(|seq| waiting.contains_key(seq)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::hooks::outbox::Entry;

    fn event(seq: i64, upload: &str) -> Queued {
        Queued {
            seq,
            since: 0,
            attempts: 0,
            entry: Arc::new(Entry {
                event_id: seq.to_string(),
                upload: upload.to_owned(),
                kind: "post-finish".to_owned(),
                payload: Vec::new(),
            }),
        }
    }

    #[test]
    fn the_last_of_its_sinks_takes_an_event_out() {
        let mut kept = Kept::default();
        kept.push(&event(1, "u"), 2, Instant::now());
        assert!(!kept.delivered(1));
        assert!(kept.delivered(1));
        assert!(!kept.delivered(1));
        assert_eq!(kept.due(), None);
        assert!(kept.take_all().is_empty());
    }

    #[test]
    fn an_event_is_waited_for_so_long_and_no_longer() {
        let mut kept = Kept::default();
        let now = Instant::now();
        kept.push(&event(1, "a"), 1, now);
        kept.push(&event(2, "b"), 1, now);
        kept.push(&event(3, "c"), 1, now + WAIT);
        assert!(kept.delivered(1));
        assert_eq!(kept.due(), Some(now + WAIT));
        assert!(kept.take_due(now).is_empty());
        assert_eq!(kept.take_due(now + WAIT), [2]);
        assert!(kept.remove(3));
        assert!(!kept.remove(3));
        assert_eq!(kept.due(), None);
    }

    #[test]
    fn what_waited_half_as_long_goes_with_the_first_and_what_came_later_does_not() {
        let mut kept = Kept::default();
        let now = Instant::now();
        kept.push(&event(1, "a"), 1, now);
        kept.push(&event(2, "b"), 1, now + WAIT / 2);
        kept.push(&event(3, "c"), 1, now + WAIT * 3 / 4);
        let due = now + WAIT;
        assert!(kept.take_due(due - Duration::from_millis(1)).is_empty());
        assert_eq!(kept.take_due(due), [1, 2]);
        assert_eq!(kept.due(), Some(now + WAIT * 3 / 4 + WAIT));
    }

    #[test]
    fn of_very_many_the_first_are_waited_for_no_more() {
        let mut kept = Kept::default();
        let now = Instant::now();
        for seq in 0..i64::try_from(MOST).unwrap() + 2 {
            kept.push(&event(seq, &seq.to_string()), 1, now);
        }
        assert_eq!(kept.take_due(now), [0, 1]);
        assert_eq!(kept.take_all().len(), MOST);
    }

    #[test]
    fn the_event_of_an_upload_can_be_found() {
        let mut kept = Kept::default();
        kept.push(&event(1, "a"), 1, Instant::now());
        assert_eq!(kept.take_of("b"), None);
        assert_eq!(kept.take_of("a"), Some(1));
        assert_eq!(kept.take_of("a"), None);
        assert!(!kept.delivered(1));
    }
}
