//! Unfinished uploads that nobody goes on with expire.
//!
//! An upload expires some time after its last byte came, or after its creation.
//! From then on it is gone for everybody; its bytes go when the
//! [`Upkeep`](super::Upkeep) comes by. A finished upload never expires.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::{UploadError, UploadId, Uploads};
use crate::store::{Stage, Stale, StoreError, Stored};

/// Expired uploads that are remembered once they are removed, so that their
/// clients hear what became of them. About 200 bytes each; clients that come
/// later than ten thousand others hear that there is no such upload.
const REMEMBERED: usize = 10_000;

/// The expired uploads that were removed last.
#[derive(Debug, Default)]
pub(super) struct Removed(Mutex<Ids>);

#[derive(Debug, Default)]
struct Ids {
    order: VecDeque<UploadId>,
    all: HashSet<UploadId>,
}

impl Removed {
    fn remember(&self, id: &UploadId) {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !ids.all.insert(id.clone()) {
            return;
        }
        ids.order.push_back(id.clone());
        if ids.order.len() > REMEMBERED
            && let Some(oldest) = ids.order.pop_front()
        {
            ids.all.remove(&oldest);
        }
    }

    fn contains(&self, id: &UploadId) -> bool {
        let ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.all.contains(id)
    }
}

impl Uploads {
    /// Whether unfinished uploads expire.
    #[must_use]
    pub fn expire(&self) -> bool {
        self.expiration.is_some()
    }

    /// How an upload is stored, for who holds its lock.
    pub(super) async fn load(&self, id: &UploadId) -> Result<Stored, UploadError> {
        match self.load_with_parts(id).await {
            Ok(stored) if self.has_expired(&stored) => Err(UploadError::Expired),
            Ok(stored) if self.is_used_up(&stored.record).await? => Err(UploadError::NotFound),
            Ok(stored) => Ok(stored),
            Err(StoreError::NotFound) if self.removed.contains(id) => Err(UploadError::Expired),
            Err(error) => Err(error.into()),
        }
    }

    /// How an upload is stored. One that waits for its parts changes with them.
    async fn load_with_parts(&self, id: &UploadId) -> Result<Stored, StoreError> {
        let mut stored = self.store.load(id).await?;
        let parts = stored
            .record
            .parts_at(Stage::Waiting)
            .filter(|_| self.expire());
        for part in parts.map_or_else(Vec::new, |of| of.ids.clone()) {
            match self.store.load(&part).await {
                Ok(part) => stored.changed_at = stored.changed_at.max(part.changed_at),
                Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stored)
    }

    /// How an upload is stored, for who does not hold its lock. One that is in
    /// use has not expired: its bytes may be on their way.
    pub(super) async fn look_at(&self, id: &UploadId) -> Result<Stored, UploadError> {
        match self.load(id).await {
            Err(UploadError::Expired) if self.locks.is_held(id)? => {
                Ok(self.load_with_parts(id).await?)
            }
            other => other,
        }
    }

    /// When an upload expires, if it does.
    pub(super) fn expires_at(&self, stored: &Stored) -> Option<SystemTime> {
        let record = &stored.record;
        let lasts = record.finished || record.parts_at(Stage::Moving).is_some();
        let after = self.expiration.filter(|_| !lasts)?;
        stored.changed_at.checked_add(after)
    }

    /// When an upload expires whose bytes have just changed. The caller holds
    /// its lock.
    pub(super) async fn new_expiry(
        &self,
        id: &UploadId,
    ) -> Result<Option<SystemTime>, UploadError> {
        // Asked of the store, which knows when the last byte came; only if
        // anybody wants to know.
        if !self.expire() {
            return Ok(None);
        }
        Ok(self.expires_at(&self.load_with_parts(id).await?))
    }

    fn has_expired(&self, stored: &Stored) -> bool {
        self.expires_at(stored)
            .is_some_and(|expires_at| expires_at <= SystemTime::now())
    }

    /// Removes what a sweep found, unless somebody uses it or has used it since.
    pub(super) async fn remove_stale(&self, stale: &Stale) -> Result<(), StoreError> {
        let (Stale::Unfinished(id) | Stale::WithoutBytes(id)) = stale;
        let Some(_lock) = self.locks.try_acquire(id)? else {
            return Ok(());
        };
        match (stale, self.load_with_parts(id).await) {
            (Stale::Unfinished(_), Ok(stored)) if self.has_expired(&stored) => {
                // First, so that nobody sees it missing without a reason.
                self.removed.remember(id);
                self.wait_no_more(&stored.record);
                self.store.remove(id).await?;
                self.counts.expired.one();
                tracing::info!(upload = %id, offset = stored.offset, "an expired upload removed");
            }
            (Stale::WithoutBytes(_), Err(StoreError::NotFound))
                if !self.is_remembered(id).await? =>
            {
                self.store.remove(id).await?;
                tracing::info!(upload = %id, "a record without bytes removed");
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uploads_that_were_removed_last_are_remembered() {
        let removed = Removed::default();
        let id = |n: usize| UploadId::new(n.to_string()).unwrap();
        for n in 0..REMEMBERED + 5 {
            removed.remember(&id(n));
            removed.remember(&id(n));
        }
        for (n, expected) in [(0, false), (4, false), (5, true), (REMEMBERED + 4, true)] {
            assert_eq!(removed.contains(&id(n)), expected, "{n}");
        }
        let ids = removed.0.lock().unwrap();
        assert_eq!((ids.order.len(), ids.all.len()), (REMEMBERED, REMEMBERED));
    }
}
