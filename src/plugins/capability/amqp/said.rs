//! What the log was told already: a broker that is down for a day is a line in a
//! while, and not one for every message.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the same text is not repeated.
const PAUSE: Duration = Duration::from_secs(60);

/// Texts that are remembered.
const MOST: usize = 100;

/// The troubles that were said, and when.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    texts: HashMap<String, Instant>,
    /// Nothing at all gets through.
    down: bool,
}

impl Said {
    /// Whether this is worth a line now. `down` says that nothing gets through,
    /// so that what does is news.
    pub(super) fn is_news(&self, text: &str, down: bool) -> bool {
        let mut said = self.said();
        said.down |= down;
        let now = Instant::now();
        let last = said.texts.get(text);
        if last.is_some_and(|at| now.duration_since(*at) < PAUSE) {
            return false;
        }
        if said.texts.len() >= MOST {
            said.texts.clear();
        }
        said.texts.insert(text.to_owned(), now);
        true
    }

    /// Something got through. Whether that is news.
    pub(super) fn got_through(&self) -> bool {
        let mut said = self.said();
        if !said.down {
            return false;
        }
        *said = State::default();
        true
    }

    fn said(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_news_once_and_so_is_its_end() {
        let said = Said::default();
        assert!(!said.got_through());
        assert!(said.is_news("down", true));
        assert!(!said.is_news("down", true));
        assert!(said.got_through());
        assert!(!said.got_through());
        assert!(said.is_news("down", true));
    }

    #[test]
    fn what_gets_through_beside_a_trouble_of_one_message_is_no_news() {
        let said = Said::default();
        assert!(said.is_news("no queue for a", false));
        assert!(!said.got_through());
        assert!(!said.is_news("no queue for a", false));
        assert!(said.is_news("no queue for b", false));
    }
}
