//! What can be wrong with a request for an upload.

use crate::hooks::Refusal;
use crate::store::StoreError;

use super::body::BodyError;
use super::parts::UnusablePart;

/// Why something did not happen to an upload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// There is no such upload.
    #[error("no such upload")]
    NotFound,
    /// The upload was not finished in time.
    #[error("the upload has expired")]
    Expired,
    /// Another request holds the upload and did not let go of it in time.
    #[error("another request is using the upload")]
    Locked,
    /// The client's idea of the offset is not the server's.
    #[error("the upload's offset is {current}")]
    OffsetMismatch {
        /// Bytes stored.
        current: u64,
    },
    /// The body has more bytes than the upload has left. Nothing was stored
    /// past the end.
    #[error("the body goes past the end of the upload")]
    ExceedsLength,
    /// The upload would be longer than the server allows.
    #[error("the upload is longer than {maximum} bytes")]
    ExceedsMaximum {
        /// Bytes an upload may have.
        maximum: u64,
    },
    /// The upload has another length already, and a length never changes.
    #[error("the upload's length is {current}")]
    LengthIsFixed {
        /// Bytes there will be.
        current: u64,
    },
    /// The length that was given at last is less than what is stored.
    #[error("the length is below the upload's offset {offset}")]
    LengthBelowOffset {
        /// Bytes stored.
        offset: u64,
    },
    /// The id or the path that a hook chose is taken.
    #[error("the id or the path is taken")]
    Conflict,
    /// What a final upload has comes from its parts alone.
    #[error("a final upload takes no bytes")]
    Final,
    /// What was named as a part cannot be one.
    #[error(transparent)]
    Part(UnusablePart),
    /// Only finished uploads can be read.
    #[error("the upload is not finished")]
    Unfinished,
    /// A hook said no, or could not be asked.
    #[error("a hook refused the request")]
    Refused(Refusal),
    /// A hook chose an id or a path that is not well-formed.
    #[error("a hook chose an unusable {what}")]
    UnusableChoice {
        /// `id`, `path` or `metadata`.
        what: &'static str,
    },
    /// The body does not have the checksum that was given. Nothing of it is
    /// stored.
    #[error("the body does not have its checksum")]
    ChecksumMismatch,
    /// The checksum that was to come after the body did not, or is none.
    /// Nothing of the body is stored.
    #[error("the body's checksum did not come")]
    NoChecksum,
    /// The body broke off. What came before is stored.
    #[error(transparent)]
    Body(BodyError),
    /// There is no room for the bytes. The text is for the operator.
    #[error(transparent)]
    StorageFull(StoreError),
    /// The storage failed. The text is for the operator.
    #[error(transparent)]
    Storage(StoreError),
}

impl From<StoreError> for UploadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::IdTaken | StoreError::PathTaken(_) => Self::Conflict,
            StoreError::ChecksumMismatch => Self::ChecksumMismatch,
            full @ StoreError::DiskFull(_) => Self::StorageFull(full),
            other => Self::Storage(other),
        }
    }
}

impl From<Refusal> for UploadError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
