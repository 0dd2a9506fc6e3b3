//! The outbox as a whole, over a real directory.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::{Notify, Semaphore};

use super::*;

/// Longer than any test; what is awaited comes or the test hangs visibly.
const LONG: Duration = Duration::from_secs(60);

/// What a test's sinks do with an event: by sink, entry, attempt.
type Answer = dyn Fn(&str, &Entry, u32) -> Outcome + Send + Sync;

/// A sink that notes what it is told.
struct Receiver {
    answer: Box<Answer>,
    heard: Mutex<Vec<(String, Entry, u32)>>,
    changed: Notify,
    gate: Semaphore,
    running: AtomicUsize,
    most_running: AtomicUsize,
}

impl Receiver {
    fn new(answer: impl Fn(&str, &Entry, u32) -> Outcome + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            heard: Mutex::default(),
            changed: Notify::new(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
        })
    }

    fn taking() -> Arc<Self> {
        Self::new(|_, _, _| Outcome::Delivered)
    }

    /// One that takes nothing before its gate opens.
    fn shut() -> Arc<Self> {
        let receiver = Self::taking();
        receiver.gate.forget_permits(Semaphore::MAX_PERMITS);
        receiver
    }

    fn heard(&self) -> Vec<(String, String, u32)> {
        let heard = self.heard.lock().unwrap();
        let event = |(sink, entry, attempt): &(String, Entry, u32)| {
            (sink.clone(), entry.event_id.clone(), *attempt)
        };
        heard.iter().map(event).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.heard().into_iter().map(|(_, id, _)| id).collect()
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if holds(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(LONG, wait).await.unwrap();
    }

    async fn heard_of(&self, count: usize) {
        self.until(|receiver| receiver.heard.lock().unwrap().len() >= count)
            .await;
    }
}

#[async_trait]
impl Deliver for Receiver {
    async fn deliver(&self, sink: &str, entry: &Entry, attempt: u32) -> Outcome {
        let running = 1 + self.running.fetch_add(1, Ordering::SeqCst);
        self.most_running.fetch_max(running, Ordering::SeqCst);
        self.changed.notify_waiters();
        self.gate.acquire().await.unwrap().forget();
        self.gate.add_permits(1);
        tokio::task::yield_now().await;
        let outcome = (self.answer)(sink, entry, attempt);
        self.running.fetch_sub(1, Ordering::SeqCst);
        let heard = (sink.to_owned(), entry.clone(), attempt);
        self.heard.lock().unwrap().push(heard);
        self.changed.notify_waiters();
        outcome
    }
}

fn quick() -> Config {
    Config {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
        ..Config::default()
    }
}

fn open(directory: &TempDir, config: Config) -> Outbox {
    Outbox::open(directory.path(), config).unwrap()
}

fn entry(upload: &str, kind: &str, number: usize) -> Entry {
    Entry {
        event_id: format!("{upload}-{number}"),
        upload: upload.to_owned(),
        kind: kind.to_owned(),
        payload: vec![b'x'; 100],
    }
}

fn post(upload: &str, number: usize) -> Entry {
    entry(upload, "post-create", number)
}

fn to(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn retry(cause: &str) -> Outcome {
    Outcome::Retry {
        after: None,
        cause: cause.to_owned(),
        text: "try again".to_owned(),
    }
}

fn permanent() -> Outcome {
    Outcome::Permanent {
        cause: "refused".to_owned(),
        text: "never".to_owned(),
    }
}

impl Outbox {
    fn deliver_to(&self, receiver: &Arc<Receiver>) {
        self.start(&Handle::current(), Arc::clone(receiver) as Arc<dyn Deliver>);
    }

    async fn kept(&self, entry: Entry, sinks: &[&str]) {
        self.promise(vec![entry], to(sinks)).await.unwrap().keep();
    }

    fn of(&self, sink: &str) -> SinkSnapshot {
        let sinks = self.snapshot().sinks;
        sinks.into_iter().find(|of| of.sink == sink).unwrap()
    }

    async fn shut_down(self) {
        self.close(LONG).await;
    }
}

/// For what the writer's thread does in its own time.
async fn eventually(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap();
}

/// The ids that one upload's events were heard in.
fn of_upload(ids: &[String], upload: &str) -> Vec<usize> {
    let number = |id: &String| {
        let (of, number) = id.rsplit_once('-')?;
        (of == upload).then(|| number.parse().ok())?
    };
    ids.iter().filter_map(number).collect()
}

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
async fn a_dropped_promise_is_settled_by_its_owner_and_holds_back_later_events() {
    let directory = TempDir::new().unwrap();
    let outbox = open(&directory, quick());
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    let promise = outbox.promise(vec![post("a", 0)], to(&["sink"]));
    drop(promise.await.unwrap());
    outbox.undecided().await;
    outbox.kept(post("a", 1), &["sink"]).await;
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
async fn two_processes_take_two_slots_and_one_takes_over_from_one_that_is_gone() {
    let directory = TempDir::new().unwrap();
    let (gone, outbox) = (open(&directory, quick()), open(&directory, quick()));
    assert!(directory.path().join("1/outbox.db").exists());
    for number in 0..1000 {
        gone.kept(post(&format!("u{}", number % 10), number), &["sink"])
            .await;
    }
    let undecided = gone.promise(vec![post("open", 0)], to(&["sink"]));
    let undecided = undecided.await.unwrap();
    outbox.kept(post("u0", 1000), &["sink"]).await;
    gone.close(LONG).await;
    drop((gone, undecided));
    outbox.undecided().await;
    let receiver = Receiver::taking();
    outbox.deliver_to(&receiver);
    receiver.heard_of(1001).await;
    for upload in 0..10 {
        let numbers = of_upload(&receiver.ids(), &format!("u{upload}"));
        let end = if upload == 0 { 1001 } else { 1000 };
        let expected: Vec<_> = (upload..end).step_by(10).collect();
        assert_eq!(numbers, expected);
    }
    outbox.take_undecided().pop().unwrap().keep();
    receiver.heard_of(1002).await;
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
