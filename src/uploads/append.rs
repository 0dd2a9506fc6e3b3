//! Bytes are added to an upload.

use std::time::SystemTime;

use super::progress::Progress;
use super::{Body, BodyError, Cause, UploadError, UploadId, Uploads};
use crate::hooks::FinishChanges;
use crate::store::RecordKind;

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
    /// When the upload expires unless it goes on, if it does.
    pub expires_at: Option<SystemTime>,
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
    /// `NotFound`, `Expired`, `Locked`, `Final`, `OffsetMismatch`,
    /// `LengthIsFixed`, `LengthBelowOffset`, `ChecksumMismatch`, `NoChecksum`,
    /// `ExceedsLength`, `ExceedsMaximum`, `Body`, `Refused`, or the storage
    /// failed. Unless it is one of the first nine, bytes may have been stored.
    /// If the body has a checksum, only what has it is stored.
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
        let lock = self.locks.acquire(id).await?;
        let stored = self.load(id).await?;
        let mut record = stored.record;
        if matches!(record.kind, RecordKind::Final(_)) {
            return Err(UploadError::Final);
        }
        if offset != stored.offset {
            return Err(UploadError::OffsetMismatch {
                current: stored.offset,
            });
        }
        let new_length = self.new_length(&record, offset, length)?;
        let end = self.end(new_length.or(record.length));
        end.refuse_announced(offset, &body)?;
        if record.unverified.is_some() {
            record = self.store.discard_unverified(&record).await?;
        }

        // Kept before the first byte: a client that said it once need not say
        // it again, whatever becomes of its bytes. But what comes with a wrong
        // checksum changes nothing.
        let checked = body.checksum.is_some();
        if !checked {
            self.set_length(&mut record, new_length).await?;
        }
        let mut body = lock.interruptible(body);
        let progress = Progress::of(self, cause, &record, offset).filter(|_| !checked);
        let mut received = self
            .receive(&record, offset, end, body.as_body(), progress)
            .await?;
        received.cut = received.cut.map(|cut| self.stopped.explain(id, cut));
        if checked && received.cut.is_none() {
            self.set_length(&mut record, new_length).await?;
        }
        lock.settle();
        let is_part = matches!(record.kind, RecordKind::Partial { .. });
        let complete = record.length == Some(received.offset);
        let acceptable = match received.cut {
            None => true,
            // Bytes that the client did not announce make the whole doubtful, so
            // such an upload is complete but not finished.
            Some(UploadError::ExceedsLength | UploadError::Body(BodyError::TooLarge)) => false,
            // The client will see that nothing is left to send, and not ask
            // again. One that has sent nothing has to.
            Some(_) => received.offset > offset,
        };
        let finish = if complete && acceptable && !record.finished {
            Some(Box::pin(self.finish(cause, record, received.offset)).await?)
        } else {
            if received.offset > offset {
                self.tell_progress(&record, received.offset, cause);
            }
            None
        };
        let is_finished = finish.is_some();
        let result = match received.cut {
            Some(cut) => Err(cut),
            None => Ok(Appended {
                offset: received.offset,
                expires_at: self.new_expiry(id).await?,
                finish,
            }),
        };
        drop(body);
        drop(lock);
        if is_part && is_finished {
            self.complete_those_waiting_for(cause, id).await;
        }
        result
    }
}
