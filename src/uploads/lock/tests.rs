//! Holders, those who wait, and those who take over.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::*;
use crate::uploads::{BodyError, BodyStream};

fn id(id: &str) -> UploadId {
    UploadId::new(id).unwrap()
}

fn body(stream: BodyStream<'_>) -> Body<'_> {
    Body {
        length: None,
        stream,
        checksum: None,
    }
}

fn entries(locks: &Locks) -> usize {
    locks.table.lock().unwrap().len()
}

/// Another process that has every upload until it is asked often enough.
#[derive(Debug, Default)]
struct Elsewhere {
    held: AtomicBool,
    settled: AtomicBool,
    asking: AtomicUsize,
    asks: AtomicBool,
    tries: AtomicUsize,
}

impl SharedLocks for Elsewhere {
    fn try_hold(&self, _: &UploadId) -> Result<bool, StoreError> {
        if self.asking.load(Ordering::Relaxed) > 0 && self.tries.fetch_add(1, Ordering::Relaxed) > 2
        {
            self.held.store(false, Ordering::Relaxed);
        }
        Ok(!self.held.load(Ordering::Relaxed))
    }
    fn settle(&self, _: &UploadId) {}
    fn release(&self, _: &UploadId) {}
    fn is_changing_elsewhere(&self, id: &UploadId) -> Result<bool, StoreError> {
        Ok(!self.settled.load(Ordering::Relaxed) && !self.try_hold(id)?)
    }
    fn is_held_elsewhere(&self, id: &UploadId) -> Result<bool, StoreError> {
        Ok(!self.try_hold(id)?)
    }
    fn ask(&self, _: &UploadId, asking: bool) {
        self.asking.fetch_add(1, Ordering::Relaxed);
        if !asking {
            self.asking.fetch_sub(2, Ordering::Relaxed);
        }
    }
    fn is_asked_elsewhere(&self, _: &UploadId) -> bool {
        self.asks.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn an_upload_has_one_holder_and_others_wait_in_vain_or_for_their_turn() {
    let locks = Locks::default();
    let held = locks.acquire(&id("a")).await.unwrap();
    assert!(locks.is_held(&id("a")).unwrap() && !locks.is_held(&id("b")).unwrap());
    assert!(locks.try_acquire(&id("a")).unwrap().is_none());
    assert!(locks.try_acquire(&id("b")).unwrap().is_some());
    assert_eq!(entries(&locks), 1);
    let other = locks.acquire(&id("b")).await.unwrap();
    let refused = locks
        .acquire_within(&id("a"), Duration::from_millis(10))
        .await;
    assert!(matches!(refused, Err(UploadError::Locked)));
    let (id_a, release) = (id("a"), sleep(Duration::from_millis(10)));
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
async fn a_waiter_that_gave_up_or_was_cancelled_leaves_no_entry_and_asks_no_more() {
    let locks = Locks::default();
    let held = locks.acquire(&id("a")).await.unwrap();
    for wait in [1, 1000] {
        let id = id("a");
        let waiting = locks.acquire_within(&id, Duration::from_secs(wait));
        assert!(timeout(Duration::from_millis(5), waiting).await.is_err());
        let waiting = locks.still_within(&id, Duration::from_secs(wait));
        assert!(timeout(Duration::from_millis(5), waiting).await.is_err());
    }
    assert!(
        timeout(Duration::from_millis(5), held.wanted())
            .await
            .is_err()
    );
    drop(held);
    assert_eq!(entries(&locks), 0);
}

#[tokio::test]
async fn a_holder_that_receives_is_interrupted_by_whoever_comes() {
    for looks_only in [false, true] {
        let locks = Locks::default();
        let id = id("a");
        let held = locks.acquire(&id).await.unwrap();
        let holder = async {
            let mut nothing = pin!(stream::pending());
            let next = held.interruptible(body(nothing.as_mut())).next().await;
            assert!(matches!(next, Some(Err(BodyError::TakenOver))));
            drop(held);
        };
        let newcomer = async {
            if looks_only {
                locks.still(&id).await.unwrap();
            } else {
                locks.acquire(&id).await.unwrap();
            }
        };
        tokio::join!(holder, newcomer);
        assert_eq!(entries(&locks), 0);
    }
}

#[tokio::test]
async fn who_only_looks_does_not_wait_for_a_holder_that_is_past_the_body() {
    let locks = Locks::default();
    let held = locks.acquire(&id("a")).await.unwrap();
    let id_a = id("a");
    let looked = locks.still_within(&id_a, Duration::from_millis(10));
    assert!(matches!(looked.await, Err(UploadError::Locked)));
    let (looked, ()) = tokio::join!(locks.still(&id_a), async { held.settle() });
    looked.unwrap();
    locks.still(&id("a")).await.unwrap();
    let changed = locks.acquire_within(&id_a, Duration::from_millis(10));
    assert!(matches!(changed.await, Err(UploadError::Locked)));
    drop(held);
    // The next holder begins anew.
    let held = locks.acquire(&id("a")).await.unwrap();
    let looked = locks.still_within(&id_a, Duration::from_millis(10));
    assert!(looked.await.is_err());
    drop(held);
}

#[tokio::test]
async fn another_process_is_asked_and_waited_for() {
    let elsewhere = Arc::new(Elsewhere::default());
    let locks = Locks::new(Some(Arc::clone(&elsewhere) as Arc<dyn SharedLocks>));
    for looks_only in [false, true] {
        elsewhere.held.store(true, Ordering::Relaxed);
        elsewhere.tries.store(0, Ordering::Relaxed);
        if looks_only {
            locks.still(&id("a")).await.unwrap();
        } else {
            drop(locks.acquire(&id("a")).await.unwrap());
        }
        assert_eq!(elsewhere.asking.load(Ordering::Relaxed), 0);
        assert_eq!(entries(&locks), 0);
    }
    elsewhere.held.store(true, Ordering::Relaxed);
    elsewhere.settled.store(true, Ordering::Relaxed);
    assert!(locks.is_held(&id("a")).unwrap());
    assert!(locks.try_acquire(&id("a")).unwrap().is_none());
    locks.still(&id("a")).await.unwrap();
}

#[tokio::test]
async fn another_process_interrupts() {
    let elsewhere = Arc::new(Elsewhere::default());
    let locks = Locks::new(Some(Arc::clone(&elsewhere) as Arc<dyn SharedLocks>));
    let held = locks.acquire(&id("a")).await.unwrap();
    let mut nothing = pin!(stream::pending());
    let mut body = held.interruptible(body(nothing.as_mut()));
    let next = timeout(2 * LOOK, body.next()).await;
    assert!(next.is_err());
    elsewhere.asks.store(true, Ordering::Relaxed);
    let next = body.next().await;
    assert!(matches!(next, Some(Err(BodyError::TakenOver))));
}
