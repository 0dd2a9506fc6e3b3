//! Parts that are to go are moved into the final upload one after the other, so
//! that no more room is needed than for the largest of them.
//!
//! That is done if no hook is asked before an upload is finished: one that
//! refuses leaves the parts as they were. And if no part stands twice. Then:
//! 1. The records of the parts, which name the final upload, are made durable,
//!    and after them that of the final upload, which says that it is moving. From
//!    here on the parts' bytes are its own, and nobody can use them otherwise.
//! 2. The bytes of a part are copied, made durable, and removed from the part.
//!    Then those of the next.
//! 3. The final upload's record becomes that of a finished one.
//!
//! Whatever cuts that short (a kill, a full disk), the next start goes on, or
//! the next who looks at the upload, or the same request sent again.

use super::parts::part_error;
use super::{Cause, UploadError, UploadId, Uploads};
use crate::hooks::{EventKind, FinishChanges};
use crate::store::{Record, RecordKind, Stage, StoreError};

impl Uploads {
    /// Whether these parts are moved.
    pub(super) fn moves(&self, parts: &[Record]) -> bool {
        let mut ids: Vec<_> = parts.iter().map(|part| part.id.as_str()).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        self.remove_parts && ids.len() == all && !self.hooks.asks(EventKind::PreFinish)
    }

    /// Moves `parts`, whose records name the upload. The caller holds all the
    /// locks.
    ///
    /// # Errors
    /// The storage failed. Unless the record says that it is moving, nothing has
    /// changed.
    pub(super) async fn move_parts(
        &self,
        cause: &Cause<'_>,
        mut record: Record,
        parts: &[Record],
    ) -> Result<FinishChanges, UploadError> {
        for part in parts {
            self.store.sync(part).await?;
        }
        if let RecordKind::Final(of) = &mut record.kind {
            of.stage = Stage::Moving;
        }
        self.store.update(&record).await?;
        self.store.sync(&record).await?;
        self.go_on_moving(cause, record).await
    }

    /// Goes on where the moving stands. The caller holds all the locks.
    pub(super) async fn go_on_moving(
        &self,
        cause: &Cause<'_>,
        record: Record,
    ) -> Result<FinishChanges, UploadError> {
        let RecordKind::Final(of) = &record.kind else {
            return Err(UploadError::Final);
        };
        let mut end = 0;
        for id in &of.ids {
            let part = self.store.record(id).await.map_err(part_error)?;
            match self.store.load(id).await {
                Ok(_) => {
                    end = self.store.copy(&record, end, &part).await?;
                    self.store.sync(&record).await?;
                    self.store.remove_bytes(&part).await?;
                }
                // Moved before; the next copy, or the end, sees it if not.
                Err(StoreError::NotFound) => end += part.length.unwrap_or_default(),
                Err(error) => return Err(error.into()),
            }
        }
        let found = self.store.load(&record.id).await?.offset;
        if found != end {
            return Err(UploadError::Storage(StoreError::UnexpectedLength {
                path: self.store.location(&record).into(),
                expected: end,
                found,
            }));
        }
        self.finish(cause, record, end).await
    }

    /// Whether the upload is moving, so that the bytes of its parts may be
    /// nowhere else.
    pub(super) async fn is_moving(&self, id: &UploadId) -> Result<bool, StoreError> {
        Ok(self
            .store
            .record(id)
            .await?
            .parts_at(Stage::Moving)
            .is_some())
    }
}
