//! One holder at a time for each upload.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use super::{UploadError, UploadId};

/// How long a request waits for the one before it. Long enough for the last
/// write of a connection that just broke, which is the usual holder; short
/// enough that a client's own time-out does not come first.
const WAIT: Duration = Duration::from_secs(10);

type Table = Mutex<HashMap<UploadId, Arc<tokio::sync::Mutex<()>>>>;

/// The locks of all uploads in use. An upload that nobody uses has no entry.
#[derive(Debug, Default)]
pub(super) struct Locks {
    table: Arc<Table>,
}

/// The right to change one upload, until dropped.
#[derive(Debug)]
pub(super) struct UploadLock {
    // Released before the place, which looks whether anybody is left.
    _held: OwnedMutexGuard<()>,
    _place: Place,
}

/// Keeps an entry in the table.
#[derive(Debug)]
struct Place {
    table: Arc<Table>,
    id: UploadId,
}

impl Locks {
    /// Waits for the upload's lock.
    pub(super) async fn acquire(&self, id: &UploadId) -> Result<UploadLock, UploadError> {
        self.acquire_within(id, WAIT).await
    }

    /// Takes the upload's lock if nobody holds it.
    pub(super) fn try_acquire(&self, id: &UploadId) -> Option<UploadLock> {
        let (place, lock) = self.enter(id);
        let held = lock.try_lock_owned().ok()?;
        Some(UploadLock {
            _held: held,
            _place: place,
        })
    }

    /// Whether somebody holds the upload's lock or waits for it.
    pub(super) fn is_held(&self, id: &UploadId) -> bool {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.contains_key(id)
    }

    fn enter(&self, id: &UploadId) -> (Place, Arc<tokio::sync::Mutex<()>>) {
        let place = Place {
            table: Arc::clone(&self.table),
            id: id.clone(),
        };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        (place, Arc::clone(table.entry(id.clone()).or_default()))
    }

    async fn acquire_within(
        &self,
        id: &UploadId,
        wait: Duration,
    ) -> Result<UploadLock, UploadError> {
        let (place, lock) = self.enter(id);
        match timeout(wait, lock.lock_owned()).await {
            Ok(held) => Ok(UploadLock {
                _held: held,
                _place: place,
            }),
            Err(_) => Err(UploadError::Locked),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // New claims are made under the table's lock, so a count of one means
        // that only the table knows of it.
        if table
            .get(&self.id)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            table.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> UploadId {
        UploadId::new(id).unwrap()
    }

    fn entries(locks: &Locks) -> usize {
        locks.table.lock().unwrap().len()
    }

    #[tokio::test]
    async fn an_upload_has_one_holder_and_others_wait_in_vain_or_for_their_turn() {
        let locks = Locks::default();
        let held = locks.acquire(&id("a")).await.unwrap();
        assert!(locks.is_held(&id("a")) && !locks.is_held(&id("b")));
        assert!(locks.try_acquire(&id("a")).is_none());
        assert!(locks.try_acquire(&id("b")).is_some());
        assert_eq!(entries(&locks), 1);
        let other = locks.acquire(&id("b")).await.unwrap();
        let refused = locks
            .acquire_within(&id("a"), Duration::from_millis(10))
            .await;
        assert!(matches!(refused, Err(UploadError::Locked)));
        let (id_a, release) = (id("a"), tokio::time::sleep(Duration::from_millis(10)));
        let (next, ()) = tokio::join!(locks.acquire(&id_a), async {
            release.await;
            drop(held);
        });
        assert_eq!(entries(&locks), 2);
        drop(next.unwrap());
        drop(other);
        assert_eq!(entries(&locks), 0);
    }

    #[tokio::test]
    async fn a_waiter_that_gave_up_or_was_cancelled_leaves_no_entry() {
        let locks = Locks::default();
        let held = locks.acquire(&id("a")).await.unwrap();
        for wait in [1, 1000] {
            let id = id("a");
            let waiting = locks.acquire_within(&id, Duration::from_secs(wait));
            assert!(timeout(Duration::from_millis(5), waiting).await.is_err());
        }
        drop(held);
        assert_eq!(entries(&locks), 0);
    }
}
