//! The names of the events.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of an event, as in `--hooks` and in the names of hook files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEvent(String);

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = EventKind::ALL.map(EventKind::name).join(", ");
        write!(f, "`{}` is not an event; the events are {names}", self.0)
    }
}

impl Error for UnknownEvent {}

impl FromStr for EventKind {
    type Err = UnknownEvent;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownEvent(name.to_owned()))
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
    fn every_event_is_kept_under_its_own_name() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn an_unknown_event_is_answered_with_the_known_ones() {
        let message = "pre-finnish".parse::<EventKind>().unwrap_err().to_string();
        assert!(message.contains("`pre-finnish`"), "{message}");
        assert!(message.contains("pre-create, post-create"), "{message}");
    }
}
