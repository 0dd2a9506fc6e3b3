//! An upload is complete.

use super::{Cause, UploadError, Uploads};
use crate::hooks::{EventKind, FinishChanges, Promised};
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
        record.finished = true;
        let promised = if self.hooks.wants(EventKind::PostFinish) {
            self.promise_and_finish(cause, &record, offset).await?
        } else {
            self.store.update(&record).await?;
            Promised::to_nobody()
        };
        promised.keep();
        self.counts.finished.one();
        Ok(changes)
    }

    /// Puts `record` in its place once its event is promised. Both reach the
    /// disk at the same time.
    async fn promise_and_finish(
        &self,
        cause: &Cause<'_>,
        record: &Record,
        offset: u64,
    ) -> Result<Promised, UploadError> {
        let promise = self.promise(EventKind::PostFinish, record, offset, cause);
        let (promised, prepared) = tokio::join!(promise, self.store.prepare_update(record));
        let promised = promised?;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                promised.withdraw();
                return Err(error.into());
            }
        };
        if let Err(error) = prepared.commit().await {
            // It may have changed all the same, which is found out later. What
            // has not is told of no more: its creator may remove it.
            let stored = self.store.record(&record.id).await;
            if stored.is_ok_and(|stored| !stored.finished) {
                promised.withdraw();
            }
            return Err(error.into());
        }
        Ok(promised)
    }
}
