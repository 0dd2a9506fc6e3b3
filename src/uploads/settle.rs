//! Promised events that nobody decided about are kept or withdrawn: a crash, or
//! the end of a request, came between the promise and the record.

use super::{UploadError, UploadId, Uploads};
use crate::hooks::{EventKind, Undecided};
use crate::store::StoreError;

impl Uploads {
    /// Keeps what happened and withdraws what did not. What cannot be found out
    /// now, since somebody uses the upload or the storage fails, comes again.
    /// `false` if there is any of that.
    pub(super) async fn settle(&self, undecided: Undecided) -> bool {
        let kind = undecided.kind;
        match self.has_happened(kind, &undecided.upload).await {
            Ok(Some(true)) => undecided.promised.keep(),
            Ok(Some(false)) => undecided.promised.withdraw(),
            Ok(None) => return false,
            Err(error) => {
                tracing::warn!(
                    upload = undecided.upload, %kind, error = &error as &dyn std::error::Error,
                    "it is not known yet whether an event that was promised has happened"
                );
                return false;
            }
        }
        true
    }

    /// `None` while somebody uses the upload.
    async fn has_happened(
        &self,
        kind: EventKind,
        upload: &str,
    ) -> Result<Option<bool>, UploadError> {
        let Ok(id) = UploadId::new(upload) else {
            return Ok(Some(false));
        };
        let Some(_lock) = self.locks.try_acquire(&id)? else {
            return Ok(None);
        };
        let record = match self.store.record(&id).await {
            Ok(record) => Some(record),
            Err(StoreError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Some(match (kind, record) {
            (EventKind::PostTerminate, record) => record.is_none(),
            // One that is gone by now was finished before.
            (EventKind::PostFinish, record) => record.is_none_or(|record| record.finished),
            // The others are promised when they have happened.
            _ => true,
        }))
    }
}
