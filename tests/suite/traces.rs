//! Traces: what a collector gets, and that nobody suffers when there is none.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::collector::Collector;
use crate::harness::eventually;
use crate::harness::grpc::Grpc;
use crate::harness::guarded::free_port;
use crate::harness::kafka::Kafka;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "00f067aa0ba902b7";

/// The header of a client that is in the middle of a trace.
fn parent() -> String {
    format!("00-{TRACE}-{CLIENT}-01")
}

fn create(tus: &Tus, traceparent: &str) -> String {
    let headers = [("Upload-Length", "3"), ("traceparent", traceparent)];
    let answer = tus.post(&headers);
    assert_eq!(answer.status(), 201);
    tus.location(&answer)
}

fn asking(service: &Receiver) -> Setup {
    let events = "pre-create,post-create";
    Setup::new().arguments(&["--hooks-http-urls", &service.url("/h"), "--hooks", events])
}

#[test]
fn one_trace_leads_from_the_client_through_request_hook_and_delivery_to_the_service() {
    let (collector, service) = (Collector::start(), Receiver::start(|_| Answer::status(204)));
    let server = collector.told_by(asking(&service)).start();
    let url = create(&Tus::new(server.files()), &parent());
    let request = collector.wait_for("POST uploads");
    let hook = collector.wait_for("pre-create http");
    let delivery = collector.wait_for("deliver post-create http");
    for span in [&request, &hook, &delivery] {
        assert_eq!(
            (span.trace.as_str(), span.service.as_str()),
            (TRACE, "rustus"),
            "{span:?}"
        );
    }
    assert_eq!(request.parent, CLIENT);
    assert_eq!(hook.parent, request.id);
    assert_eq!(delivery.parent, request.id);
    assert_eq!(request.attributes["http.response.status_code"], "201");
    assert_eq!(request.attributes["http.request.method"], "POST");
    for span in [&hook, &delivery] {
        assert_eq!(span.attributes["outcome"], "ok");
        assert_eq!(span.attributes["plugin"], "http");
        assert!(url.ends_with(&span.attributes["upload"]), "{span:?}");
    }
    let told = service.wait_for(2);
    let traced = |span: &crate::harness::collector::Span| format!("00-{TRACE}-{}-01", span.id);
    assert_eq!(told[0].header("traceparent"), Some(traced(&hook).as_str()));
    assert_eq!(
        told[1].header("traceparent"),
        Some(traced(&delivery).as_str())
    );
}

#[test]
fn an_event_that_waited_for_the_next_start_is_delivered_in_its_trace() {
    let (collector, service) = (Collector::start(), Receiver::start(|_| Answer::status(500)));
    let setup = asking(&service).arguments(&["--hooks", "post-create"]);
    let setup = collector.told_by(setup);
    let server = setup.start();
    create(&Tus::new(server.files()), &parent());
    let request = collector.wait_for("POST uploads");
    service.wait_for(1);
    assert_eq!(server.terminate().code(), Some(0));
    service.tell(|_| Answer::status(204));
    let _again = setup.start();
    let delivered = || {
        let spans = collector.spans().into_iter();
        let mut spans = spans.filter(|span| span.name == "deliver post-create http");
        spans.find(|span| span.attributes["outcome"] == "ok")
    };
    eventually("it is delivered", || delivered().is_some());
    let delivery = delivered().unwrap();
    assert_eq!(
        (delivery.trace.as_str(), delivery.parent),
        (TRACE, request.id)
    );
}

#[test]
fn what_is_no_trace_context_begins_a_trace() {
    let (collector, service) = (Collector::start(), Receiver::start(|_| Answer::status(204)));
    let server = collector.told_by(asking(&service)).start();
    let tus = Tus::new(server.files());
    for wrong in [
        "",
        "garbage",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    ] {
        create(&tus, wrong);
    }
    let twice = [
        ("Upload-Length", "3"),
        ("traceparent", &parent()),
        ("traceparent", "x"),
    ];
    assert_eq!(tus.post(&twice).status(), 201);
    let requests = || {
        let mut spans = collector.spans();
        spans.retain(|span| span.name == "POST uploads");
        spans
    };
    eventually("all came", || requests().len() == 6);
    for span in requests() {
        assert_eq!(span.parent, "", "{span:?}");
        assert_ne!(span.trace, TRACE);
    }
}

#[test]
fn messages_to_brokers_carry_the_trace() {
    let collector = Collector::start();
    if let Some(rabbitmq) = RabbitMq::shared() {
        let client = rabbitmq.client();
        client.declare_exchange("traced", "topic");
        client.declare_queue("traced", "traced", "#");
        let setup = Setup::new().arguments(&["--hooks-amqp-url", &rabbitmq.url()]);
        let setup = setup.arguments(&["--hooks-amqp-exchange", "traced", "--hooks", "post-create"]);
        let server = collector.told_by(setup).start();
        create(&Tus::new(server.files()), &parent());
        let message = client.take_many("traced", 1).remove(0);
        let delivery = collector.wait_for("deliver post-create amqp");
        let expected = format!("00-{TRACE}-{}-01", delivery.id);
        assert_eq!(message.header("traceparent"), Some(expected));
    }
    if let Some(kafka) = Kafka::shared() {
        kafka.create_topic("traced", 1);
        let setup = Setup::new().arguments(&["--hooks-kafka-urls", &kafka.bootstrap()]);
        let setup = setup.arguments(&["--hooks-kafka-topic", "traced", "--hooks", "post-create"]);
        let server = collector.told_by(setup).start();
        create(&Tus::new(server.files()), &parent());
        let record = kafka.wait_for("traced", 1).remove(0);
        let delivery = collector.wait_for("deliver post-create kafka");
        assert_eq!(
            record.headers["traceparent"],
            format!("00-{TRACE}-{}-01", delivery.id)
        );
    }
}

#[test]
fn calls_over_grpc_carry_the_trace() {
    let Some(grpc) = Grpc::start() else { return };
    let collector = Collector::start();
    let events = "pre-create,post-create";
    let setup = Setup::new().arguments(&["--hooks-grpc", &grpc.address(), "--hooks", events]);
    let server = collector.told_by(setup).start();
    create(&Tus::new(server.files()), &parent());
    let calls = grpc.wait_for(2);
    for (call, span) in calls
        .iter()
        .zip(["pre-create grpc", "deliver post-create grpc"])
    {
        let span = collector.wait_for(span);
        let expected = format!("00-{TRACE}-{}-01", span.id);
        assert_eq!(call["callMetadata"]["traceparent"], expected, "{call}");
        assert_eq!(span.parent, collector.wait_for("POST uploads").id);
    }
}

#[test]
fn a_collector_with_tls_gets_traces_where_its_certificate_is_trusted() {
    let collector = Collector::start_tls();
    let certificate = collector.0.certificate().unwrap();
    for variable in [
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
        "SSL_CERT_FILE",
    ] {
        let setup = collector.told_by(Setup::new());
        let file = setup.path().join("ca.pem");
        fs::write(&file, certificate).unwrap();
        let before = collector.spans().len();
        let server = setup.variable(variable, file.to_str().unwrap()).start();
        Tus::new(server.files()).create(3);
        eventually(variable, || collector.spans().len() > before);
        let log = server.terminate_and_read();
        assert!(!log.contains("traces are lost"), "{variable}: {log}");
    }
}

#[test]
fn a_collector_that_nobody_vouches_for_gets_nothing_and_is_said() {
    let (collector, other) = (Collector::start_tls(), Collector::start_tls());
    let setup = collector.told_by(Setup::new());
    let file = setup.path().join("ca.pem");
    fs::write(&file, other.0.certificate().unwrap()).unwrap();
    let file = file.to_str().unwrap();
    for setup in [
        setup.clone(),
        // What the variable names is trusted alone.
        setup.variable("OTEL_EXPORTER_OTLP_CERTIFICATE", file),
    ] {
        let server = setup.start();
        Tus::new(server.files()).create(3);
        let line = server.wait_for_log("traces are lost");
        assert!(line.contains("certificate"), "{line}");
        assert!(collector.spans().is_empty());
    }
}

#[test]
fn a_collector_that_asks_for_a_certificate_gets_it() {
    const SHOWN: [&str; 2] = [
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    ];
    let client = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let collector = Collector::start_for(client.cert.der());
    let setup = collector.told_by(Setup::new());
    let file = |name: &str, text: &str| {
        let file = setup.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let ca = file("ca.pem", collector.0.certificate().unwrap());
    let certificate = file("client.pem", &client.cert.pem());
    let key = file("key.pem", &client.signing_key.serialize_pem());
    let setup = setup.variable("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca);

    let server = setup.clone().start();
    Tus::new(server.files()).create(3);
    server.wait_for_log("traces are lost");
    drop(server);

    let known = setup
        .clone()
        .variable(SHOWN[0], &certificate)
        .variable(SHOWN[1], &key);
    let server = known.start();
    Tus::new(server.files()).create(3);
    collector.wait_for("POST uploads");

    let half = setup.variable(SHOWN[0], &certificate);
    let (status, log) = half.run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(
        log.contains(&format!("{} is set without {}", SHOWN[0], SHOWN[1])),
        "{log}"
    );
}

#[test]
fn certificates_that_can_not_be_read_end_the_start() {
    let variable = "OTEL_EXPORTER_OTLP_CERTIFICATE";
    let setup = Setup::new().variable(variable, "/no/such/ca.pem");
    let encrypted = ["--otlp-endpoint", "https://127.0.0.1:4318"];
    let (status, log) = setup.clone().arguments(&encrypted).run();
    assert_eq!(status.code(), Some(2), "{log}");
    for part in [variable, "/no/such/ca.pem", "expected certificates in PEM"] {
        assert!(log.contains(part), "without {part:?}: {log}");
    }
    // Where nothing is encrypted nobody asks for them.
    let server = Collector::start().told_by(setup).start();
    Tus::new(server.files()).create(3);
}

#[test]
fn what_is_left_is_sent_at_the_end() {
    let collector = Collector::start();
    let setup = collector.told_by(Setup::new());
    let setup = setup.variable("OTEL_BSP_SCHEDULE_DELAY", "3600000");
    let server = setup.start();
    let url = Tus::new(server.files()).create(3);
    assert!(collector.spans().is_empty());
    assert_eq!(server.terminate().code(), Some(0));
    let spans = collector.spans();
    assert!(
        spans.iter().any(|span| span.name == "POST uploads"),
        "{spans:?} {url}"
    );
}

#[test]
fn a_collector_that_is_away_or_silent_holds_up_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for (endpoint, said) in [(&nobody, true), (&silent, false)] {
        let setup = Setup::new().variable("OTEL_BSP_SCHEDULE_DELAY", "20");
        let server = setup.arguments(&["--otlp-endpoint", endpoint]).start();
        let tus = Tus::new(server.files());
        for _ in 0..20 {
            let url = tus.create(3);
            assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
        }
        if said {
            let line = server.wait_for_log("traces are lost");
            assert!(line.contains(endpoint), "{line}");
            tus.create(3);
        }
        let began = Instant::now();
        let log = server.terminate_and_read();
        // That of `--shutdown-timeout` is 9 s.
        assert!(
            began.elapsed() < Duration::from_secs(9),
            "{:?}",
            began.elapsed()
        );
        assert!(log.matches("traces are lost").count() <= 1, "{log}");
    }
}

#[test]
fn an_endpoint_that_is_none_ends_the_start_and_an_empty_one_is_none() {
    let setup = Setup::new().arguments(&["--otlp-endpoint", "localhost:4318"]);
    let (status, log) = setup.run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("http://127.0.0.1:4318"), "{log}");
    let server = Setup::new().variable("RUSTUS_OTLP_ENDPOINT", "").start();
    Tus::new(server.files()).create(3);
}

#[test]
fn without_an_endpoint_what_the_client_sent_is_passed_on() {
    let service = Receiver::start(|_| Answer::status(204));
    let server = asking(&service).start();
    create(&Tus::new(server.files()), &parent());
    for request in service.wait_for(2) {
        assert_eq!(request.header("traceparent"), Some(parent().as_str()));
    }
}
