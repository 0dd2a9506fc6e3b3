//! The pages on brokers and services: a server with the flags of the page tells of an
//! upload.

use std::fs;

use super::{page, read};
use crate::harness::amqp::Amqp;
use crate::harness::certificate::Certificate;
use crate::harness::eventually;
use crate::harness::fastapi::FastApi;
use crate::harness::grpc::Grpc;
use crate::harness::kafka::Kafka;
use crate::harness::programs::python;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::transcript::{Shell, Started};

/// An upload from its creation to its end.
fn upload(server: &Started) {
    let tus = server.tus();
    let url = tus.create(3);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
}

#[test]
fn the_page_on_amqp_does_what_it_says() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let Some(python) = python() else { return };
    let broker = rabbitmq.url_of_own_host("documented");
    let written = "amqp://guest:guest@localhost:5672";
    let mut page = page("docs/amqp-hooks.md");
    page.replace(written, &broker);
    let shell = Shell::new();
    let server = shell.serve(&page.next("rustus --hooks-amqp-url"));
    upload(&server);
    let client = Amqp::try_connect(&broker).unwrap();
    for event in ["pre-create", "post-create", "post-finish"] {
        eventually(event, || {
            client.waiting(&format!("rustus.{event}")) == Some(1)
        });
    }
    server.stop();

    let code = read("docs/amqp-hooks.md");
    let code = code.split("```python\n").nth(1).unwrap();
    let code = code.split("```").next().unwrap();
    assert!(code.contains(written));
    fs::create_dir(shell.path("rustus_celery")).unwrap();
    let file = shell.path("rustus_celery/celery.py");
    fs::write(file, code.replace(written, &broker)).unwrap();
    let celery = shell.clone().programs_in(python.parent().unwrap());
    // It does not say when it is ready; until then events wait, as the page says.
    let worker = celery.start(&page.next("celery"), "[queues]");
    let server = shell.serve(&page.next("rustus --hooks-amqp-url"));
    upload(&server);
    worker.wait_for("PRE CREATE: {");
    worker.wait_for("POST FINISH: {");
    server.stop();
}

#[test]
fn the_page_on_kafka_does_what_it_says() {
    let certificate = Certificate::for_name("127.0.0.1");
    let Some(kafka) = Kafka::start_with_tls(&certificate) else {
        return;
    };
    let mut brokers = page("docs/kafka-hooks.md");
    for broker in ["kafka-1:9092", "kafka-2:9092"] {
        brokers.replace(broker, kafka.scram_bootstrap());
    }
    // What stands in for a system that trusts who signed the brokers' certificates.
    let shell = Shell::new().variable("SSL_CERT_FILE", certificate.file());
    let server = shell.serve(&brokers.next("rustus --hooks-kafka-urls"));
    upload(&server);
    let records = kafka.wait_for("uploads", 3);
    assert_eq!(records[0].headers["hook-name"], "pre-create");
    const ZSTD: u8 = 4;
    let batches = kafka.batches("uploads");
    assert!(batches.iter().all(|it| it.codec == ZSTD), "{batches:?}");
    server.stop();
}

#[test]
fn the_page_on_grpc_does_what_it_says() {
    let Some(grpc) = Grpc::start() else { return };
    let mut page = page("docs/grpc-hooks.md");
    page.replace("localhost:8080", grpc.address());
    let server = Shell::new().serve(&page.next("rustus --hooks-grpc"));
    upload(&server);
    let told = |kind| grpc.requests().iter().any(|it| it["type"] == kind);
    for kind in ["pre-create", "post-create", "post-finish"] {
        eventually(kind, || told(kind));
    }
    server.stop();
}

#[test]
fn the_page_on_http_does_what_it_says() {
    let Some(fastapi) = FastApi::start() else {
        return;
    };
    let mut page = page("docs/http-hooks.md");
    page.replace("http://localhost:8000/hooks", fastapi.url());
    let server = Shell::new().serve(&page.next("rustus --hooks-http-urls"));
    let tus = server.tus();
    assert_eq!(tus.create_with(5, &[]).status(), 401);
    let token = ("authorization", "Bearer jwt");
    let created = tus.post(&[("upload-length", "5"), token]);
    assert_eq!(created.status(), 201, "{}", server.log());
    eventually("the service is told", || {
        fastapi.received().iter().any(|name| name == "post-create")
    });
    server.stop();
}
