//! Which events reach a plugin: those that it exports an interface for.

use super::events::{EventKind, EventSet};
use super::instance::Exports;

/// The events that reach a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Those that it answers; all of them block.
    pub asked: EventSet,
    /// Those that it is told about, without anybody waiting.
    pub told: EventSet,
}

impl Subscription {
    /// What a component with these exports hears of.
    pub(super) fn of(exports: &Exports) -> Self {
        let mut asked = EventSet::EMPTY;
        for (has, kind) in [
            (exports.pre_create.is_some(), EventKind::PreCreate),
            (exports.pre_finish.is_some(), EventKind::PreFinish),
            (exports.pre_get.is_some(), EventKind::PreGet),
            (exports.pre_terminate.is_some(), EventKind::PreTerminate),
        ] {
            if has {
                asked = asked.with(kind);
            }
        }
        let told = if exports.sink.is_some() {
            EventSet::ALL
        } else if exports.notifications.is_some() {
            EventKind::ALL
                .into_iter()
                .filter(|kind| !kind.is_blocking())
                .collect()
        } else {
            EventSet::EMPTY
        };
        Self { asked, told }
    }

    /// What is in `events` of it.
    #[must_use]
    pub const fn and(self, events: EventSet) -> Self {
        Self {
            asked: self.asked.and(events),
            told: self.told.and(events),
        }
    }

    /// Every event that reaches the plugin in one way or another.
    #[must_use]
    pub const fn all(self) -> EventSet {
        self.asked.or(self.told)
    }
}
