//! The names of the events: what a plugin may subscribe to.

use std::fmt;
use std::str::FromStr;

/// The name of an event, as in `--hooks` and in the names of hook files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// An upload is about to be created. Blocking.
    PreCreate,
    /// An upload was created and not finished by the same request.
    PostCreate,
    /// An append stored bytes and did not finish the upload.
    PostReceive,
    /// All bytes are stored and the client was not told yet. Blocking.
    PreFinish,
    /// An upload is finished.
    PostFinish,
    /// An upload is about to be read. Blocking.
    PreGet,
    /// An upload is about to be removed. Blocking.
    PreTerminate,
    /// An upload was removed.
    PostTerminate,
}

impl EventKind {
    /// Every event, in the order of an upload's life.
    pub const ALL: [Self; 8] = [
        Self::PreCreate,
        Self::PostCreate,
        Self::PostReceive,
        Self::PreFinish,
        Self::PostFinish,
        Self::PreGet,
        Self::PreTerminate,
        Self::PostTerminate,
    ];

    /// The event's name on the wire and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreCreate => "pre-create",
            Self::PostCreate => "post-create",
            Self::PostReceive => "post-receive",
            Self::PreFinish => "pre-finish",
            Self::PostFinish => "post-finish",
            Self::PreGet => "pre-get",
            Self::PreTerminate => "pre-terminate",
            Self::PostTerminate => "post-terminate",
        }
    }

    /// Whether the client's request waits for the answer.
    #[must_use]
    pub const fn is_blocking(self) -> bool {
        matches!(
            self,
            Self::PreCreate | Self::PreFinish | Self::PreGet | Self::PreTerminate
        )
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no event's.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is not an event; the events are {list}", list = event_names())]
pub struct UnknownEvent(String);

fn event_names() -> String {
    EventKind::ALL.map(EventKind::name).join(", ")
}

impl FromStr for EventKind {
    type Err = UnknownEvent;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownEvent(name.to_owned()))
    }
}

/// A set of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSet(u8);

impl EventSet {
    /// No event.
    pub const EMPTY: Self = Self(0);
    /// Every event.
    pub const ALL: Self = Self(u8::MAX);

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
    fn every_event_is_read_from_its_own_name() {
        for kind in EventKind::ALL {
            assert_eq!(kind.name().parse::<EventKind>().unwrap(), kind);
        }
    }

    #[test]
    fn an_unknown_event_is_answered_with_the_known_ones() {
        let message = "pre-finnish".parse::<EventKind>().unwrap_err().to_string();
        assert!(message.contains("`pre-finnish`"), "{message}");
        assert!(message.contains("pre-create, post-create"), "{message}");
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set = EventSet::from_iter([EventKind::PreGet, EventKind::PreCreate]);
        assert_eq!(set.to_string(), "pre-create, pre-get");
        assert_eq!(set.and(EventSet::EMPTY).to_string(), "none");
        assert_eq!(EventSet::ALL.iter().count(), 8);
    }
}
