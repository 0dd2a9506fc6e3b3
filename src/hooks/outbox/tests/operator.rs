//! What an operator does meanwhile.

use std::sync::atomic::AtomicBool;

use super::*;

#[tokio::test]
async fn a_dead_letter_is_shown_and_replayed_while_the_server_runs() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let works = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::new({
        let works = Arc::clone(&works);
        move |_, entry, _| match entry.event_id.as_str() {
            "a-0" if !works.load(Ordering::SeqCst) => permanent(),
            _ => Outcome::Delivered,
        }
    });
    outbox.deliver_to(&receiver);
    outbox.kept(post("a", 0), &["sink"]).await;
    outbox.kept(post("a", 1), &["sink"]).await;
    receiver.heard_of(2).await;
    eventually(|| outbox.of("sink").dead_letters == 1).await;
    let mut inspector = Inspector::open(directory.path()).unwrap();
    eventually(|| inspector.list(&Filter::default(), 9).unwrap().len() == 1).await;
    let shown = inspector.show("a-0").unwrap().unwrap();
    assert_eq!(shown.entry, post("a", 0));
    let delivery = shown.deliveries.first().unwrap();
    assert_eq!((delivery.state, delivery.attempts), (State::Dead, 1));
    assert_eq!(delivery.cause.as_deref(), Some("refused"));
    works.store(true, Ordering::SeqCst);
    assert_eq!(inspector.replay(&Filter::default()).unwrap(), 1);
    receiver.heard_of(3).await;
    assert_eq!(receiver.ids(), ["a-0", "a-1", "a-0"]);
    eventually(|| inspector.list(&Filter::default(), 9).unwrap().is_empty()).await;
    assert_eq!(outbox.of("sink").dead_letters, 0);
    outbox.shut_down().await;
}

#[tokio::test]
async fn what_an_operator_drops_is_not_delivered() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    for number in 0..3 {
        outbox.kept(post("a", number), &["one", "two"]).await;
    }
    let mut inspector = Inspector::open(directory.path()).unwrap();
    eventually(|| {
        let pending = Filter {
            state: Some(State::Pending),
            ..Filter::default()
        };
        inspector.list(&pending, 9).unwrap().len() == 6
    })
    .await;
    let one = Filter {
        sink: Some("one".to_owned()),
        event: Some("a-1".to_owned()),
        state: None,
    };
    assert_eq!(inspector.drop(&one).unwrap(), 1);
    eventually(|| outbox.of("one").depth == 2).await;
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(5).await;
    outbox.shut_down().await;
    let missing = ("one".to_owned(), "a-1".to_owned(), 1);
    assert!(!receiver.heard().contains(&missing));
    assert_eq!(receiver.heard().len(), 5);
}
