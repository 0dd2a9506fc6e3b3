//! What is counted about requests.

use std::sync::OnceLock;
use std::time::Instant;

use super::health::Question;
use crate::counters::{Counter, Distribution, Entered, Histogram, Level};
use crate::tus::Target;

/// The status that requests count with whose client went away before there was
/// an answer, as nginx has it.
const CLIENT_GONE: u16 = 499;

/// What a request is for. There are few of them, however many uploads there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Live,
    Ready,
    Collection,
    Upload,
    Other,
}

const ROUTES: [Route; 5] = [
    Route::Live,
    Route::Ready,
    Route::Collection,
    Route::Upload,
    Route::Other,
];

/// The methods that are told apart; any other counts as the last.
pub(super) const METHODS: [&str; 7] =
    ["GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE", "other"];

/// The statuses that are told apart.
const STATUSES: std::ops::Range<u16> = 100..600;

impl Route {
    pub(super) const fn of(question: Option<Question>, target: Option<&Target>) -> Self {
        match (question, target) {
            (Some(Question::Live), _) => Self::Live,
            (Some(Question::Ready), _) => Self::Ready,
            (None, Some(Target::Collection)) => Self::Collection,
            (None, Some(Target::Upload(_))) => Self::Upload,
            (None, Some(Target::Other) | None) => Self::Other,
        }
    }

    /// Its name in traces, where uploads are found everywhere at the same place.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Live => "/health",
            Self::Ready => "/health/ready",
            Self::Collection => "uploads",
            Self::Upload => "uploads/{id}",
            Self::Other => "other",
        }
    }

    /// Its name, for uploads below `base`.
    fn name(self, base: &str) -> String {
        match self {
            Self::Live => "/health".to_owned(),
            Self::Ready => "/health/ready".to_owned(),
            Self::Collection if base.is_empty() => "/".to_owned(),
            Self::Collection => base.to_owned(),
            Self::Upload => format!("{base}/{{id}}"),
            Self::Other => "other".to_owned(),
        }
    }
}

/// Counts of all requests since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// A cell for each method of each route, made when the first such request
    /// comes: most never do.
    cells: [[OnceLock<Box<Cell>>; METHODS.len()]; ROUTES.len()],
    in_flight: Level,
}

#[derive(Debug)]
struct Cell {
    statuses: [Counter; STATUSES.end as usize - STATUSES.start as usize],
    latency: Histogram,
}

/// Requests of one method for one route.
pub(super) struct Requests {
    pub(super) route: String,
    pub(super) method: &'static str,
    /// How many were answered with which status; those that there were.
    pub(super) statuses: Vec<(u16, u64)>,
    /// How long until the head of the answer.
    pub(super) latency: Distribution,
}

/// A request that is not answered yet.
pub(super) struct Asked<'a> {
    counts: &'a Counts,
    _in_flight: Entered<'a>,
    begun: Instant,
    route: Route,
    method: usize,
    status: u16,
}

impl Counts {
    /// A request came.
    pub(super) fn begin(&self, route: Route, method: &str) -> Asked<'_> {
        let known = METHODS.iter().position(|name| *name == method);
        Asked {
            counts: self,
            _in_flight: self.in_flight.enter(),
            begun: Instant::now(),
            route,
            method: known.unwrap_or(METHODS.len() - 1),
            status: CLIENT_GONE,
        }
    }

    /// Requests that are not answered yet.
    pub(super) fn in_flight(&self) -> i64 {
        self.in_flight.get()
    }

    /// Everything, for uploads below `base`.
    pub(super) fn all(&self, base: &str) -> Vec<Requests> {
        let mut all = Vec::new();
        for (route, cells) in ROUTES.iter().zip(&self.cells) {
            for (method, cell) in METHODS.iter().zip(cells) {
                let Some(cell) = cell.get() else { continue };
                let counts = cell.statuses.iter().map(Counter::get);
                all.push(Requests {
                    route: route.name(base),
                    method,
                    statuses: STATUSES.zip(counts).filter(|(_, n)| *n > 0).collect(),
                    latency: cell.latency.get(),
                });
            }
        }
        all
    }

    fn cell(&self, route: Route, method: usize) -> Option<&Cell> {
        let cell = self.cells.get(route as usize)?.get(method)?;
        Some(cell.get_or_init(|| {
            Box::new(Cell {
                statuses: std::array::from_fn(|_| Counter::default()),
                latency: Histogram::default(),
            })
        }))
    }
}

impl Asked<'_> {
    /// It is answered.
    pub(super) fn answered(mut self, status: u16) {
        self.status = status;
    }

    /// How long ago it came.
    pub(super) fn elapsed(&self) -> std::time::Duration {
        self.begun.elapsed()
    }
}

impl Drop for Asked<'_> {
    /// Also when nobody waits for the answer any more.
    fn drop(&mut self) {
        let Some(cell) = self.counts.cell(self.route, self.method) else {
            return;
        };
        cell.latency.observe(self.begun.elapsed());
        let place = usize::from(self.status.saturating_sub(STATUSES.start));
        if let Some(status) = cell.statuses.get(place) {
            status.one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_once_by_what_it_was_for_and_how_it_ended() {
        let counts = Counts::default();
        let upload = Target::Upload("secret-id".to_owned());
        counts
            .begin(Route::of(None, Some(&upload)), "PATCH")
            .answered(204);
        counts.begin(Route::of(None, None), "BREW").answered(404);
        drop(counts.begin(Route::of(None, Some(&upload)), "PATCH"));
        let held = counts.begin(Route::of(Some(Question::Live), None), "GET");
        assert_eq!(counts.in_flight(), 1);
        drop(held);
        let seen: Vec<_> = counts
            .all("/files")
            .into_iter()
            .map(|of| (of.route, of.method, of.statuses))
            .collect();
        let expected = [
            ("/health".to_owned(), "GET", vec![(499, 1)]),
            ("/files/{id}".to_owned(), "PATCH", vec![(204, 1), (499, 1)]),
            ("other".to_owned(), "other", vec![(404, 1)]),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn uploads_at_the_root_have_a_route_too() {
        assert_eq!(Route::Collection.name(""), "/");
        assert_eq!(Route::Upload.name(""), "/{id}");
    }
}
