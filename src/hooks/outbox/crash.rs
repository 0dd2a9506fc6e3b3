//! A process that promises and delivers is killed at any moment: what it
//! acknowledged is there.
//!
//! The process is this test binary, which runs [`victim`] and says on its output
//! what it did.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command as Process, Stdio};

use async_trait::async_trait;
use tempfile::TempDir;

use super::*;

/// The victim's directory; without it there is none.
const DIRECTORY: &str = "RUSTUS_TEST_OUTBOX";

const UPLOADS: usize = 32;

/// Set to try long.
const SOAK: &str = "RUSTUS_SOAK";

/// Every fifth event is withdrawn.
const fn is_withdrawn(number: usize) -> bool {
    number % 5 == 4
}

fn entry(upload: usize, number: usize) -> Entry {
    Entry {
        event_id: format!("{upload}-{number}"),
        upload: upload.to_string(),
        kind: "post-create".to_owned(),
        payload: vec![b'x'; 500],
    }
}

fn numbers(id: &str) -> Option<(usize, usize)> {
    let (upload, number) = id.split_once('-')?;
    Some((upload.parse().ok()?, number.parse().ok()?))
}

/// Says what is delivered, to one of its two sinks.
struct Says;

#[async_trait]
impl Deliver for Says {
    async fn deliver(&self, sink: &str, entry: &Entry, _attempt: u32) -> Outcome {
        if sink == "dead" {
            return Outcome::Absent;
        }
        println!("@delivered {}", entry.event_id);
        Outcome::Delivered
    }

    fn at_once(&self, _sink: &str) -> usize {
        usize::MAX
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let outbox = Outbox::open(Path::new(&directory), Config::default()).unwrap();
    let outbox = Arc::new(outbox);
    outbox.start(&Handle::current(), Arc::new(Says));
    // The test's name stands on the line.
    println!();
    let producers = (0..UPLOADS).map(|upload| {
        let outbox = Arc::clone(&outbox);
        tokio::spawn(async move {
            let sinks: Vec<Arc<str>> = vec!["dead".into(), "well".into()];
            for number in 0.. {
                let entries = vec![entry(upload, number)];
                let promise = outbox.promise(entries, sinks.clone()).await.unwrap();
                if is_withdrawn(number) {
                    promise.withdraw();
                } else {
                    println!("@promised {upload}-{number}");
                    promise.keep();
                }
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.unwrap();
    }
}

/// What the victim said.
#[derive(Default)]
struct Said {
    promised: Vec<(usize, usize)>,
    delivered: Vec<(usize, usize)>,
}

fn start(directory: &TempDir) -> Child {
    let (_, module) = module_path!().split_once("::").unwrap();
    Process::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::victim"), "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills the victim after it said that many things.
fn kill_after(mut victim: Child, lines: usize) -> Said {
    let mut output = BufReader::new(victim.stdout.take().unwrap());
    let mut said = Said::default();
    let mut count = 0;
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // The last one may be cut off.
        if line.ends_with('\n') {
            match line.trim_end().split_once(' ') {
                Some(("@promised", id)) => said.promised.extend(numbers(id)),
                Some(("@delivered", id)) => said.delivered.extend(numbers(id)),
                _ => {}
            }
        }
        count += 1;
        if count == lines {
            victim.kill().unwrap();
        }
        line.clear();
    }
    victim.wait().unwrap();
    said
}

/// Notes what is delivered.
#[derive(Default)]
struct Notes(Mutex<BTreeMap<String, Vec<(usize, usize)>>>);

#[async_trait]
impl Deliver for Notes {
    async fn deliver(&self, sink: &str, entry: &Entry, _attempt: u32) -> Outcome {
        let mut notes = self.0.lock().unwrap();
        let of_sink = notes.entry(sink.to_owned()).or_default();
        of_sink.extend(numbers(&entry.event_id));
        Outcome::Delivered
    }

    fn at_once(&self, _sink: &str) -> usize {
        usize::MAX
    }
}

/// What is delivered after the next start.
async fn delivered_after(directory: &TempDir) -> BTreeMap<String, Vec<(usize, usize)>> {
    let outbox = Outbox::open(directory.path(), Config::default()).unwrap();
    for promise in outbox.take_undecided() {
        let happened =
            |entry: &Entry| numbers(&entry.event_id).is_some_and(|(_, n)| !is_withdrawn(n));
        if promise.entries().all(happened) {
            promise.keep();
        } else {
            promise.withdraw();
        }
    }
    let notes = Arc::new(Notes::default());
    outbox.start(&Handle::current(), Arc::clone(&notes) as Arc<dyn Deliver>);
    let is_empty = || {
        let snapshot = outbox.snapshot();
        snapshot.undecided == 0 && snapshot.sinks.iter().all(|sink| sink.depth == 0)
    };
    // A promise comes after all that was decided, so that nothing is overlooked.
    let last = outbox.promise(vec![entry(UPLOADS, 0)], vec!["dead".into()]);
    last.await.unwrap().withdraw();
    while !is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    outbox.close(Duration::from_secs(60)).await;
    Arc::into_inner(notes).unwrap().0.into_inner().unwrap()
}

/// Each upload's events came without a gap and without those withdrawn, as far
/// as they were promised; repetitions aside, in order.
fn check(told: &[(usize, usize)], promised: &[(usize, usize)], what: &str) {
    let told_set: BTreeSet<_> = told.iter().collect();
    for event in promised {
        assert!(told_set.contains(event), "{what}: {event:?} is lost");
    }
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for &(upload, number) in told {
        assert!(
            !is_withdrawn(number),
            "{what}: {upload}-{number} was withdrawn"
        );
        if all.insert((upload, number)) {
            let before = seen.insert(upload, number);
            assert!(before < Some(number), "{what}: {upload}-{number} is late");
        }
    }
}

#[tokio::test]
async fn what_was_promised_survives_a_kill_at_any_moment_in_order() {
    let kills = if std::env::var_os(SOAK).is_some() {
        200
    } else {
        10
    };
    for _ in 0..kills {
        let directory = TempDir::new().unwrap();
        let lines = fastrand::usize(10..6000);
        let said = kill_after(start(&directory), lines);
        assert!(!said.promised.is_empty());
        let mut after = delivered_after(&directory).await;
        check(&after.remove("dead").unwrap(), &said.promised, "dead");
        let mut well = said.delivered;
        well.extend(after.remove("well").unwrap_or_default());
        check(&well, &said.promised, "well");
    }
}
