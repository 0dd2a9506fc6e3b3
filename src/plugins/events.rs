//! The names of the events, and sets of them: what a plugin may subscribe to.

use std::fmt;

pub use rustus_events::{EventKind, UnknownEvent};

/// A set of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventSet(u8);

impl EventSet {
    /// No event.
    pub const EMPTY: Self = Self(0);
    /// Every event.
    pub const ALL: Self = Self(u8::MAX);
    /// Those that a hook which takes any event gets, unless `--hooks` says
    /// otherwise: all but `pre-finish` and `pre-get`.
    pub const USUAL: Self = Self::EMPTY
        .with(EventKind::PreCreate)
        .with(EventKind::PostCreate)
        .with(EventKind::PostReceive)
        .with(EventKind::PostFinish)
        .with(EventKind::PreTerminate)
        .with(EventKind::PostTerminate);

    /// Whether `kind` is in the set.
    #[must_use]
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The set with `kind` in it.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | (1 << kind as u8))
    }

    /// The events that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The events that are in either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The events that are in this set and not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The events of the set, in the order of an upload's life.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<EventKind> for EventSet {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Display for EventSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::EMPTY {
            return f.write_str("none");
        }
        for (index, kind) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(kind.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set = EventSet::from_iter([EventKind::PreGet, EventKind::PreCreate]);
        assert_eq!(set.to_string(), "pre-create, pre-get");
        assert_eq!(set.and(EventSet::EMPTY).to_string(), "none");
        assert_eq!(EventSet::ALL.iter().count(), 8);
    }
}
