//! An upload is removed.

use super::{Cause, UploadError, UploadId, Uploads};
use crate::hooks::EventKind;
use crate::store::{StoreError, Stored};

impl Uploads {
    /// Removes an upload, finished or not.
    ///
    /// # Errors
    /// `NotFound`, `Expired`, `Locked`, `Refused`, or the storage failed.
    pub async fn terminate(&self, cause: &Cause<'_>, id: &UploadId) -> Result<(), UploadError> {
        let lock = self.locks.acquire(id).await?;
        // Until it is gone it is as it was.
        lock.settle();
        let stored = match self.load(id).await {
            Ok(stored) => stored,
            Err(UploadError::NotFound) => {
                if self.is_remembered(id).await? {
                    return Err(UploadError::NotFound);
                }
                // A crash may have left the record of an upload whose bytes
                // are gone.
                return match self.store.remove(id).await {
                    Ok(()) | Err(StoreError::NotFound) => Err(UploadError::NotFound),
                    Err(error) => Err(error.into()),
                };
            }
            Err(error) => return Err(error),
        };
        if self.hooks.wants(EventKind::PreTerminate) {
            let event = self.event(
                EventKind::PreTerminate,
                &stored.record,
                stored.offset,
                cause,
            );
            self.hooks.pre_terminate(event).await?;
        }
        self.remove(&stored, cause).await
    }

    /// Removes an upload and tells of it. The caller holds its lock.
    pub(super) async fn remove(
        &self,
        stored: &Stored,
        cause: &Cause<'_>,
    ) -> Result<(), UploadError> {
        let record = &stored.record;
        let promised = self
            .promise(EventKind::PostTerminate, record, stored.offset, cause)
            .await?;
        self.wait_no_more(record);
        self.forget_parts(record).await?;
        self.store.remove(&record.id).await?;
        promised.keep();
        self.counts.terminated.one();
        Ok(())
    }
}
