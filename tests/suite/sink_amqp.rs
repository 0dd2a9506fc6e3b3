//! The sink `amqp`: what a real RabbitMQ gets. What happens when the broker is
//! away or refuses is in `trouble`, Celery in `tasks`.

mod pools;
mod tasks;
mod tls;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::amqp::{Amqp, Message};
use crate::harness::eventually;
use crate::harness::guests::install;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::server::{PATIENCE, Server, Setup};
use crate::harness::tus::Tus;

/// Have all exist that is published to.
const DECLARE: [&str; 4] = [
    "--hooks-amqp-declare-exchange",
    "--hooks-amqp-declare-queues",
    "--hooks-amqp-durable-exchange",
    "--hooks-amqp-durable-queues",
];

/// A server that publishes to the exchange `name`, with queues of this prefix.
fn publishing_to(url: &str, name: &str) -> Setup {
    Setup::new().arguments(&[
        "--hooks-amqp-url",
        url,
        "--hooks-amqp-exchange",
        name,
        "--hooks-amqp-queues-prefix",
        name,
    ])
}

/// One where all events go into one queue of this name.
fn into_one_queue(url: &str, name: &str) -> Setup {
    publishing_to(url, name)
        .arguments(&["--hooks-amqp-routing-key", name])
        .arguments(&DECLARE)
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

fn event(message: &Message) -> String {
    message.header("hook-name").unwrap()
}

fn message_id(message: &Message) -> String {
    let id = message.properties.message_id().as_ref();
    id.unwrap().to_string()
}

/// The upload that a message in the default format or v2 is about.
fn upload(message: &Message) -> String {
    message.json()["upload"]["id"].as_str().unwrap().to_owned()
}

/// Creates, appends once, finishes and removes an upload; its id.
fn a_life(tus: &Tus) -> String {
    let url = tus.create(4);
    assert_eq!(tus.patch(&url, 0, "ab").status(), 204);
    assert_eq!(tus.patch(&url, 2, "cd").status(), 204);
    assert_eq!(tus.delete(&url).status(), 204);
    id(&url).to_owned()
}

/// What remains of a life when the latest progress stands for those before, and
/// the end of it all for the latest.
const MILESTONES: [&str; 5] = [
    "pre-create",
    "post-create",
    "post-finish",
    "pre-terminate",
    "post-terminate",
];

/// Waits until the server has declared a queue.
fn wait_for_queue(client: &Amqp, queue: &str) {
    eventually("the queue is there", || client.waiting(queue).is_some());
}

/// Takes messages out of a queue until every upload's life is complete. Gives the
/// events of each upload in the order in which they lay there, each once; the
/// same event always has the same message id.
fn lives(client: &Amqp, queue: &str, uploads: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut lives: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ids: BTreeMap<(String, String), String> = BTreeMap::new();
    let is_complete = |lives: &BTreeMap<String, Vec<String>>| {
        uploads.iter().all(|upload| {
            let last = lives.get(upload).and_then(|events| events.last());
            last.is_some_and(|event| event == "post-terminate")
        })
    };
    wait_for_queue(client, queue);
    // A delivery that failed often waits for up to a minute.
    let until = Instant::now() + PATIENCE * 4;
    while !is_complete(&lives) {
        assert!(Instant::now() < until, "{queue}: {lives:?}");
        let Some(message) = client.take(queue) else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        let (upload, event) = (upload(&message), event(&message));
        if event == "post-receive" {
            continue;
        }
        let key = (upload.clone(), event.clone());
        match ids.insert(key, message_id(&message)) {
            Some(before) => assert_eq!(before, message_id(&message), "{event} of {upload}"),
            None => lives.entry(upload).or_default().push(event),
        }
    }
    lives
}

fn assert_in_order(lives: &BTreeMap<String, Vec<String>>, uploads: &[String]) {
    for upload in uploads {
        assert_eq!(lives[upload], MILESTONES, "{upload}");
    }
}

#[test]
fn flags_decide_what_is_declared() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let exchange = "--hooks-amqp-declare-exchange";
    let queues = "--hooks-amqp-declare-queues";
    let url = rabbitmq.url();
    let start = |setup: Setup| {
        let server = setup.start();
        let tus = Tus::new(server.files());
        assert_eq!(tus.create_with(0, &[]).status(), 201);
        server
    };
    let mut servers = vec![
        start(publishing_to(&url, "plain").arguments(&[exchange, queues])),
        start(publishing_to(&url, "durable").arguments(&DECLARE)),
        start(publishing_to(&url, "odd").arguments(&[exchange, "--hooks_amqp_durable_exchange"])),
        start(publishing_to(&url, "direct").arguments(&[
            exchange,
            "--hooks-amqp-exchange-kind",
            "direct",
        ])),
        start(
            publishing_to(&url, "fleeting")
                .arguments(&[exchange, queues])
                .argument("--hooks-amqp-auto-delete"),
        ),
        start(into_one_queue(&url, "single")),
        start(publishing_to(&url, "some").arguments(&[
            exchange,
            queues,
            "--hooks",
            "pre-create,post-finish",
        ])),
        start(publishing_to(&url, "nothing")),
    ];
    let mut by_variables = Setup::new();
    for (name, value) in [
        ("URL", url.as_str()),
        ("EXCHANGE", "variables"),
        ("EXCHANGE_KIND", "headers"),
        ("QUEUES_PREFIX", "of-variables"),
        ("DECLARE_EXCHANGE", "true"),
        ("DECLARE_QUEUES", "true"),
        ("DURABLE_EXCHANGE", "true"),
        ("DURABLE_QUEUES", "true"),
        ("AUTO_DELETE", "true"),
        ("CELERY", "false"),
        ("CONNECTION_POOL_SIZE", "2"),
        ("CHANNEL_POOL_SIZE", "2"),
        ("IDLE_CONNECTION_TIMEOUT", "60"),
        ("IDLE_CHANNELS_TIMEOUT", "60"),
    ] {
        by_variables = by_variables.variable(&format!("RUSTUS_HOOKS_AMQP_{name}"), value);
    }
    servers.push(start(by_variables));

    let is = |(name, kind, durable, auto_delete): (&str, &str, bool, bool)| {
        (name.to_owned(), kind.to_owned(), durable, auto_delete)
    };
    let expected = [
        ("plain", "topic", false, false),
        ("durable", "topic", true, false),
        ("odd", "topic", true, false),
        ("direct", "direct", false, false),
        ("fleeting", "topic", false, true),
        ("single", "topic", true, false),
        ("some", "topic", false, false),
        ("variables", "headers", true, true),
    ]
    .map(is);
    eventually("all exchanges are there", || {
        let exchanges = rabbitmq.exchanges();
        expected.iter().all(|one| exchanges.contains(one))
    });
    assert_eq!(servers.len(), 9);
    let exchanges = rabbitmq.exchanges();
    assert!(!exchanges.iter().any(|(name, ..)| name == "nothing"));

    let last = "of-variables.post-terminate".to_owned();
    eventually("all queues are there", || {
        let bindings = rabbitmq.bindings();
        let is_last = |(_, queue, _): &(String, String, String)| *queue == last;
        bindings.iter().any(is_last) && bindings.iter().any(|(name, ..)| name == "some")
    });
    check_queues(rabbitmq);
}

/// The six events that are enabled by default.
const BY_DEFAULT: [&str; 6] = [
    "post-create",
    "post-finish",
    "post-receive",
    "post-terminate",
    "pre-create",
    "pre-terminate",
];

fn check_queues(rabbitmq: &RabbitMq) {
    let queues = rabbitmq.queues();
    let of = |prefix: &str| -> Vec<(String, bool, bool)> {
        let mine = queues
            .iter()
            .filter(|(name, ..)| name.starts_with(&format!("{prefix}.")));
        mine.cloned().collect()
    };
    for (prefix, durable, auto_delete) in [
        ("plain", false, false),
        ("durable", true, false),
        ("fleeting", false, true),
        ("of-variables", true, true),
    ] {
        let all = BY_DEFAULT.map(|event| (format!("{prefix}.{event}"), durable, auto_delete));
        assert_eq!(of(prefix), all, "{prefix}");
    }
    let some = ["post-finish", "pre-create"].map(|event| (format!("some.{event}"), false, false));
    assert_eq!(of("some"), some);
    for prefix in ["odd", "direct", "single", "nothing"] {
        assert_eq!(of(prefix), [], "{prefix}");
    }
    assert!(queues.contains(&("single".to_owned(), true, false)));

    let bindings = rabbitmq.bindings();
    for (exchange, queue) in [
        ("plain", "plain.pre-create"),
        ("variables", "of-variables.post-finish"),
        ("single", "single"),
    ] {
        let binding = [exchange, queue, queue].map(str::to_owned);
        assert!(bindings.contains(&binding.into()), "{queue}: {bindings:?}");
    }
}

#[test]
fn a_message_has_the_event_in_its_format_and_names_it() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let client = rabbitmq.client();
    for (format, uri, path) in [
        ("default", "/request/URI", "/upload/id"),
        ("v2", "/request/uri", "/upload/id"),
        ("tusd", "/HTTPRequest/URI", "/Upload/ID"),
    ] {
        let name = format!("format-{format}");
        let server = publishing_to(&rabbitmq.url(), &name)
            .arguments(&DECLARE)
            .arguments(&["--hooks-format", format])
            .start();
        let tus = Tus::new(server.files());
        let url = tus.location(&tus.create_with(3, &[("filename", "ä.txt")]));
        assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
        let ids = ["pre-create", "post-create", "post-finish"].map(|kind| {
            let queue = format!("{name}.{kind}");
            wait_for_queue(&client, &queue);
            let message = client.take_many(&queue, 1).remove(0);
            assert_eq!(message.exchange, name);
            assert_eq!(message.routing_key, format!("{name}.{kind}"));
            check_properties(&message, kind);
            let body = message.json();
            assert!(body.pointer(uri).is_some_and(Value::is_string), "{body}");
            assert_eq!(body.pointer(path).unwrap(), id(&url), "{body}");
            let text = String::from_utf8(message.body.clone()).unwrap();
            assert!(text.contains("ä.txt"), "{text}");
            message_id(&message)
        });
        assert!(ids.is_sorted(), "{ids:?}");
    }
}

fn check_properties(message: &Message, kind: &str) {
    let properties = &message.properties;
    let text = |text: &str| Some(text.into());
    assert_eq!(properties.content_type(), &text("application/json"));
    assert_eq!(properties.content_encoding(), &text("utf-8"));
    assert_eq!(properties.delivery_mode(), &Some(2));
    assert_eq!(properties.correlation_id(), &None);
    assert_eq!(event(message), kind);
    let headers = properties.headers().as_ref().unwrap();
    assert_eq!(headers.inner().len(), 1);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let time = properties.timestamp().unwrap();
    assert!((since - 600..=since).contains(&time), "{time} at {since}");
    // A UUIDv7.
    assert_eq!(message_id(message).as_bytes()[14], b'7');
}

#[test]
fn the_events_of_each_upload_arrive_in_order() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let server = into_one_queue(&rabbitmq.url(), "order").start();
    let uploads = many_lives(&server, 4, 10);
    let lives = lives(&rabbitmq.client(), "order", &uploads);
    assert_in_order(&lives, &uploads);
}

/// So many threads each bring so many uploads to their end.
fn many_lives(server: &Server, threads: usize, each: usize) -> Vec<String> {
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let tus = Tus::new(server.files());
            std::thread::spawn(move || (0..each).map(|_| a_life(&tus)).collect::<Vec<_>>())
        })
        .collect();
    let lives = threads.into_iter().map(|thread| thread.join().unwrap());
    lives.flatten().collect()
}

#[test]
fn the_same_module_runs_from_the_directory_with_what_its_manifest_grants() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let client = rabbitmq.client();
    client.declare_exchange("granted", "fanout");
    client.declare_queue("copy", "granted", "");
    let setup = Setup::new()
        .with_hooks()
        .variable("BROKER", &rabbitmq.url());
    for (name, exchange) in [("mine", "granted"), ("other", "forbidden")] {
        install(&setup.hooks_dir(), "amqp", name);
        let manifest = format!(
            "events = [\"post-finish\"]\n\
             [config]\nexchange = \"{exchange}\"\nformat = \"v2\"\n\
             [allow.amqp]\nurl-env = \"BROKER\"\nexchanges = [\"granted\"]\n"
        );
        fs::write(setup.hooks_dir().join(format!("{name}.toml")), manifest).unwrap();
    }
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = tus.location(&tus.create_with(0, &[]));
    let message = client.take_many("copy", 1).remove(0);
    assert_eq!(upload(&message), id(&url));
    let line = server.wait_for_log("a plugin was denied");
    assert!(line.contains("plugin=\"other\""), "{line}");
    assert!(line.contains("forbidden"), "{line}");
    assert!(line.contains("under [allow.amqp]"), "{line}");
}

#[test]
fn a_url_that_is_none_ends_the_start_without_being_shown() {
    for (flags, part) in [
        (["--hooks-amqp-url", "guest:sesame@host"], "amqp://USER"),
        (["--hooks-amqp-channel-pool-size", "0"], "at least 1"),
    ] {
        let (status, log) = Setup::new().arguments(&flags).run();
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(log.contains(part), "{log}");
        assert!(!log.contains("sesame"), "{log}");
    }
}
