//! What is kept is delivered.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use super::*;

#[tokio::test]
async fn a_kept_promise_is_delivered_and_gone() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    outbox.kept(post("a", 0), &["one", "two"]).await;
    receiver.heard_of(2).await;
    let heard: HashSet<_> = receiver.heard().into_iter().collect();
    let expected = ["one", "two"].map(|sink| (sink.to_owned(), "a-0".to_owned(), 1));
    assert_eq!(heard, HashSet::from(expected));
    outbox.shut_down().await;
    let inspector = Inspector::open(directory.path()).unwrap();
    assert_eq!(inspector.list(&Filter::default(), 10).unwrap(), []);
    assert_eq!(inspector.show("a-0").unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_are_told_of_at_once_and_each_in_order() {
    let directory = TempDir::new().unwrap();
    let outbox = Arc::new(open(&directory, quick()));
    // Every third attempt fails, so that events are repeated all the time.
    let receiver = Receiver::new(|_, entry, attempt| {
        if attempt == 1 && entry.event_id.ends_with('3') {
            retry("busy")
        } else {
            Outcome::Delivered
        }
    });
    outbox.deliver_to(&receiver);
    let producers = (0..50).map(|upload| {
        let outbox = Arc::clone(&outbox);
        tokio::spawn(async move {
            for number in 0..20 {
                outbox
                    .kept(post(&format!("u{upload}"), number), &["sink"])
                    .await;
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.unwrap();
    }
    receiver.heard_of(50 * 20 + 50 * 2).await;
    let ids = receiver.ids();
    for upload in 0..50 {
        let mut numbers = of_upload(&ids, &format!("u{upload}"));
        numbers.dedup();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    }
    assert_eq!(outbox.of("sink").retried, [("busy".to_owned(), 100)].into());
    outbox.close(LONG).await;
}

#[tokio::test]
async fn as_many_uploads_as_configured_are_delivered_at_once() {
    let directory = TempDir::new().unwrap();
    let config = Config {
        concurrency: 5,
        ..quick()
    };
    let outbox = open(&directory, config);
    let receiver = Receiver::shut();
    outbox.deliver_to(&receiver);
    for upload in 0..20 {
        outbox.kept(post(&format!("u{upload}"), 0), &["sink"]).await;
    }
    receiver
        .until(|receiver| receiver.running.load(Ordering::SeqCst) == 5)
        .await;
    receiver.gate.add_permits(1);
    receiver.heard_of(20).await;
    assert_eq!(receiver.most_running.load(Ordering::SeqCst), 5);
    outbox.shut_down().await;
}

#[tokio::test]
async fn a_sink_is_brought_no_more_at_once_than_it_takes() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::shut();
    receiver.at_once.store(3, Ordering::SeqCst);
    outbox.deliver_to(&receiver);
    for upload in 0..20 {
        outbox.kept(post(&format!("u{upload}"), 0), &["sink"]).await;
    }
    receiver
        .until(|receiver| receiver.running.load(Ordering::SeqCst) == 3)
        .await;
    receiver.gate.add_permits(1);
    receiver.heard_of(20).await;
    assert_eq!(receiver.most_running.load(Ordering::SeqCst), 3);
    outbox.shut_down().await;
}

#[tokio::test]
async fn a_dead_sink_delays_no_other_and_no_promise() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::new(|sink, _, _| match sink {
        "dead" => retry("unreachable"),
        _ => Outcome::Delivered,
    });
    outbox.deliver_to(&receiver);
    for number in 0..300 {
        outbox
            .kept(
                post(&format!("u{}", number % 30), number),
                &["dead", "well"],
            )
            .await;
    }
    receiver
        .until(|receiver| {
            let heard = receiver.heard();
            heard.iter().filter(|(sink, ..)| sink == "well").count() == 300
        })
        .await;
    eventually(|| outbox.of("well").depth == 0).await;
    assert_eq!(outbox.of("dead").depth, 300);
    eventually(|| outbox.of("dead").is_down).await;
    outbox.shut_down().await;
}

#[tokio::test]
async fn an_event_past_its_deadline_is_a_dead_letter_and_the_next_goes_on() {
    let directory = TempDir::new().unwrap();
    let config = Config {
        deadline: Duration::ZERO,
        ..quick()
    };
    let outbox = open(&directory, config);
    let receiver = Receiver::new(|_, entry, _| match entry.event_id.as_str() {
        "a-0" => retry("busy"),
        _ => Outcome::Delivered,
    });
    outbox.deliver_to(&receiver);
    outbox.kept(post("a", 0), &["sink"]).await;
    outbox.kept(post("a", 1), &["sink"]).await;
    receiver
        .until(|receiver| receiver.ids().contains(&"a-1".to_owned()))
        .await;
    eventually(|| outbox.of("sink").dead_letters == 1).await;
    outbox.shut_down().await;
}

#[tokio::test]
async fn an_absent_plugin_is_waited_for_and_no_attempt() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let there = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::new({
        let there = Arc::clone(&there);
        move |_, _, _| match there.load(Ordering::SeqCst) {
            true => Outcome::Delivered,
            false => Outcome::Absent,
        }
    });
    outbox.deliver_to(&receiver);
    outbox.kept(post("a", 0), &["sink"]).await;
    receiver.heard_of(3).await;
    there.store(true, Ordering::SeqCst);
    outbox.retry_now("sink");
    eventually(|| outbox.of("sink").depth == 0).await;
    assert!(receiver.heard().iter().all(|(_, _, attempt)| *attempt == 1));
    outbox.shut_down().await;
}

#[tokio::test]
async fn a_panic_of_a_delivery_is_a_failure_like_another() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::new(|_, _, attempt| {
        assert!(attempt > 1, "the first one panics");
        Outcome::Delivered
    });
    outbox.deliver_to(&receiver);
    outbox.kept(post("a", 0), &["sink"]).await;
    receiver.heard_of(1).await;
    eventually(|| outbox.of("sink").depth == 0).await;
    assert_eq!(outbox.of("sink").retried, [("panic".to_owned(), 1)].into());
    outbox.shut_down().await;
}

#[tokio::test]
async fn a_copy_is_delivered_in_its_place() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    for number in 0..10 {
        if number % 2 == 0 {
            outbox.enqueue(post("a", number), &to(&["sink"])).unwrap();
        } else {
            outbox.kept(post("a", number), &["sink"]).await;
        }
    }
    receiver.heard_of(10).await;
    let numbers = of_upload(&receiver.ids(), "a");
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    outbox.shut_down().await;
}

#[tokio::test]
async fn the_latest_progress_is_told_after_what_came_before_and_not_after_the_end() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::shut();
    outbox.deliver_to(&receiver);
    let progress = |upload, number| {
        let entry = entry(upload, "post-receive", number);
        outbox.progress(entry, &to(&["sink"]));
    };
    outbox.kept(post("a", 0), &["sink"]).await;
    outbox.kept(post("b", 0), &["sink"]).await;
    receiver
        .until(|receiver| receiver.running.load(Ordering::SeqCst) == 2)
        .await;
    for number in 1..5 {
        progress("a", number);
        progress("b", number);
    }
    outbox.kept(entry("b", "post-finish", 5), &["sink"]).await;
    eventually(|| outbox.of("sink").depth == 3).await;
    receiver.gate.add_permits(1);
    receiver.heard_of(4).await;
    outbox.shut_down().await;
    assert_eq!(of_upload(&receiver.ids(), "a"), [0, 4]);
    assert_eq!(of_upload(&receiver.ids(), "b"), [0, 5]);
}
