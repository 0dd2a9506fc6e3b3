//! The sink `kafka`: what a real broker gets, and what happens when it is away,
//! refuses, or is spoken to in the wrong way.

mod tls;

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::harness::eventually;
use crate::harness::guarded::free_port;
use crate::harness::guests::{install, replace};
use crate::harness::kafka::{Batch, Kafka, Record};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

/// A server that sends to `brokers` and is otherwise as `flags` say.
fn sending_to(brokers: &str, flags: &[&str]) -> Setup {
    Setup::new()
        .arguments(&["--hooks-kafka-urls", brokers])
        .arguments(flags)
}

fn start(kafka: &Kafka, flags: &[&str]) -> (Server, Tus) {
    let server = sending_to(&kafka.bootstrap(), flags).start();
    let tus = Tus::new(server.files());
    (server, tus)
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// Creates, appends twice, finishes and removes an upload; its id.
fn a_life(tus: &Tus) -> String {
    let url = tus.create(6);
    for (offset, bytes) in [(0, "ab"), (2, "cd"), (4, "ef")] {
        assert_eq!(tus.patch(&url, offset, bytes).status(), 204);
    }
    assert_eq!(tus.delete(&url).status(), 204);
    id(&url).to_owned()
}

/// The events of one upload, in the order in which they lie there, each once.
fn events(records: &[Record], upload: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut names = Vec::new();
    for record in records {
        if record.key.as_deref() == Some(upload) && !ids.contains(&record.headers["event-id"]) {
            ids.push(record.headers["event-id"].clone());
            names.push(record.headers["hook-name"].clone());
        }
    }
    names
}

/// Without those that say how far it is: the latest stands for those before.
fn milestones(records: &[Record], upload: &str) -> Vec<String> {
    let mut names = events(records, upload);
    names.retain(|name| name != "post-receive");
    names
}

const LIFE: [&str; 5] = [
    "pre-create",
    "post-create",
    "post-finish",
    "pre-terminate",
    "post-terminate",
];

#[test]
fn an_event_has_its_upload_as_key_and_says_what_it_is() {
    let Some(kafka) = Kafka::shared() else { return };
    let (_server, tus) = start(kafka, &["--hooks-kafka-topic", "one-message"]);
    let pairs = [("filename", "a.txt"), ("empty", "")];
    let url = tus.location(&tus.create_with(3, &pairs));
    let records = kafka.wait_for("one-message", 2);
    let created = &records[1];
    assert_eq!(created.key.as_deref(), Some(id(&url)));
    let names: Vec<&str> = created.headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["content-type", "event-id", "hook-name"]);
    assert_eq!(created.headers["content-type"], "application/json");
    assert_eq!(created.headers["hook-name"], "post-create");
    let event = created.headers["event-id"].parse::<uuid::Uuid>().unwrap();
    assert_eq!(event.get_version_num(), 7);
    let json = created.json();
    assert_eq!(json["upload"]["id"], id(&url));
    assert_eq!(json["upload"]["length"], 3);
    assert_eq!(json["upload"]["metadata"]["filename"], "a.txt");
    assert_eq!(json["upload"]["metadata"]["empty"], "");
    assert_eq!(json["request"]["URI"], "/files");
    assert_eq!(json["request"]["method"], "POST");
}

#[test]
fn all_events_of_an_upload_come_in_their_order_also_those_that_block() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.create_topic("life", 3);
    let (_server, tus) = start(kafka, &["--hooks-kafka-topic", "life"]);
    let uploads: Vec<String> = (0..10).map(|_| a_life(&tus)).collect();
    let complete = || {
        let records = kafka.records("life");
        uploads.iter().all(|id| milestones(&records, id) == LIFE)
    };
    eventually("every event of every upload is there", complete);
    let records = kafka.records("life");
    for upload in &uploads {
        let names = events(&records, upload);
        let progress = names.iter().position(|name| name == "post-receive");
        assert!(progress.is_none_or(|place| place == 2), "{names:?}");
        let of_it = records.iter().filter(|r| r.key.as_ref() == Some(upload));
        let partitions: Vec<i32> = of_it.map(|record| record.partition).collect();
        assert!(partitions.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn the_topic_is_the_one_of_the_flag_or_made_of_the_prefix_or_the_name_of_the_event() {
    let Some(kafka) = Kafka::start() else { return };
    let hooks = ["--hooks", "pre-create,post-create"];
    let topic = ["--hooks-kafka-topic", "everything"];
    let prefix = ["--hooks-kafka-prefix", "my"];
    let mut expected: Vec<&str> = Vec::new();
    for (flags, topics) in [
        (vec![], &["post-create", "pre-create"][..]),
        (prefix.to_vec(), &["my-post-create", "my-pre-create"]),
        ([topic, prefix].concat(), &["everything"]),
    ] {
        let (server, tus) = start(&kafka, &[&hooks[..], &flags].concat());
        let url = tus.create(3);
        expected.extend(topics);
        expected.sort_unstable();
        eventually("the topics are there", || kafka.topics() == expected);
        for topic in topics {
            let records = kafka.wait_for(topic, 2 / topics.len());
            assert!(records.iter().all(|r| r.key.as_deref() == Some(id(&url))));
            for record in records.iter().filter(|_| topics.len() == 2) {
                assert!(topic.ends_with(&record.headers["hook-name"]), "{record:?}");
            }
        }
        let warned = server.log().contains("--hooks-kafka-prefix is ignored");
        assert_eq!(warned, flags.len() == 4, "{}", server.log());
    }
}

#[test]
fn the_example_of_the_reference_runs_as_it_stands_there() {
    let Some(kafka) = Kafka::shared() else { return };
    let (_server, tus) = start(
        kafka,
        &[
            "--hooks-kafka-client-id",
            "client-1",
            "--hooks-kafka-topic",
            "example",
            "--hooks-kafka-prefix",
            "my-prefix",
            "--hooks-kafka-required-acks",
            "--hooks-kafka-compression",
            "none",
            "--hooks-kafka-idle-timeout",
            "10",
            "--hooks-kafka-send-timeout",
            "10",
            "--hooks-kafka-extra-options",
            "allow.auto.create.topics=true;security.protocol=plaintext",
        ],
    );
    tus.create(3);
    kafka.wait_for("example", 2);
}

#[test]
fn every_flag_has_a_variable() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.create_topic("variables", 1);
    let server = Setup::new()
        .variable("RUSTUS_HOOKS_KAFKA_URLS", &kafka.bootstrap())
        .variable("RUSTUS_HOOKS_KAFKA_CLIENT_ID", "client-1")
        .variable("RUSTUS_HOOKS_KAFKA_TOPIC", "variables")
        .variable("RUSTUS_HOOKS_KAFKA_PREFIX", "pref")
        .variable("RUSTUS_HOOKS_KAFKA_REQUIRED_ACKS", "1")
        .variable("RUSTUS_HOOKS_KAFKA_COMPRESSION", "gzip")
        .variable("RUSTUS_HOOKS_KAFKA_IDLE_TIMEOUT", "10")
        .variable("RUSTUS_HOOKS_KAFKA_SEND_TIMEOUT", "10")
        .variable(
            "RUSTUS_HOOKS_KAFKA_EXTRA_OPTIONS",
            "allow.auto.create.topics=true;security.protocol=plaintext",
        )
        .start();
    let tus = Tus::new(server.files());
    tus.create_with(3, &[("filename", &"a".repeat(1000))]);
    kafka.wait_for("variables", 2);
    let batches = kafka.batches("variables");
    let expected = Batch {
        codec: 1,
        idempotent: false,
    };
    assert!(
        batches.iter().all(|batch| *batch == expected),
        "{batches:?}"
    );
}

#[test]
fn messages_are_compressed_as_the_flag_says_and_repetitions_can_be_recognised() {
    let Some(kafka) = Kafka::shared() else { return };
    for (number, codec) in [
        (1, "gzip"),
        (2, "snappy"),
        (3, "lz4"),
        (4, "zstd"),
        (0, "none"),
    ] {
        let topic = format!("codec-{codec}");
        let flags = [
            "--hooks-kafka-compression",
            codec,
            "--hooks-kafka-topic",
            &topic,
        ];
        let (_server, tus) = start(kafka, &flags);
        let long = "a".repeat(1000);
        tus.create_with(3, &[("filename", &long)]);
        let records = kafka.wait_for(&topic, 2);
        assert_eq!(records[0].json()["upload"]["metadata"]["filename"], long);
        let expected = Batch {
            codec: number,
            idempotent: true,
        };
        let batches = kafka.batches(&topic);
        assert!(
            batches.iter().all(|batch| *batch == expected),
            "{batches:?}"
        );
    }
}

#[test]
fn the_broker_sees_the_client_its_acknowledgements_and_that_it_leaves() {
    let requests = "-Dorg.slf4j.simpleLogger.log.kafka.request.logger=debug";
    let Some(kafka) = Kafka::start_with("", &[requests]) else {
        return;
    };
    // What the broker was asked by this client to keep.
    let asked = |client: &str| -> Vec<String> {
        let log = kafka.process().log();
        let lines = log.lines().filter(|line| {
            line.contains("\"requestApiKeyName\":\"PRODUCE\"")
                && line.contains(&format!("\"clientId\":\"{client}\""))
        });
        let acks = lines.filter_map(|line| line.split("\"acks\":").nth(1)?.split(',').next());
        acks.map(str::to_owned).collect()
    };
    for (client, flags, acks, idempotent) in [
        ("rustus", &[][..], "-1", true),
        ("bare", &["--hooks-kafka-required-acks"], "-1", true),
        ("one", &["--hooks-kafka-required-acks", "1"], "1", false),
        ("none", &["--hooks-kafka-required-acks=0"], "0", false),
        ("minus", &["--hooks-kafka-required-acks", "-1"], "-1", true),
        (
            "extra",
            &["--hooks-kafka-extra-options", "acks=1"],
            "1",
            false,
        ),
    ] {
        let named = ["--hooks-kafka-client-id", client];
        let named = if client == "rustus" { &[][..] } else { &named };
        let topic = format!("acks-{client}");
        let topic_flags = ["--hooks-kafka-topic", &topic];
        let (server, tus) = start(&kafka, &[named, &topic_flags, flags].concat());
        tus.create(3);
        kafka.wait_for(&topic, 2);
        eventually("the broker was asked", || !asked(client).is_empty());
        let asked = asked(client);
        assert!(
            asked.iter().all(|asked| asked == acks),
            "{client}: {asked:?}"
        );
        let batches = kafka.batches(&topic);
        assert!(batches.iter().all(|batch| batch.idempotent == idempotent));
        let warned = server
            .log()
            .contains("the Kafka producer is not idempotent");
        assert_eq!(warned, !idempotent, "{}", server.log());
    }
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let Some(kafka) = Kafka::shared() else { return };
    let flags = [
        "--hooks-kafka-topic",
        "idle",
        "--hooks-kafka-idle-timeout",
        "1",
        "--hooks-kafka-extra-options",
        "debug=broker",
    ];
    let (server, tus) = start(kafka, &flags);
    tus.create(3);
    kafka.wait_for("idle", 2);
    let line = server.wait_for_log("onnection max idle time exceeded");
    assert!(line.contains("plugin=\"kafka\""), "{line}");
    // And is made again.
    tus.create(3);
    kafka.wait_for("idle", 4);
}

#[test]
fn an_attempt_ends_after_its_time_and_is_repeated() {
    let Some(kafka) = Kafka::start() else { return };
    kafka.create_topic("slow", 1);
    let flags = ["--hooks-kafka-topic", "slow", "--hooks-kafka-send-timeout"];
    let (patient, patient_tus) = start(&kafka, &[&flags[..], &["600"]].concat());
    let (hasty, hasty_tus) = start(&kafka, &[&flags[..], &["1"]].concat());
    kafka.process().freeze();
    let urls = [patient_tus.create(3), hasty_tus.create(3)];
    let line = hasty.wait_for_log("the Kafka cluster does not take messages");
    assert!(line.contains("cause=\"unavailable\""), "{line}");
    assert!(line.contains("see that the brokers run"), "{line}");
    kafka.process().thaw();
    eventually("all events arrive", || {
        let records = kafka.records("slow");
        let created = ["pre-create", "post-create"];
        urls.iter()
            .all(|url| milestones(&records, id(url)) == created)
    });
    assert!(!patient.log().contains("does not take messages"));
}

#[test]
fn an_option_that_librdkafka_does_not_know_ends_the_start() {
    for (flags, parts) in [
        (
            ["--hooks-kafka-extra-options", "lingr.ms=5"],
            ["`lingr.ms`", "No such configuration property"],
        ),
        (
            ["--hooks-kafka-extra-options", "linger.ms=soon"],
            ["`linger.ms`", "Invalid value"],
        ),
        (
            [
                "--hooks-kafka-extra-options",
                "acks=1;enable.idempotence=true",
            ],
            ["do not go together", "acks"],
        ),
        (
            [
                "--hooks-kafka-extra-options",
                "security.protocol=ssl;ssl.ca.location=/no",
            ],
            ["do not go together", "ssl.ca.location"],
        ),
        (
            ["--hooks-kafka-compression", "rar"],
            ["gzip, snappy, lz4 or zstd", "--hooks-kafka-compression"],
        ),
        (
            ["--hooks-kafka-topic", "a/b"],
            ["--hooks-kafka-topic", "\"a/b\""],
        ),
    ] {
        let (status, said) = sending_to("127.0.0.1:9092", &flags).run();
        assert_eq!(status.code(), Some(2), "{said}");
        for part in parts {
            assert!(said.contains(part), "{said}");
        }
    }
}

#[test]
fn a_dead_broker_beside_one_that_lives_is_no_loss() {
    let Some(kafka) = Kafka::shared() else { return };
    let brokers = format!("127.0.0.1:{}, {}", free_port(), kafka.bootstrap());
    let server = sending_to(&brokers, &["--hooks-kafka-topic", "second"]).start();
    Tus::new(server.files()).create(3);
    kafka.wait_for("second", 2);
}

#[test]
fn uploads_go_on_while_no_broker_runs_and_what_they_told_arrives_when_one_does() {
    let Some(mut kafka) = Kafka::start() else {
        return;
    };
    kafka.stop();
    let flags = [
        "--hooks-kafka-topic",
        "late",
        "--hooks-kafka-send-timeout",
        "1",
    ];
    let (server, tus) = start(&kafka, &flags);
    let uploads: Vec<String> = (0..20).map(|_| a_life(&tus)).collect();
    let line = server.wait_for_log("a Kafka broker cannot be used");
    assert!(line.contains("plugin=\"kafka\""), "{line}");
    assert!(line.contains("Connection refused"), "{line}");
    let line = server.wait_for_log("the Kafka cluster does not take messages");
    assert!(line.contains("Connect"), "{line}");
    kafka.restart();
    eventually("every event arrives", || {
        let records = kafka.records("late");
        uploads.iter().all(|id| milestones(&records, id) == LIFE)
    });
    server.wait_for_log("the Kafka cluster takes messages again");
}

#[test]
fn a_broker_that_is_killed_under_load_loses_no_event() {
    let Some(mut kafka) = Kafka::start() else {
        return;
    };
    kafka.create_topic("load", 3);
    let flags = [
        "--hooks-kafka-topic",
        "load",
        "--hooks-kafka-send-timeout",
        "2",
    ];
    let (_server, tus) = start(&kafka, &flags);
    let done = AtomicBool::new(false);
    let uploads: Vec<String> = thread::scope(|scope| {
        let load = || {
            let mut uploads = Vec::new();
            while !done.load(Ordering::Relaxed) {
                uploads.push(a_life(&tus));
            }
            uploads
        };
        let threads = [scope.spawn(load), scope.spawn(load)];
        kafka.wait_for("load", 50);
        for _ in 0..2 {
            kafka.kill();
            a_life(&tus);
            kafka.restart();
            a_life(&tus);
        }
        done.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    eventually("every event arrives", || {
        let records = kafka.records("load");
        uploads.iter().all(|id| milestones(&records, id) == LIFE)
    });
    // What came twice is the same event.
    let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for record in kafka.records("load") {
        let known = seen
            .entry(record.headers["event-id"].clone())
            .or_insert_with(|| record.value.clone());
        assert_eq!(*known, record.value);
    }
}

#[test]
fn a_message_that_is_too_large_is_given_up_and_the_next_arrives() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.create_topic_with("small", 1, &[("max.message.bytes", "4000")]);
    let (server, tus) = start(kafka, &["--hooks-kafka-topic", "small"]);
    let large = tus.location(&tus.create_with(3, &[("filename", &"a".repeat(10_000))]));
    let line = server.wait_for_log("the Kafka cluster does not take messages");
    assert!(line.contains("cause=\"invalid\""), "{line}");
    assert!(line.contains("raise message.max.bytes"), "{line}");
    let small = tus.create(3);
    let records = kafka.wait_for("small", 2);
    let expected = ["pre-create", "post-create"];
    assert_eq!(events(&records, id(&small)), expected, "{records:?}");
    assert!(events(&records, id(&large)).is_empty(), "{records:?}");
}

#[test]
fn messages_that_are_too_large_only_together_arrive() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.create_topic_with("narrow", 1, &[("max.message.bytes", "3000")]);
    let flags = [
        "--hooks-kafka-topic",
        "narrow",
        "--hooks-kafka-extra-options",
        "linger.ms=200",
        "--hooks",
        "post-finish",
    ];
    let (server, tus) = start(kafka, &flags);
    let uploads: Vec<String> = (0..50).map(|_| tus.create(0)).collect();
    let records = kafka.wait_for("narrow", uploads.len());
    for url in &uploads {
        assert_eq!(events(&records, id(url)), ["post-finish"]);
    }
    assert!(!server.log().contains("an event is a dead letter"));
}

#[test]
fn a_topic_that_is_missing_is_said_and_used_once_it_is_there() {
    let Some(kafka) = Kafka::start_with("auto.create.topics.enable=false\n", &[]) else {
        return;
    };
    let (server, tus) = start(&kafka, &["--hooks-kafka-topic", "missing"]);
    let url = tus.create(3);
    let line = server.wait_for_log("the Kafka cluster does not take messages");
    for part in ["cause=\"refused\"", "topic=\"missing\"", "create the topic"] {
        assert!(line.contains(part), "{line}");
    }
    kafka.create_topic("missing", 1);
    let records = kafka.wait_for("missing", 2);
    let expected = ["pre-create", "post-create"];
    assert_eq!(events(&records, id(&url)), expected, "{records:?}");
}

#[test]
fn a_wrong_password_is_said_without_it_and_the_right_one_works() {
    let Some(kafka) = Kafka::shared() else { return };
    let options = |password: &str| {
        format!(
            "security.protocol=sasl_plaintext;sasl.mechanisms=PLAIN;sasl.username=rustus;\
             sasl.password={password}"
        )
    };
    for (topic, password) in [("sasl-wrong", "verschlossen=="), ("sasl-right", "geheim")] {
        let options = options(password);
        let flags = [
            "--hooks-kafka-topic",
            topic,
            "--hooks-kafka-extra-options",
            &options,
        ];
        let server = sending_to(&kafka.sasl_bootstrap(), &flags).start();
        Tus::new(server.files()).create(3);
        if password == "geheim" {
            kafka.wait_for(topic, 2);
        } else {
            let line = server.wait_for_log("a Kafka broker cannot be used");
            assert!(line.contains("sasl.password as the brokers"), "{line}");
        }
        assert!(!server.log().contains(password), "{}", server.log());
    }
}

#[test]
fn tls_to_a_port_without_it_is_said() {
    let Some(kafka) = Kafka::shared() else { return };
    let flags = [
        "--hooks-kafka-topic",
        "tls",
        "--hooks-kafka-send-timeout",
        "2",
        "--hooks-kafka-extra-options",
        "security.protocol=ssl",
    ];
    let (server, tus) = start(kafka, &flags);
    tus.create(3);
    let line = server.wait_for_log("a Kafka broker cannot be used");
    assert!(line.contains("ssl://"), "{line}");
    assert!(line.contains("speak what security.protocol says"), "{line}");
}

#[test]
fn the_module_runs_from_the_directory_too_twice_and_reaches_what_it_is_allowed() {
    let Some(kafka) = Kafka::shared() else { return };
    let setup = Setup::new().with_hooks();
    for (name, format, topics) in [
        ("one", "v2", "\"first-of-two\""),
        ("two", "cloudevents", "\"second-of-two\""),
        ("three", "default", "\"another\""),
    ] {
        install(&setup.hooks_dir(), "kafka", name);
        let topic = match name {
            "one" => "first-of-two",
            _ => "second-of-two",
        };
        let manifest = format!(
            "events = [\"post-create\"]\n\
             [config]\nformat = \"{format}\"\ntopic = \"{topic}\"\n\
             [allow.kafka]\nbrokers = [\"{}\"]\ntopics = [{topics}]\n\
             [allow.kafka.options]\nlinger.ms = 0\n",
            kafka.bootstrap()
        );
        fs::write(setup.hooks_dir().join(format!("{name}.toml")), manifest).unwrap();
    }
    let server = setup.start();
    let url = Tus::new(server.files()).create(3);
    let first = kafka.wait_for("first-of-two", 1);
    let second = kafka.wait_for("second-of-two", 1);
    assert_eq!(first[0].json()["request"]["uri"], "/files");
    let event: Value = second[0].json();
    assert_eq!(event["type"], "dev.rustus.upload.post-create");
    assert_eq!(event["subject"], id(&url));
    assert_eq!(event["id"], second[0].headers["event-id"].as_str());
    assert_eq!(
        second[0].headers["content-type"],
        "application/cloudevents+json"
    );
    let line = server.wait_for_log("a plugin was denied what its NAME.toml does not allow");
    for part in ["plugin=\"three\"", "topic", "under [allow.kafka]"] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn a_producer_ends_with_its_generation() {
    let Some(kafka) = Kafka::shared() else { return };
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "kafka", "sends");
    let manifest = |topic: &str| {
        let text = format!(
            "[config]\ntopic = \"{topic}\"\n[allow.kafka]\nbrokers = [\"{}\"]\n",
            kafka.bootstrap()
        );
        replace(&setup.hooks_dir().join("sends.toml"), text.as_bytes());
    };
    manifest("generation-1");
    let server = setup.start();
    let tus = Tus::new(server.files());
    for generation in 1..=5 {
        let topic = format!("generation-{generation}");
        tus.create(3);
        kafka.wait_for(&topic, 2);
        // One thread that polls for each producer that lives.
        eventually("one producer lives", || {
            threads(&server, "producer pollin") == 1
        });
        let mark = server.mark();
        manifest(&format!("generation-{}", generation + 1));
        server.wait_for_log_after(mark, "plugin loaded");
    }
    let log = server.terminate_and_read();
    assert!(!log.contains("panicked"), "{log}");
}

/// How many threads of the server have this name, of which Linux keeps 15 bytes.
fn threads(server: &Server, name: &str) -> usize {
    let tasks = format!("/proc/{}/task", server.pid());
    let names = fs::read_dir(tasks).unwrap().filter_map(|task| {
        // One that ends in between has no name.
        fs::read_to_string(task.ok()?.path().join("comm")).ok()
    });
    names.filter(|found| found.trim_end() == name).count()
}
