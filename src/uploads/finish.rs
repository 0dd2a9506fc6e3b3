//! An upload is complete.

use super::{Cause, UploadError, Uploads};
use crate::hooks::{EventKind, FinishChanges};
use crate::store::Record;

impl Uploads {
    /// Finishes an upload whose bytes are all stored. The caller holds its
    /// lock; `offset` is the upload's length. If a hook refuses, the upload
    /// stays complete but unfinished.
    pub(super) async fn finish(
        &self,
        cause: &Cause<'_>,
        mut record: Record,
        offset: u64,
    ) -> Result<FinishChanges, UploadError> {
        let changes = if self.hooks.wants(EventKind::PreFinish) {
            let event = self.event(EventKind::PreFinish, &record, offset, cause);
            self.hooks.pre_finish(event).await?
        } else {
            FinishChanges::default()
        };
        let promised = self
            .promise(EventKind::PostFinish, &record, offset, cause)
            .await?;
        record.finished = true;
        if let Err(error) = self.store.update(&record).await {
            // It may have changed all the same, which is found out later. What
            // has not is told of no more: its creator may remove it.
            let stored = self.store.record(&record.id).await;
            if stored.is_ok_and(|stored| !stored.finished) {
                promised.withdraw();
            }
            return Err(error.into());
        }
        promised.keep();
        self.counts.finished.one();
        Ok(changes)
    }
}
