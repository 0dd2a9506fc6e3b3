//! What was declared, so that it is asked for once and not before every message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Topologies that are remembered. A plugin that has more than this many makes
/// them up.
const MOST: usize = 1000;

/// Which topologies exist, and the connection on which each was declared: with
/// it goes what is known. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Memo(Arc<Mutex<HashMap<String, u64>>>);

impl Memo {
    pub(super) fn has(&self, topology: &str) -> bool {
        self.known().contains_key(topology)
    }

    pub(super) fn keep(&self, topology: String, link: u64) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(topology, link);
    }

    /// A connection ended: the broker may be another one by now.
    pub(super) fn forget(&self, link: u64) {
        self.known().retain(|_, on| *on != link);
    }

    /// Something that should exist does not.
    pub(super) fn forget_all(&self) {
        self.known().clear();
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connection_declared_is_forgotten_with_it() {
        let memo = Memo::default();
        memo.keep("a".to_owned(), 1);
        memo.keep("b".to_owned(), 2);
        memo.forget(1);
        assert!(!memo.has("a"));
        assert!(memo.has("b"));
        memo.forget_all();
        assert!(!memo.has("b"));
    }
}
