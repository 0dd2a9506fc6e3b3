//! Bytes are added to an upload.

use futures_util::StreamExt as _;

use super::{Body, Cause, UploadError, UploadId, Uploads};
use crate::hooks::{EventKind, FinishChanges};
use crate::store::Record;

/// What an append came to.
#[derive(Debug, Clone)]
pub struct Appended {
    /// Bytes stored now.
    pub offset: u64,
    /// What hooks want in the response, if this append finished the upload.
    pub finish: Option<FinishChanges>,
}

/// What came of a body.
pub(super) struct Received {
    /// Bytes stored now.
    pub(super) offset: u64,
    /// Why no more came, if the body did not end as it should.
    pub(super) cut: Option<UploadError>,
}

impl Uploads {
    /// Adds the bytes in `body` at `offset`, which must be where the upload
    /// ends.
    ///
    /// If that completes the upload, it is finished. An empty body at the end
    /// of a complete upload finishes it if a hook refused before, and changes
    /// nothing if it is finished.
    ///
    /// # Errors
    /// `NotFound`, `Locked`, `OffsetMismatch`, `ExceedsLength`, `Body`,
    /// `Refused`, or the storage failed. Unless it is one of the first three,
    /// bytes may have been stored.
    pub async fn append(
        &self,
        cause: &Cause<'_>,
        id: &UploadId,
        offset: u64,
        body: Body<'_>,
    ) -> Result<Appended, UploadError> {
        let lock = self.locks.acquire(id).await?;
        let stored = self.store.load(id).await?;
        let record = stored.record;
        if offset != stored.offset {
            return Err(UploadError::OffsetMismatch {
                current: stored.offset,
            });
        }
        let left = record.length.saturating_sub(offset);
        if body.length.is_some_and(|length| length > left) {
            return Err(UploadError::ExceedsLength);
        }

        let mut body = lock.interruptible(body);
        let received = self.receive(&record, offset, body.as_body()).await?;
        lock.settle();
        let complete = received.offset == record.length;
        // Bytes that the client did not announce make the whole doubtful, so
        // such an upload is complete but not finished.
        let acceptable = !matches!(received.cut, Some(UploadError::ExceedsLength));
        let finish = if complete && acceptable && !record.finished {
            Some(self.finish(cause, record).await?)
        } else {
            if received.offset > offset {
                self.notify(EventKind::PostReceive, &record, received.offset, cause);
            }
            None
        };
        match received.cut {
            Some(cut) => Err(cut),
            None => Ok(Appended {
                offset: received.offset,
                finish,
            }),
        }
    }

    /// Stores what comes, up to the end of the upload. Whatever ends it, all
    /// that came is written when this returns.
    pub(super) async fn receive(
        &self,
        record: &Record,
        offset: u64,
        mut body: Body<'_>,
    ) -> Result<Received, UploadError> {
        let mut left = record.length.saturating_sub(offset);
        let mut cut = None;
        // Opened for the first byte: many requests have none.
        let mut writer = None;
        while cut.is_none()
            && let Some(chunk) = body.stream.next().await
        {
            let mut chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    cut = Some(UploadError::Body(error));
                    break;
                }
            };
            if chunk.len() as u64 > left {
                cut = Some(UploadError::ExceedsLength);
                // Less than the chunk's length, so it fits.
                chunk.truncate(usize::try_from(left).unwrap_or(0));
            }
            if chunk.is_empty() {
                continue;
            }
            left -= chunk.len() as u64;
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(self.store.append(record, offset).await?),
            };
            writer.write(chunk).await?;
        }
        let offset = match writer {
            Some(writer) => writer.finish().await?,
            None => offset,
        };
        Ok(Received { offset, cut })
    }
}
