//! The outbox as a whole, over a real directory.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::{Notify, Semaphore};

use super::*;

mod bounds;
mod delivery;
mod operator;
mod processes;
mod undecided;

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
    at_once: AtomicUsize,
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
            at_once: AtomicUsize::new(usize::MAX),
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

    fn at_once(&self, _sink: &str) -> usize {
        self.at_once.load(Ordering::SeqCst)
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
