//! An event that will be told if what it tells of happens.

use super::event::EventKind;
use super::outbox::Promise;

/// An event that is on the disk, and told once [kept](Self::keep). One that is
/// dropped undecided comes back through [`Hooks::undecided`].
///
/// [`Hooks::undecided`]: super::Hooks::undecided
#[derive(Debug)]
#[must_use = "it is told when it is kept"]
pub struct Promised(pub(super) Option<Promise>);

impl Promised {
    /// A promise that nobody hears of.
    pub const fn to_nobody() -> Self {
        Self(None)
    }

    /// It has happened.
    pub fn keep(self) {
        if let Some(promise) = self.0 {
            promise.keep();
        }
    }

    /// It has not happened, and will not.
    pub fn withdraw(self) {
        if let Some(promise) = self.0 {
            promise.withdraw();
        }
    }
}

/// A promise that nobody decided about: a crash, or the end of its request, came
/// between.
#[derive(Debug)]
pub struct Undecided {
    /// What was to happen.
    pub kind: EventKind,
    /// To the upload with this id.
    pub upload: String,
    /// To be kept or withdrawn.
    pub promised: Promised,
}

impl Undecided {
    /// `None`, and the promise is withdrawn, if no event of ours was promised.
    pub(super) fn new(promise: Promise) -> Option<Self> {
        let entry = promise.entries().next();
        let what = entry.and_then(|entry| Some((entry.kind.parse().ok()?, entry.upload.clone())));
        let Some((kind, upload)) = what else {
            promise.withdraw();
            return None;
        };
        Some(Self {
            kind,
            upload,
            promised: Promised(Some(promise)),
        })
    }
}
