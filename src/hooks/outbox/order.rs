//! Which events wait since an earlier one of their upload is not decided about, and
//! which of these a later promise of the same moment has taken the place of.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Entry;

use super::store::Queued;

/// The undecided events by upload, and who waits for them.
#[derive(Debug, Default)]
pub(super) struct Order {
    undecided: HashMap<String, BTreeMap<i64, Undecided>>,
    /// The first event of an upload that was held back.
    held: HashMap<String, i64>,
}

/// One event.
#[derive(Debug)]
struct Undecided {
    entry: Arc<Entry>,
    is_replaced: bool,
}

/// What follows when an event is decided about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decided {
    /// What it tells of was promised again, which would not be if it had happened
    /// before.
    pub(super) is_replaced: bool,
    /// From where on to read what it held back.
    pub(super) held: Option<i64>,
}

impl Order {
    /// These are to be decided about.
    pub(super) fn promised(&mut self, events: &[Queued]) {
        let first = events.first().map_or(i64::MAX, |event| event.seq);
        for event in events {
            let upload = self
                .undecided
                .entry(event.entry.upload.clone())
                .or_default();
            for (_, before) in upload.range_mut(..first) {
                before.is_replaced |= before.entry.kind == event.entry.kind;
            }
            let undecided = Undecided {
                entry: Arc::clone(&event.entry),
                is_replaced: false,
            };
            upload.insert(event.seq, undecided);
        }
    }

    /// This was decided about.
    pub(super) fn decided(&mut self, upload: &str, seq: i64) -> Decided {
        let mut is_replaced = false;
        if let Some(undecided) = self.undecided.get_mut(upload) {
            let removed = undecided.remove(&seq);
            is_replaced = removed.is_some_and(|removed| removed.is_replaced);
            if undecided.is_empty() {
                self.undecided.remove(upload);
            }
        }
        let held = if self.held.is_empty() {
            None
        } else {
            self.held.remove(upload)
        };
        Decided { is_replaced, held }
    }

    /// Whether an event has to wait; if so it is remembered.
    pub(super) fn holds(&mut self, upload: &str, seq: i64) -> bool {
        let undecided = self.undecided.get(upload);
        let Some((first, _)) = undecided.and_then(BTreeMap::first_key_value) else {
            return false;
        };
        if *first >= seq {
            return false;
        }
        let held = self.held.entry(upload.to_owned()).or_insert(seq);
        *held = seq.min(*held);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: i64, kind: &str) -> Queued {
        Queued {
            seq,
            since: 0,
            attempts: 0,
            entry: Arc::new(Entry {
                event_id: seq.to_string(),
                upload: "u".to_owned(),
                kind: kind.to_owned(),
                payload: Vec::new(),
            }),
        }
    }

    #[test]
    fn of_two_promises_of_one_moment_the_later_stands_for_both() {
        let mut order = Order::default();
        order.promised(&[event(1, "post-create")]);
        order.promised(&[event(2, "post-finish")]);
        order.promised(&[event(3, "post-finish")]);
        let is_replaced = |order: &mut Order, seq| order.decided("u", seq).is_replaced;
        assert!(!is_replaced(&mut order, 1));
        assert!(!is_replaced(&mut order, 3));
        assert!(is_replaced(&mut order, 2));
        assert!(!is_replaced(&mut order, 2));
    }

    #[test]
    fn an_event_waits_for_those_before_it_and_is_read_when_they_are_decided() {
        let mut order = Order::default();
        order.promised(&[event(1, "post-create")]);
        assert!(!order.holds("u", 1));
        assert!(order.holds("u", 5));
        assert!(order.holds("u", 4));
        assert_eq!(order.decided("u", 1).held, Some(4));
        assert!(!order.holds("u", 5));
    }
}
