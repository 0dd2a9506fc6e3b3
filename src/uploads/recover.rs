//! What a crash left between two steps is brought to its end.

use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::upkeep::Describe;
use super::{Cause, UploadError, UploadId, Uploads};
use crate::store::{RecordKind, Stale};

impl Uploads {
    /// Brings an upload to its end that a crash, or a hook that refused, left
    /// complete and unfinished. One that somebody uses is passed over.
    pub(super) async fn recover(
        &self,
        cause: &Cause<'_>,
        id: &UploadId,
    ) -> Result<(), UploadError> {
        let Some(lock) = self.locks.try_acquire(id)? else {
            return Ok(());
        };
        lock.settle();
        let stored = match self.load(id).await {
            Ok(stored) if !stored.record.finished => stored,
            Ok(_) | Err(UploadError::NotFound | UploadError::Expired) => return Ok(()),
            Err(error) => return Err(error),
        };
        if let Some(of) = stored.record.pending_parts() {
            self.waiting.add(id, &of.ids);
            drop(lock);
            self.complete(cause, id).await?;
        } else if matches!(stored.record.kind, RecordKind::Final(_)) {
            // Its client was not told of it.
            self.store.remove(id).await?;
            tracing::info!(upload = %id, "a final upload that a crash cut short removed");
        } else if stored.record.length == Some(stored.offset) && stored.record.unverified.is_none()
        {
            self.finish(cause, stored.record, stored.offset).await?;
            tracing::info!(upload = %id, "an upload that was complete is finished");
        }
        Ok(())
    }

    /// Goes through all uploads once, as [`Uploads::recover`] does with each.
    pub(super) async fn recover_all(&self, describe: &Describe, stop: &CancellationToken) {
        let mut pass = self.pass(SystemTime::now(), stop);
        while let Some(found) = pass.next().await {
            for stale in &found {
                if let Stale::Unfinished(id) = stale {
                    self.try_to_recover(describe, id).await;
                }
            }
        }
        tracing::debug!("all uploads were looked at");
    }

    async fn try_to_recover(&self, describe: &Describe, id: &UploadId) {
        let cause = Cause::new(|| describe(id));
        match self.recover(&cause, id).await {
            Ok(()) => {}
            Err(UploadError::Refused(_)) => {
                tracing::info!(upload = %id, "a hook refused to finish an upload");
            }
            Err(error) => tracing::warn!(
                upload = %id,
                error = &error as &dyn std::error::Error,
                "an upload that is complete is not finished"
            ),
        }
    }
}
