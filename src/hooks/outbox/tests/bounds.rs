//! What the disk and the memory hold.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::*;

#[tokio::test]
async fn of_too_much_progress_the_oldest_is_dropped() {
    let directory = TempDir::new().unwrap();
    let config = Config {
        progress: 2,
        ..quick()
    };
    let outbox = open(&directory, config);
    for number in 0..4 {
        let entry = entry(&format!("u{number}"), "post-receive", 0);
        outbox.progress(entry, &to(&["sink"]));
    }
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(2).await;
    outbox.shut_down().await;
    let ids: HashSet<_> = receiver.ids().into_iter().collect();
    assert_eq!(ids, HashSet::from(["u2-0".to_owned(), "u3-0".to_owned()]));
}

#[tokio::test]
async fn a_full_outbox_refuses_before_anything_and_takes_again_when_there_is_room() {
    let directory = TempDir::new().unwrap();
    let config = Config {
        max_bytes: 2 << 20,
        ..quick()
    };
    let outbox = open(&directory, config);
    let mut kept = 0;
    let error = loop {
        let mut large = post(&format!("u{kept}"), 0);
        large.payload = vec![b'x'; 10_000];
        match outbox.promise(vec![large], to(&["sink"])).await {
            Ok(promise) => promise.keep(),
            Err(error) => break error,
        }
        kept += 1;
    };
    assert!(matches!(error, OutboxError::Full { .. }), "{error}");
    assert!(outbox.is_full());
    assert!(kept > 50, "{kept}");
    assert!(outbox.enqueue(post("a", 0), &to(&["sink"])).is_err());
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(kept).await;
    eventually(|| !outbox.is_full()).await;
    outbox.kept(post("b", 0), &["sink"]).await;
    receiver.heard_of(kept + 1).await;
    outbox.shut_down().await;
}

#[tokio::test]
async fn after_a_backlog_the_file_is_small_again() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let database = directory.path().join("0/outbox.db");
    for number in 0..200 {
        let mut large = post(&format!("u{number}"), 0);
        large.payload = vec![b'x'; 200_000];
        outbox.kept(large, &["sink"]).await;
    }
    let used = outbox.snapshot().used_bytes;
    assert!(used > 200 * 200_000, "{used}");
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(200).await;
    eventually(|| outbox.snapshot().used_bytes < 40_000_000).await;
    eventually(|| database.metadata().unwrap().len() < 20_000_000).await;
    outbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_however_much_waits_and_then_all_is_delivered_in_order() {
    const EVENTS: usize = 100_000;
    const UPLOADS: usize = 1000;
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::shut();
    outbox.deliver_to(&receiver);
    for first in (0..EVENTS).step_by(500) {
        let entries = (first..first + 500)
            .map(|number| post(&format!("u{}", number % UPLOADS), number))
            .collect();
        let promise = outbox.promise(entries, to(&["sink"])).await.unwrap();
        promise.keep();
        assert!(outbox.of("sink").in_memory <= 1000);
    }
    eventually(|| outbox.of("sink").depth == EVENTS as u64).await;
    assert!(outbox.of("sink").in_memory <= 1000);
    receiver.gate.add_permits(1);
    receiver.heard_of(EVENTS).await;
    let mut last: HashMap<String, usize> = HashMap::new();
    for id in receiver.ids() {
        let (upload, number) = id.rsplit_once('-').unwrap();
        let number: usize = number.parse().unwrap();
        let before = last.insert(upload.to_owned(), number);
        assert!(
            before.is_none_or(|before| before + UPLOADS == number),
            "{id}"
        );
    }
    eventually(|| outbox.of("sink").depth == 0).await;
    outbox.shut_down().await;
}

#[tokio::test]
async fn while_the_disk_fails_promises_fail_and_nothing_else_is_lost() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let kept = outbox.promise(vec![post("a", 0)], to(&["sink"]));
    let kept = kept.await.unwrap();
    // A lock that is not given back is an error like any other of the disk.
    let other = Connection::open(directory.path().join("0/outbox.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    kept.keep();
    let failed = outbox.promise(vec![post("a", 1)], to(&["sink"])).await;
    assert!(matches!(failed, Err(OutboxError::Storage { .. })));
    let copy = outbox.enqueue(post("a", 2), &to(&["sink"]));
    assert!(matches!(copy, Err(OutboxError::Storage { .. })));
    other.execute_batch("ROLLBACK").unwrap();
    outbox.kept(post("a", 3), &["sink"]).await;
    outbox.enqueue(post("a", 4), &to(&["sink"])).unwrap();
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(3).await;
    assert_eq!(receiver.ids(), ["a-0", "a-3", "a-4"]);
    outbox.shut_down().await;
}
