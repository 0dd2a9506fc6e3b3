//! One process after another, and two at once.

use super::*;

#[tokio::test]
async fn two_processes_take_two_slots_and_one_takes_over_from_one_that_is_gone() {
    let directory = TempDir::new().unwrap();
    let (gone, outbox) = (open(&directory, quick()), open(&directory, quick()));
    assert!(directory.path().join("1/outbox.db").exists());
    for number in 0..300 {
        gone.kept(post(&format!("u{}", number % 10), number), &["sink"])
            .await;
    }
    let undecided = gone.promise(vec![post("open", 0)], to(&["sink"]));
    let undecided = undecided.await.unwrap();
    outbox.kept(post("u0", 300), &["sink"]).await;
    gone.close(LONG).await;
    drop((gone, undecided));
    outbox.undecided().await;
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(301).await;
    for upload in 0..10 {
        let numbers = of_upload(&receiver.ids(), &format!("u{upload}"));
        let end = if upload == 0 { 301 } else { 300 };
        let expected: Vec<_> = (upload..end).step_by(10).collect();
        assert_eq!(numbers, expected);
    }
    outbox.take_undecided().pop().unwrap().keep();
    receiver.heard_of(302).await;
    outbox.shut_down().await;
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_after_the_next_start() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::shut();
    outbox.deliver_to(&receiver);
    for number in 0..10 {
        outbox.kept(post("a", number), &["sink"]).await;
    }
    receiver
        .until(|receiver| receiver.running.load(Ordering::SeqCst) == 1)
        .await;
    outbox.close(Duration::ZERO).await;
    let error = outbox.promise(vec![post("b", 0)], to(&["sink"])).await;
    assert!(matches!(error, Err(OutboxError::Closed)));
    drop(outbox);
    let outbox = open(&directory, quick());
    assert_eq!(outbox.of("sink").depth, 10);
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(10).await;
    let numbers = of_upload(&receiver.ids(), "a");
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    outbox.shut_down().await;
}

#[tokio::test]
async fn a_slot_that_cannot_be_read_is_left_and_the_others_are_taken_over() {
    let directory = TempDir::new().unwrap();
    let gone = open(&directory, quick());
    gone.kept(post("a", 0), &["sink"]).await;
    gone.shut_down().await;
    let slot = |number: &str| directory.path().join(number);
    std::fs::rename(slot("0"), slot("2")).unwrap();
    std::fs::create_dir(slot("1")).unwrap();
    std::fs::write(slot("1/outbox.db"), vec![b'x'; 100_000]).unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(1).await;
    assert_eq!(receiver.ids(), ["a-0"]);
    outbox.shut_down().await;
}
