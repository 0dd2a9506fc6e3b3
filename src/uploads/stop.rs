//! Uploads that a hook stops: an append that is under way ends, its client is
//! told why, and the upload is removed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{BodyError, Cause, UploadError, UploadId, Uploads};
use crate::hooks::{Refusal, Rejection, Stop};

/// What the clients of uploads are told that are about to be stopped.
#[derive(Debug, Default)]
pub(super) struct Stopped(Mutex<HashMap<UploadId, Rejection>>);

impl Stopped {
    fn put(&self, id: &UploadId, rejection: Rejection) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id.clone(), rejection);
    }

    fn remove(&self, id: &UploadId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(id);
    }

    /// Why a body broke off, in the end: one that was taken over by who stops
    /// the upload was stopped.
    pub(super) fn explain(&self, id: &UploadId, cut: UploadError) -> UploadError {
        if !matches!(cut, UploadError::Body(BodyError::TakenOver)) {
            return cut;
        }
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(id) {
            Some(rejection) => UploadError::Refused(Refusal::Rejected(rejection.clone())),
            None => cut,
        }
    }
}

impl Uploads {
    /// Stops an upload as a hook wants it, unless it is finished or gone.
    pub(super) async fn stop(&self, stop: Stop, cause: &Cause<'_>) -> Result<(), UploadError> {
        let Ok(id) = UploadId::new(stop.upload) else {
            return Ok(());
        };
        // Known before the holder is made to let go, so that its client is told.
        self.stopped.put(&id, stop.rejection);
        let stopped = self.remove_unfinished(&id, cause).await;
        self.stopped.remove(&id);
        match stopped {
            Err(UploadError::NotFound | UploadError::Expired) => Ok(()),
            other => other,
        }
    }

    async fn remove_unfinished(&self, id: &UploadId, cause: &Cause<'_>) -> Result<(), UploadError> {
        let lock = self.locks.acquire(id).await?;
        lock.settle();
        let stored = self.load(id).await?;
        if stored.record.finished {
            return Ok(());
        }
        self.remove(&stored, cause).await?;
        tracing::info!(upload = %id, offset = stored.offset, "a stopped upload removed");
        Ok(())
    }
}
