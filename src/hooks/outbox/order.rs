//! Which events wait since an earlier one of their upload is not decided about.

use std::collections::{BTreeSet, HashMap};

use super::store::Queued;

/// The undecided events by upload, and who waits for them.
#[derive(Debug, Default)]
pub(super) struct Order {
    undecided: HashMap<String, BTreeSet<i64>>,
    /// The first event of an upload that was held back.
    held: HashMap<String, i64>,
}

impl Order {
    /// These are to be decided about.
    pub(super) fn promised(&mut self, events: &[Queued]) {
        for event in events {
            let upload = self
                .undecided
                .entry(event.entry.upload.clone())
                .or_default();
            upload.insert(event.seq);
        }
    }

    /// This was decided about. Returns from where on to read what it held back.
    pub(super) fn decided(&mut self, upload: &str, seq: i64) -> Option<i64> {
        if let Some(undecided) = self.undecided.get_mut(upload) {
            undecided.remove(&seq);
            if undecided.is_empty() {
                self.undecided.remove(upload);
            }
        }
        if self.held.is_empty() {
            return None;
        }
        self.held.remove(upload)
    }

    /// Whether an event has to wait; if so it is remembered.
    pub(super) fn holds(&mut self, upload: &str, seq: i64) -> bool {
        let Some(first) = self.undecided.get(upload).and_then(BTreeSet::first) else {
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
