//! Room for bytes on their way into files, divided among the appends that are
//! under way: much for one alone, little for each of a thousand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A buffer is written when it has this many bytes, if there is room. So large
/// that the visit to a blocking thread does not count (some ten microseconds, and
/// the next processor has to fetch the bytes), so small that they are still in a
/// processor's cache.
const MOST: usize = 1 << 20;

/// A buffer is never written before it has this many bytes, unless no more come.
/// Below it, a visit takes longer than the write itself.
const LEAST: usize = 8 * 1024;

/// What all buffers that fill should not exceed by much. As many again may be
/// written at the same time.
const ALL: usize = 4 << 20;

/// The room of all appends of a store. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Room(Arc<AtomicUsize>);

/// The part that one append has, until dropped.
#[derive(Debug)]
pub(super) struct Part(Room);

impl Room {
    /// A part for one more append.
    pub(super) fn part(&self) -> Part {
        self.0.fetch_add(1, Ordering::Relaxed);
        Part(self.clone())
    }
}

impl Part {
    /// How many bytes a buffer may have now.
    pub(super) fn bytes(&self) -> usize {
        let appends = self.0.0.load(Ordering::Relaxed);
        (ALL / appends.max(1)).clamp(LEAST, MOST)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_appends_the_less_room_for_each() {
        let room = Room::default();
        let first = room.part();
        assert_eq!(first.bytes(), MOST);
        let others: Vec<_> = (0..99).map(|_| room.part()).collect();
        assert_eq!(first.bytes(), ALL / 100);
        let many: Vec<_> = (0..10_000).map(|_| room.part()).collect();
        assert_eq!(first.bytes(), LEAST);
        drop((others, many));
        assert_eq!(first.bytes(), MOST);
    }
}
