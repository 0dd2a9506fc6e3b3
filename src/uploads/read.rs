//! An upload is read.

use std::fmt;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::{Cause, Upload, UploadError, UploadId, Uploads};
use crate::hooks::EventKind;

/// The bytes of an upload.
pub type ContentStream = BoxStream<'static, Result<Bytes, UploadError>>;

/// A finished upload with its bytes.
pub struct Download {
    /// The upload.
    pub upload: Upload,
    /// All of its bytes. The stream ends with an error if they went away.
    pub content: ContentStream,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("upload", &self.upload)
            .finish_non_exhaustive()
    }
}

impl Uploads {
    /// Reads a finished upload.
    ///
    /// # Errors
    /// `NotFound`, `Expired`, `Unfinished`, `Refused`, or the storage failed.
    pub async fn read(&self, cause: &Cause<'_>, id: &UploadId) -> Result<Download, UploadError> {
        let stored = self.look_at(id).await?;
        let record = &stored.record;
        if !record.finished {
            return Err(UploadError::Unfinished);
        }
        if self.hooks.wants(EventKind::PreGet) {
            let event = self.event(EventKind::PreGet, record, stored.offset, cause);
            self.hooks.pre_get(event).await?;
        }
        let content = self.store.read(record, stored.offset).await?;
        Ok(Download {
            content: content.map(|chunk| Ok(chunk?)).boxed(),
            upload: self.upload(stored),
        })
    }
}
