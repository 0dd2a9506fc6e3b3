//! Bytes are added to an upload.

use futures_util::StreamExt as _;

use super::{Body, Cause, UploadError, UploadId, Uploads};
use crate::hooks::{EventKind, FinishChanges};
use crate::store::Record;

/// What a client adds to an upload.
#[derive(Debug)]
pub struct Append<'a> {
    /// Where the bytes belong; it must be where the upload ends.
    pub offset: u64,
    /// The upload's length, from a client that could not say it at the
    /// creation.
    pub length: Option<u64>,
    /// The bytes.
    pub body: Body<'a>,
}

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
    /// Adds bytes at the end of an upload, and gives it its length if it has
    /// none yet.
    ///
    /// If that completes the upload, it is finished. An empty body at the end
    /// of a complete upload finishes it if a hook refused before, and changes
    /// nothing if it is finished.
    ///
    /// # Errors
    /// `NotFound`, `Locked`, `OffsetMismatch`, `LengthIsFixed`,
    /// `LengthBelowOffset`, `ExceedsLength`, `ExceedsMaximum`, `Body`,
    /// `Refused`, or the storage failed. Unless it is one of the first five,
    /// bytes may have been stored.
    pub async fn append(
        &self,
        cause: &Cause<'_>,
        id: &UploadId,
        append: Append<'_>,
    ) -> Result<Appended, UploadError> {
        let Append {
            offset,
            length,
            body,
        } = append;
        let _lock = self.locks.acquire(id).await?;
        let stored = self.store.load(id).await?;
        let mut record = stored.record;
        if offset != stored.offset {
            return Err(UploadError::OffsetMismatch {
                current: stored.offset,
            });
        }
        let new_length = self.new_length(&record, offset, length)?;
        self.end(new_length.or(record.length))
            .refuse_announced(offset, &body)?;
        if new_length.is_some() {
            // Before the first byte: a client that said it once need not say it
            // again, whatever becomes of its bytes.
            record.length = new_length;
            self.store.update(&record).await?;
        }

        let received = self.receive(&record, offset, body).await?;
        let complete = record.length == Some(received.offset);
        // Bytes that the client did not announce make the whole doubtful, so
        // such an upload is complete but not finished.
        let acceptable = !matches!(received.cut, Some(UploadError::ExceedsLength));
        let finish = if complete && acceptable && !record.finished {
            Some(self.finish(cause, record, received.offset).await?)
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
        let end = self.end(record.length);
        let mut left = end.left(offset);
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
                cut = Some(end.exceeded());
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
