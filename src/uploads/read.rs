//! An upload is read.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::{Cause, Upload, UploadError, UploadId, Uploads};
use crate::hooks::EventKind;
use crate::store::{Record, Store, StoreError};

/// The bytes of an upload.
pub type ContentStream = BoxStream<'static, Result<Bytes, UploadError>>;

/// A finished upload that may be read.
pub struct Download {
    /// The upload.
    pub upload: Upload,
    record: Record,
    store: Arc<dyn Store>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("upload", &self.upload)
            .finish_non_exhaustive()
    }
}

impl Download {
    /// The bytes in `range`, which is within the upload. The stream ends with an
    /// error if they went away.
    ///
    /// # Errors
    /// `NotFound` if the upload is gone, or the storage failed.
    pub async fn content(&self, range: Range<u64>) -> Result<ContentStream, UploadError> {
        let content = self.store.read(&self.record, range).await?;
        Ok(content.map(|chunk| Ok(chunk?)).boxed())
    }
}

impl Uploads {
    /// Asks whether a finished upload may be read. What is finished does not
    /// change any more, so nobody is kept from anything meanwhile.
    ///
    /// # Errors
    /// `NotFound`, `Expired`, `Unfinished`, `Refused`, or the storage failed.
    pub async fn read(&self, cause: &Cause<'_>, id: &UploadId) -> Result<Download, UploadError> {
        let mut stored = self.look_at(id).await?;
        if stored.record.pending_parts().is_some() {
            self.try_to_complete(cause, id).await;
            stored = self.look_at(id).await?;
        }
        let record = stored.record.clone();
        if !record.finished {
            return Err(UploadError::Unfinished);
        }
        if let Some(expected) = record.length.filter(|length| *length != stored.offset) {
            return Err(UploadError::Storage(StoreError::UnexpectedLength {
                path: self.store.location(&record).into(),
                expected,
                found: stored.offset,
            }));
        }
        if self.hooks.wants(EventKind::PreGet) {
            let event = self.event(EventKind::PreGet, &record, stored.offset, cause);
            self.hooks.pre_get(event).await?;
        }
        Ok(Download {
            upload: self.upload(stored),
            record,
            store: Arc::clone(&self.store),
        })
    }
}
