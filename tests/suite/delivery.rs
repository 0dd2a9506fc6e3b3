//! Every event that was promised arrives, in order for its upload, while the
//! broker and the server die in between.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::guarded::free_port;
use crate::harness::guests::install;
use crate::harness::kafka::{Kafka, Record};
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header};
use crate::harness::{eventually, eventually_as_it_grows, rounds};

const TYPE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// Creates an upload and finishes it, whatever dies meanwhile. `None` if the
/// creation was not acknowledged.
fn finished_upload(tus: &Tus) -> Option<String> {
    let created = tus.try_send("POST", tus.files(), &[("Upload-Length", "3")], "");
    let created = created.ok().filter(|answer| answer.status() == 201)?;
    let url = tus.location(&created);
    loop {
        let Some(offset) = offset(tus, &url) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        let rest = "abc".get(offset..).unwrap();
        let offset = offset.to_string();
        let fields = [("Upload-Offset", offset.as_str()), TYPE];
        let answer = tus.try_send("PATCH", &url, &fields, rest);
        if answer.is_ok_and(|answer| answer.status() == 204) {
            return Some(id(&url).to_owned());
        }
    }
}

fn offset(tus: &Tus, url: &str) -> Option<usize> {
    let answer = tus.try_send("HEAD", url, &[], "").ok()?;
    (answer.status() == 200).then(|| header(&answer, "upload-offset").parse().unwrap())
}

/// The events of each upload, each once, in the order in which they lie there.
/// The same event always has the same id.
fn heard(records: &[Record]) -> BTreeMap<String, Vec<String>> {
    let mut ids = BTreeMap::new();
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in records {
        let upload = record.key.clone().unwrap();
        let (name, event) = (&record.headers["hook-name"], &record.headers["event-id"]);
        let first = ids.insert((upload.clone(), name.clone()), event.clone());
        match first {
            Some(first) => assert_eq!(&first, event, "{name} of {upload}"),
            None => heard.entry(upload).or_default().push(name.clone()),
        }
    }
    heard
}

#[test]
fn every_promised_event_arrives_while_server_and_broker_are_killed() {
    let Some(mut kafka) = Kafka::start() else {
        return;
    };
    kafka.create_topic("all", 1);
    let port = free_port().to_string();
    let setup = Setup::new().with_port(&port).arguments(&[
        "--hooks-kafka-urls",
        &kafka.bootstrap(),
        "--hooks-kafka-topic",
        "all",
        "--hooks",
        "post-create,post-finish",
    ]);
    let all = rounds(10_000, 200);
    let begun = AtomicUsize::new(0);
    let uploads = Mutex::new(Vec::new());
    let mut server = setup.start();
    let files = server.files();
    let server = thread::scope(|scope| {
        let load = || {
            while begun.fetch_add(1, Ordering::Relaxed) < all {
                let tus = Tus::new(files.clone());
                uploads.lock().unwrap().extend(finished_upload(&tus));
            }
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(load)).collect();
        let mut random = fastrand::Rng::new();
        let mut deaths = 0;
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(random.u64(50..500)));
            server.kill();
            server = setup.start();
            deaths += 1;
            if deaths % 10 == 3 {
                kafka.kill();
                kafka.restart();
            }
        }
        eprintln!("the server was killed {deaths} times");
        server
    });
    let uploads = uploads.into_inner().unwrap();
    assert!(!uploads.is_empty());
    let complete = |heard: &BTreeMap<String, Vec<String>>| {
        let both = ["post-create".to_owned(), "post-finish".to_owned()];
        uploads
            .iter()
            .all(|id| heard.get(id).is_some_and(|events| *events == both))
    };
    let what = "both events of every upload are there, in order";
    eventually_as_it_grows(
        what,
        || kafka.count("all"),
        || kafka.count("all") >= 2 * uploads.len() && complete(&heard(&kafka.records("all"))),
    );
    drop(server);
}

/// The most memory that the server has had, in KiB.
fn peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let words = line.unwrap().split_whitespace().nth(1);
    words.unwrap().parse().unwrap()
}

#[test]
fn what_waits_for_a_broker_that_is_down_takes_no_memory_and_all_arrives() {
    let Some(mut kafka) = Kafka::start() else {
        return;
    };
    kafka.create_topic("waiting", 1);
    kafka.stop();
    let setup = Setup::new().arguments(&[
        "--log-level",
        "info",
        "--hooks-kafka-urls",
        &kafka.bootstrap(),
        "--hooks-kafka-topic",
        "waiting",
        "--hooks",
        "post-finish",
    ]);
    let server = setup.start();
    let share = |count: usize| {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let tus = Tus::new(server.files());
                    for _ in 0..count / 8 {
                        tus.create(0);
                    }
                });
            }
        });
    };
    let all = rounds(100_000, 4_000);
    // By then its buffers are as large as they get.
    share(2_000);
    let before = peak(&server);
    share(all - 2_000);
    let grown = peak(&server) - before;
    assert!(grown < 16 * 1024, "{grown} KiB more for {all} events");
    kafka.restart();
    eventually_as_it_grows(
        "all of them arrive",
        || kafka.count("waiting"),
        || kafka.count("waiting") >= all && heard(&kafka.records("waiting")).len() == all,
    );
}

#[test]
fn of_two_sinks_one_is_dead_and_the_other_gets_all() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut rabbitmq) = RabbitMq::start() else {
        return;
    };
    kafka.create_topic("alive", 1);
    let setup = Setup::new().with_hooks().arguments(&[
        "--hooks-kafka-urls",
        &kafka.bootstrap(),
        "--hooks-kafka-topic",
        "alive",
        "--hooks-amqp-url",
        &rabbitmq.url(),
        "--hooks-amqp-routing-key",
        "dead",
        "--hooks-amqp-declare-exchange",
        "--hooks-amqp-declare-queues",
        "--hooks",
        "post-finish",
    ]);
    install(&setup.hooks_dir(), "log-events", "local");
    rabbitmq.stop();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let urls: Vec<String> = (0..100).map(|_| tus.create(0)).collect();
    eventually("the one that lives has all", || {
        let heard = heard(&kafka.records("alive"));
        urls.iter().all(|url| heard.contains_key(id(url)))
    });
    rabbitmq.restart();
    eventually("the other has them when it is back", || {
        rabbitmq.client().waiting("dead") == Some(100)
    });
}
