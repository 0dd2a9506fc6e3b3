//! Where an upload ends: at its length, or while that is not known at the
//! greatest length that the server allows.

use super::{Body, UploadError, Uploads};
use crate::store::Record;

/// The offset past which nothing is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The upload's length.
    Length(u64),
    /// The length is not known, but may not be greater.
    Maximum(u64),
    /// The length is not known and there is no limit.
    Open,
}

impl End {
    /// Bytes that may come after `offset`.
    pub(super) fn left(self, offset: u64) -> u64 {
        match self {
            Self::Length(end) | Self::Maximum(end) => end.saturating_sub(offset),
            Self::Open => u64::MAX - offset,
        }
    }

    /// What is wrong with bytes past the end.
    pub(super) fn exceeded(self) -> UploadError {
        match self {
            Self::Maximum(maximum) => UploadError::ExceedsMaximum { maximum },
            Self::Length(_) | Self::Open => UploadError::ExceedsLength,
        }
    }

    /// Refuses a body that is known to go past the end.
    pub(super) fn refuse_announced(self, offset: u64, body: &Body<'_>) -> Result<(), UploadError> {
        match body.length {
            Some(length) if length > self.left(offset) => Err(self.exceeded()),
            _ => Ok(()),
        }
    }
}

impl Uploads {
    /// Where an upload of this length ends.
    pub(super) fn end(&self, length: Option<u64>) -> End {
        match (length, self.max_length) {
            (Some(length), _) => End::Length(length),
            (None, Some(maximum)) => End::Maximum(maximum),
            (None, None) => End::Open,
        }
    }

    pub(super) fn refuse_above_maximum(&self, length: u64) -> Result<(), UploadError> {
        match self.max_length {
            Some(maximum) if length > maximum => Err(UploadError::ExceedsMaximum { maximum }),
            _ => Ok(()),
        }
    }

    /// Records the length, if there is a new one.
    pub(super) async fn set_length(
        &self,
        record: &mut Record,
        new: Option<u64>,
    ) -> Result<(), UploadError> {
        if new.is_some() {
            record.length = new;
            self.store.update(record).await?;
        }
        Ok(())
    }

    /// The length that a client gives to an upload that has none yet; `None` if
    /// it is the one that the upload has. An answer that was lost on the way can
    /// so be asked for again.
    pub(super) fn new_length(
        &self,
        record: &Record,
        offset: u64,
        given: Option<u64>,
    ) -> Result<Option<u64>, UploadError> {
        match (given, record.length) {
            (None, _) => Ok(None),
            (Some(given), Some(current)) if given == current => Ok(None),
            (Some(_), Some(current)) => Err(UploadError::LengthIsFixed { current }),
            (Some(given), None) if given < offset => Err(UploadError::LengthBelowOffset { offset }),
            (Some(given), None) => self.refuse_above_maximum(given).map(|()| Some(given)),
        }
    }
}
