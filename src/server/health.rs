//! `/health` and `/health/ready`: whether the process lives, and whether it is
//! of any use at the moment.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::tus::{Response, Tus};

/// How long an answer about the storage holds: the question writes a file, and
/// anybody can ask it.
const HOLDS: Duration = Duration::from_secs(1);

/// The path of the first; the second lies below it.
const LIVE: &str = "/health";
const READY: &str = "/health/ready";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether the process answers at all.
    Live,
    /// Whether uploads can be taken.
    Ready,
}

impl Question {
    /// What a path asks, wherever uploads are found.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            LIVE => Some(Self::Live),
            READY => Some(Self::Ready),
            _ => None,
        }
    }
}

/// Remembers the last look at the storage.
#[derive(Debug, Default)]
pub(super) struct Health {
    storage: Mutex<Option<(Instant, bool)>>,
}

impl Health {
    /// Answers; `stopping` is whether the server takes no more.
    pub(super) async fn answer(
        &self,
        question: Question,
        method: &str,
        tus: &Tus,
        stopping: bool,
    ) -> Response {
        if !matches!(method, "GET" | "HEAD") {
            let mut response = Response::plain(405, "Method not allowed.");
            response.add("Allow", "GET, HEAD");
            return response;
        }
        let problem = match question {
            Question::Live => None,
            Question::Ready if stopping => Some("The server is stopping."),
            Question::Ready if !tus.uploads().hooks_answer() => {
                Some("A required hook is not answered.")
            }
            Question::Ready if !self.storage_works(tus).await => {
                Some("The storage cannot be written.")
            }
            Question::Ready => None,
        };
        let mut response = match problem {
            None => Response::plain(200, "OK"),
            Some(problem) => Response::plain(503, problem),
        };
        response.add("Cache-Control", "no-store");
        response
    }

    async fn storage_works(&self, tus: &Tus) -> bool {
        let known = *self.storage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, works)) = known.filter(|(at, _)| at.elapsed() < HOLDS) {
            return works;
        }
        let works = match tus.uploads().check_storage().await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "not ready: the storage cannot be written"
                );
                false
            }
        };
        *self.storage.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), works));
        works
    }
}
