//! Each way in which a delivery fails has a label of its own.

use std::io::Write as _;
use std::net::TcpListener;

use super::start;
use crate::harness::admin::Admin;
use crate::harness::eventually;
use crate::harness::guarded::free_port;
use crate::harness::kafka::Kafka;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Setup;

/// Waits until a request of `plugin` through the capability of the same name has
/// ended so, and says so in the plugin's view too.
fn counted(admin: &Admin, plugin: &str, outcome: &str) {
    let labels = [
        ("plugin", plugin),
        ("capability", plugin),
        ("outcome", outcome),
    ];
    let seen = || admin.metrics().sum("rustus_plugin_requests_total", &labels);
    eventually(&format!("{plugin} counts {outcome}"), || seen() >= 1.0);
    let shown = admin.plugin(plugin)["requests"][plugin][outcome].as_u64();
    assert!(shown >= Some(1), "{outcome}: {shown:?}");
}

/// Makes an upload whose creation is told to a sink, and waits for this outcome.
fn fails(setup: Setup, plugin: &str, outcome: &str) {
    let (_server, tus, admin) = start(&setup.with_admin());
    tus.create(3);
    counted(&admin, plugin, outcome);
    let sink = [("plugin", plugin)];
    let retries = || admin.metrics().sum("rustus_outbox_retries_total", &sink);
    let given_up = || {
        admin
            .metrics()
            .sum("rustus_outbox_dead_letters_made_total", &sink)
    };
    eventually("the outbox counts it", || retries() + given_up() >= 1.0);
}

fn posting_to(url: &str) -> Setup {
    Setup::new().arguments(&["--hooks-http-urls", url, "--hooks", "post-create"])
}

#[test]
fn of_http() {
    for (answer, outcome) in [
        (Answer::bytes("garbage\r\n\r\n"), "garbage"),
        (Answer::drop_connection(), "broken-off"),
        (Answer::status(302), "status-3xx"),
        (Answer::status(404), "status-4xx"),
        (Answer::status(503), "status-5xx"),
        (
            Answer::with(200, &[], &[b'x'; 1024 * 1024 + 1]),
            "too-large",
        ),
    ] {
        let receiver = Receiver::start(move |_| answer.clone());
        fails(posting_to(&receiver.url("/hooks")), "http", outcome);
    }
    let silent = Receiver::start(|_| Answer::silence());
    let setup = posting_to(&silent.url("/hooks")).arguments(&["--http-hook-timeout", "100ms"]);
    fails(setup, "http", "given-up");
    let untrusted = Receiver::start_tls("127.0.0.1", |_| Answer::status(204));
    fails(posting_to(&untrusted.url("/hooks")), "http", "certificate");
    let nobody = format!("http://127.0.0.1:{}/hooks", free_port());
    fails(posting_to(&nobody), "http", "unreachable");
    fails(
        posting_to("http://name.invalid/hooks"),
        "http",
        "unknown-host",
    );
}

#[test]
fn what_works_counts_as_ok() {
    let receiver = Receiver::start(|_| Answer::status(204));
    let setup = posting_to(&receiver.url("/hooks")).with_admin();
    let (_server, tus, admin) = start(&setup);
    tus.create(3);
    counted(&admin, "http", "ok");
    eventually("it is delivered", || {
        let metrics = admin.metrics();
        metrics.sum("rustus_outbox_delivered_total", &[("plugin", "http")]) == 1.0
            && metrics.sum("rustus_outbox_pending_events", &[("plugin", "http")]) == 0.0
    });
}

fn publishing_to(url: &str, exchange: &str) -> Setup {
    Setup::new().arguments(&[
        "--hooks-amqp-url",
        url,
        "--hooks-amqp-exchange",
        exchange,
        "--hooks",
        "post-create",
    ])
}

/// Somebody who answers every connection with this.
fn answers(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Ends with the process of the tests.
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            drop(client.write_all(bytes));
            drop(std::io::copy(&mut client, &mut std::io::sink()));
        }
    });
    port
}

#[test]
fn of_amqp_without_a_broker() {
    let nobody = format!("amqp://127.0.0.1:{}", free_port());
    fails(publishing_to(&nobody, "x"), "amqp", "unreachable");
    let web = format!(
        "amqp://127.0.0.1:{}",
        answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    );
    fails(publishing_to(&web, "x"), "amqp", "garbage");
    let silent = format!("amqp://127.0.0.1:{}", answers(b""));
    fails(publishing_to(&silent, "x"), "amqp", "slow");
}

#[test]
fn of_amqp() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let client = rabbitmq.client();
    let wrong = rabbitmq.url_for("guest", "sesame");
    fails(publishing_to(&wrong, "seen"), "amqp", "auth");
    fails(
        publishing_to(&rabbitmq.url(), "seen-nowhere"),
        "amqp",
        "missing",
    );
    client.declare_exchange("seen-lonely", "topic");
    fails(
        publishing_to(&rabbitmq.url(), "seen-lonely"),
        "amqp",
        "unroutable",
    );
    client.declare_exchange("seen-fanout", "fanout");
    let other = publishing_to(&rabbitmq.url(), "seen-fanout");
    let other = other.arguments(&["--hooks-amqp-declare-exchange"]);
    fails(other, "amqp", "mismatch");
}

fn sending_to(brokers: &str, topic: &str) -> Setup {
    Setup::new().arguments(&[
        "--hooks-kafka-send-timeout",
        "5",
        "--hooks-kafka-urls",
        brokers,
        "--hooks-kafka-topic",
        topic,
        "--hooks",
        "post-create",
    ])
}

#[test]
fn of_kafka_without_a_broker() {
    let nobody = format!("127.0.0.1:{}", free_port());
    fails(sending_to(&nobody, "x"), "kafka", "unreachable");
}

#[test]
fn of_kafka() {
    let Some(kafka) = Kafka::start_with("auto.create.topics.enable=false\n", &[]) else {
        return;
    };
    fails(
        sending_to(&kafka.bootstrap(), "seen-nowhere"),
        "kafka",
        "missing",
    );
    kafka.create_topic_with("seen-small", 1, &[("max.message.bytes", "100")]);
    fails(
        sending_to(&kafka.bootstrap(), "seen-small"),
        "kafka",
        "too-large",
    );
    let options = "security.protocol=sasl_plaintext;sasl.mechanisms=PLAIN;sasl.username=rustus;\
                   sasl.password=verschlossen==";
    let wrong = sending_to(&kafka.sasl_bootstrap(), "seen-small");
    let wrong = wrong.arguments(&["--hooks-kafka-extra-options", options]);
    fails(wrong, "kafka", "auth");
}
