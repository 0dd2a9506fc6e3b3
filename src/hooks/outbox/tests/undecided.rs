//! What is not decided about is neither delivered nor lost.

use super::*;

#[tokio::test]
async fn nothing_is_delivered_before_it_is_kept_or_after_it_was_withdrawn() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    let promise = |name| outbox.promise(vec![post(name, 0)], to(&["sink"]));
    let (withdrawn, kept) = (promise("a").await.unwrap(), promise("b").await.unwrap());
    assert_eq!(receiver.ids(), [""; 0]);
    withdrawn.withdraw();
    kept.keep();
    receiver.heard_of(1).await;
    outbox.kept(post("c", 0), &["sink"]).await;
    receiver.heard_of(2).await;
    assert_eq!(receiver.ids(), ["b-0", "c-0"]);
    outbox.shut_down().await;
}

#[tokio::test]
async fn a_dropped_promise_is_settled_by_its_owner_and_holds_back_later_events() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    let promise = outbox.promise(vec![post("a", 0)], to(&["sink"]));
    drop(promise.await.unwrap());
    outbox.undecided().await;
    outbox.kept(entry("a", "post-finish", 1), &["sink"]).await;
    outbox.kept(post("b", 0), &["sink"]).await;
    receiver.heard_of(1).await;
    assert_eq!(receiver.ids(), ["b-0"]);
    assert_eq!(outbox.snapshot().undecided, 1);
    let mut undecided = outbox.take_undecided();
    let promise = undecided.pop().unwrap();
    assert_eq!(promise.entries().collect::<Vec<_>>(), [&post("a", 0)]);
    promise.keep();
    receiver.heard_of(3).await;
    assert_eq!(receiver.ids(), ["b-0", "a-0", "a-1"]);
    outbox.shut_down().await;
}

#[tokio::test]
async fn what_was_promised_again_is_told_once_whenever_the_first_is_decided() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::taking();
    let finish = |number| entry("a", "post-finish", number);
    let first = outbox.promise(vec![finish(0)], to(&["sink"])).await;
    let second = outbox.promise(vec![finish(1)], to(&["sink"])).await;
    second.unwrap().keep();
    first.unwrap().keep();
    outbox.kept(post("b", 0), &["sink"]).await;
    outbox.deliver_to(&receiver);
    receiver.heard_of(2).await;
    outbox.shut_down().await;
    let mut ids = receiver.ids();
    ids.sort();
    assert_eq!(ids, ["a-1", "b-0"]);
    let inspector = Inspector::open(directory.path()).unwrap();
    assert!(inspector.list(&Filter::default(), 9).unwrap().is_empty());
}

#[tokio::test]
async fn a_promise_that_nobody_waited_for_is_withdrawn() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    {
        let promise = outbox.promise(vec![post("a", 0)], to(&["sink"]));
        let mut promise = std::pin::pin!(promise);
        assert!(futures_util::poll!(&mut promise).is_pending());
    }
    outbox.kept(post("b", 0), &["sink"]).await;
    outbox.shut_down().await;
    let inspector = Inspector::open(directory.path()).unwrap();
    let left = inspector.list(&Filter::default(), 9).unwrap();
    let ids: Vec<_> = left.iter().map(|left| left.event_id.as_str()).collect();
    assert_eq!(ids, ["b-0"]);
}

#[tokio::test]
async fn what_was_undecided_in_the_end_is_undecided_after_the_next_start() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let promise = |entry| outbox.promise(vec![entry], to(&["sink"]));
    let open_ones = [
        promise(post("undecided", 0)).await.unwrap(),
        // Of another moment, which shows that the first one came.
        promise(post("followed", 0)).await.unwrap(),
        promise(entry("followed", "post-finish", 1)).await.unwrap(),
        // Of the same moment, which stands for both.
        promise(entry("again", "post-finish", 0)).await.unwrap(),
        promise(entry("again", "post-finish", 1)).await.unwrap(),
    ];
    outbox.close(LONG).await;
    drop(open_ones);
    drop(outbox);
    let outbox = open(&directory, quick());
    let mut ids: Vec<_> = outbox
        .take_undecided()
        .into_iter()
        .map(|promise| {
            let id = promise.entries().next().unwrap().event_id.clone();
            promise.keep();
            id
        })
        .collect();
    ids.sort();
    assert_eq!(ids, ["again-1", "followed-1", "undecided-0"]);
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(4).await;
    assert_eq!(of_upload(&receiver.ids(), "followed"), [0, 1]);
    assert_eq!(of_upload(&receiver.ids(), "again"), [1]);
    outbox.shut_down().await;
}

#[tokio::test]
async fn what_is_promised_together_is_undecided_together() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let entries = vec![post("a", 0), entry("a", "post-finish", 1)];
    let promise = outbox.promise(entries, to(&["sink"])).await.unwrap();
    outbox.close(LONG).await;
    drop((promise, outbox));
    let outbox = open(&directory, quick());
    assert_eq!(outbox.snapshot().undecided, 2);
    outbox.shut_down().await;
}
