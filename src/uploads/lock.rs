//! One holder at a time for each upload, in this process and among all that
//! share the store; and a newcomer takes over.
//!
//! What holds:
//! - Who receives a body stops when somebody else wants the upload: what came
//!   is stored, the request ends, the newcomer goes on. A client that lost its
//!   connection need not wait until the server notices.
//! - Who is past the body (asks hooks, syncs, writes the record) is waited for.
//! - Who only looks ([`Locks::still`]) is a newcomer too, because the next that
//!   its client does is to append at the offset that it was told.
//!
//! Within a process nothing is polled. Between processes the holder looks
//! every [`LOOK`], and the newcomer every [`RETRY`].

use std::collections::{HashMap, hash_map};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::interruptible::Interruptible;
use super::{Body, UploadError, UploadId};
use crate::store::{SharedLocks, StoreError};

/// How long a request waits for the one before it. A holder that receives lets
/// go within a tenth of a second, so this is for the others: long enough for
/// hooks (2 s each, if nothing else is set) and for the sync of a large upload;
/// short enough that a client's own time-out does not come first.
const WAIT: Duration = Duration::from_secs(10);

/// How often a holder that receives looks whether another process wants the
/// upload. Nobody waits for it but a newcomer that found the upload held.
const LOOK: Duration = Duration::from_millis(40);

/// How often a newcomer looks whether another process has let go.
const RETRY: Duration = Duration::from_millis(5);

type Table = Mutex<HashMap<UploadId, Arc<Entry>>>;

/// The locks of all uploads in use. An upload that nobody uses has no entry.
#[derive(Debug, Default)]
pub(super) struct Locks {
    table: Arc<Table>,
    shared: Option<Arc<dyn SharedLocks>>,
}

/// An upload that somebody uses or waits for.
#[derive(Debug, Default)]
struct Entry {
    turn: Arc<tokio::sync::Mutex<()>>,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that wait for their turn.
    waiting: usize,
    /// Whether the holder is past changing the number of bytes.
    settled: bool,
    /// Whether the holder only removes what nobody uses.
    cleaning: bool,
}

/// The right to change one upload, until dropped.
#[derive(Debug)]
pub(super) struct UploadLock {
    // Released in this order: other processes, then this one, then the place,
    // which looks whether anybody is left.
    shared: Option<SharedHold>,
    _turn: OwnedMutexGuard<()>,
    place: Place,
}

/// Keeps an entry in the table.
#[derive(Debug)]
struct Place {
    table: Arc<Table>,
    id: UploadId,
    entry: Arc<Entry>,
}

/// Asks the holder in this process to let go, until dropped.
struct Waiting<'a>(&'a Entry);

/// The lock among processes, until dropped.
#[derive(Debug)]
struct SharedHold {
    locks: Arc<dyn SharedLocks>,
    id: UploadId,
}

/// Asks the holder in another process to let go, until dropped.
struct Asking<'a>(&'a dyn SharedLocks, &'a UploadId);

impl Locks {
    /// Locks that also hold among processes if there are `shared` ones.
    pub(super) fn new(shared: Option<Arc<dyn SharedLocks>>) -> Self {
        Self {
            table: Arc::default(),
            shared,
        }
    }

    /// Takes the upload's lock, from a holder that receives if need be.
    pub(super) async fn acquire(&self, id: &UploadId) -> Result<UploadLock, UploadError> {
        self.acquire_within(id, WAIT).await
    }

    /// Takes the lock of an upload that nobody uses, to remove it. To hold it
    /// so is no use of the upload either.
    pub(super) fn try_acquire(&self, id: &UploadId) -> Result<Option<UploadLock>, StoreError> {
        let Some(place) = self.place_to_clean(id) else {
            return Ok(None);
        };
        let Ok(turn) = Arc::clone(&place.entry.turn).try_lock_owned() else {
            return Ok(None);
        };
        let shared = match &self.shared {
            Some(shared) if !shared.try_hold(id)? => return Ok(None),
            Some(shared) => Some(SharedHold::new(shared, id)),
            None => None,
        };
        Ok(Some(UploadLock {
            shared,
            _turn: turn,
            place,
        }))
    }

    /// Whether somebody uses the upload: holds its lock, or waits for it in this
    /// process.
    pub(super) fn is_held(&self, id: &UploadId) -> Result<bool, StoreError> {
        let here = self
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .map(|entry| !entry.state.borrow().cleaning);
        match (here, &self.shared) {
            (None, Some(shared)) => Ok(shared.is_held_elsewhere(id)?),
            (here, _) => Ok(here.unwrap_or(false)),
        }
    }

    async fn acquire_within(
        &self,
        id: &UploadId,
        wait: Duration,
    ) -> Result<UploadLock, UploadError> {
        let until = Instant::now() + wait;
        let place = self.place(id);
        let turn = match Arc::clone(&place.entry.turn).try_lock_owned() {
            Ok(turn) => turn,
            Err(_) => {
                let _waiting = Waiting::new(&place.entry);
                timeout_at(until, Arc::clone(&place.entry.turn).lock_owned())
                    .await
                    .map_err(|_| UploadError::Locked)?
            }
        };
        place.entry.begin();
        let shared = match &self.shared {
            Some(shared) => Some(hold_among_processes(shared, id, until).await?),
            None => None,
        };
        Ok(UploadLock {
            shared,
            _turn: turn,
            place,
        })
    }

    /// Waits until nobody changes the number of the upload's bytes, and makes
    /// who receives stop.
    pub(super) async fn still(&self, id: &UploadId) -> Result<(), UploadError> {
        self.still_within(id, WAIT).await
    }

    async fn still_within(&self, id: &UploadId, wait: Duration) -> Result<(), UploadError> {
        let until = Instant::now() + wait;
        if self.is_changing_here(id) {
            let place = self.place(id);
            let _waiting = Waiting::new(&place.entry);
            let mut state = place.entry.state.subscribe();
            let released = timeout_at(until, async {
                tokio::select! {
                    // Only its owner ends a channel, and `place` is one.
                    settled = state.wait_for(|state| state.settled) => drop(settled),
                    turn = place.entry.turn.lock() => drop(turn),
                }
            });
            released.await.map_err(|_| UploadError::Locked)?;
        }
        let Some(shared) = self.shared.as_deref() else {
            return Ok(());
        };
        if !shared.is_changing_elsewhere(id)? {
            return Ok(());
        }
        // Whoever asks has the turn, so that one asks for the whole process.
        let place = self.place(id);
        let turn = timeout_at(until, place.entry.turn.lock());
        let _turn = turn.await.map_err(|_| UploadError::Locked)?;
        let _asking = Asking::new(shared, id);
        while shared.is_changing_elsewhere(id)? {
            patience(until).await?;
        }
        Ok(())
    }

    fn is_changing_here(&self, id: &UploadId) -> bool {
        self.table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .is_some_and(|entry| !entry.state.borrow().settled)
    }

    /// The first place at an upload; `None` if somebody is there.
    fn place_to_clean(&self, id: &UploadId) -> Option<Place> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let hash_map::Entry::Vacant(vacant) = table.entry(id.clone()) else {
            return None;
        };
        let entry = vacant.insert(Arc::default());
        entry.state.send_if_modified(|state| {
            state.cleaning = true;
            false
        });
        Some(Place {
            entry: Arc::clone(entry),
            id: id.clone(),
            table: Arc::clone(&self.table),
        })
    }

    fn place(&self, id: &UploadId) -> Place {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::clone(table.entry(id.clone()).or_default());
        Place {
            table: Arc::clone(&self.table),
            id: id.clone(),
            entry,
        }
    }
}

/// Takes the lock among processes. The caller has the turn in this one.
async fn hold_among_processes(
    shared: &Arc<dyn SharedLocks>,
    id: &UploadId,
    until: Instant,
) -> Result<SharedHold, UploadError> {
    if !shared.try_hold(id)? {
        let _asking = Asking::new(&**shared, id);
        while !shared.try_hold(id)? {
            patience(until).await?;
        }
    }
    Ok(SharedHold::new(shared, id))
}

/// A moment, unless there is none left.
async fn patience(until: Instant) -> Result<(), UploadError> {
    if Instant::now() >= until {
        return Err(UploadError::Locked);
    }
    sleep(RETRY).await;
    Ok(())
}

impl UploadLock {
    /// Says that the number of bytes stays as it is from now on: who only looks
    /// need not wait, for example for a hook.
    pub(super) fn settle(&self) {
        self.place
            .entry
            .state
            .send_modify(|state| state.settled = true);
        if let Some(shared) = &self.shared {
            shared.locks.settle(&shared.id);
        }
    }

    /// A body that ends when somebody else wants the upload.
    pub(super) fn interruptible<'b, 'w>(&'w self, body: Body<'b>) -> Interruptible<'b, 'w> {
        Interruptible::new(body, self.wanted())
    }

    /// Waits until somebody else wants the upload.
    async fn wanted(&self) {
        let mut state = self.place.entry.state.subscribe();
        let elsewhere = async {
            match &self.shared {
                Some(shared) => loop {
                    sleep(LOOK).await;
                    if shared.locks.is_asked_elsewhere(&shared.id) {
                        break;
                    }
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Only its owner ends a channel, and the place is one.
            here = state.wait_for(|state| state.waiting > 0) => drop(here),
            () = elsewhere => {}
        }
    }
}

impl Entry {
    /// Somebody has the turn and may change the number of bytes.
    fn begin(&self) {
        self.state.send_if_modified(|state| {
            (state.settled, state.cleaning) = (false, false);
            false
        });
    }
}

impl SharedHold {
    fn new(locks: &Arc<dyn SharedLocks>, id: &UploadId) -> Self {
        Self {
            locks: Arc::clone(locks),
            id: id.clone(),
        }
    }
}

impl<'a> Waiting<'a> {
    fn new(entry: &'a Entry) -> Self {
        entry.state.send_modify(|state| state.waiting += 1);
        Self(entry)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state.send_if_modified(|state| {
            state.waiting = state.waiting.saturating_sub(1);
            false
        });
    }
}

impl<'a> Asking<'a> {
    fn new(locks: &'a dyn SharedLocks, id: &'a UploadId) -> Self {
        locks.ask(id, true);
        Self(locks, id)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.ask(self.1, false);
    }
}

impl Drop for SharedHold {
    fn drop(&mut self) {
        self.locks.release(&self.id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // New places are made under the table's lock, so a count of two means
        // that only the table and this place know of the entry.
        if Arc::strong_count(&self.entry) == 2 {
            table.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests;
