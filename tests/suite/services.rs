//! The servers that other tests use: each starts, answers and comes back.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::harness::celery::Celery;
use crate::harness::fastapi::FastApi;
use crate::harness::grpc::Grpc;
use crate::harness::guarded::Guarded;
use crate::harness::kafka::Kafka;
use crate::harness::programs::{python, python_command};
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::{eventually, use_one_tls_provider};

#[test]
fn rabbitmq_keeps_what_is_durable_when_it_stops_and_when_it_is_killed() {
    let Some(mut rabbitmq) = RabbitMq::start() else {
        return;
    };
    let client = rabbitmq.client();
    client.declare_exchange("letters", "topic");
    client.declare_queue("box", "letters", "to.#");
    client.publish("letters", "to.me", b"1");
    eventually("it is in the queue", || client.waiting("box") == Some(1));
    assert_eq!(client.waiting("another"), None);
    drop(client);

    rabbitmq.stop();
    rabbitmq.restart();
    assert_eq!(rabbitmq.queues(), [("box".to_owned(), true, false)]);
    let letters = ("letters".to_owned(), "topic".to_owned(), true, false);
    assert_eq!(rabbitmq.exchanges(), [letters]);
    let binding = ["letters", "box", "to.#"].map(str::to_owned);
    assert_eq!(rabbitmq.bindings(), [binding.into()]);

    rabbitmq.kill();
    rabbitmq.restart();
    rabbitmq.process().freeze();
    rabbitmq.process().thaw();
    let client = rabbitmq.client();
    let message = client.take("box").unwrap();
    assert_eq!(message.body, b"1");
    assert_eq!(message.exchange, "letters");
    assert_eq!(message.routing_key, "to.me");
    // After a crash the broker does not know whether anybody had it already.
    assert!(message.redelivered);
    assert_eq!(message.properties.delivery_mode(), &Some(2));
    assert_eq!(client.waiting("box"), Some(0));
    client.delete_queue("box");
    assert_eq!(client.waiting("box"), None);
}

#[test]
fn rabbitmq_knows_its_users() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let connect =
        |password| crate::harness::amqp::Amqp::try_connect(&rabbitmq.url_for("guest", password));
    assert!(connect("guest").is_ok());
    let refused = connect("wrong").err().unwrap();
    assert!(refused.to_string().contains("ACCESS_REFUSED"), "{refused}");
}

#[test]
fn kafka_keeps_its_records_when_it_stops_and_when_it_is_killed() {
    let Some(mut kafka) = Kafka::start() else {
        return;
    };
    kafka.create_topic("letters", 3);
    assert_eq!(kafka.topics(), ["letters"]);
    assert_eq!(kafka.records("letters"), []);
    assert_eq!(kafka.records("another"), []);
    kafka.produce("letters", "a", b"1");
    kafka.produce("letters", "a", b"2");
    let check = |kafka: &Kafka| {
        let records = kafka.wait_for("letters", 2);
        let values = records.iter().map(|record| record.json());
        assert!(values.eq([json!(1), json!(2)]), "{records:?}");
        assert_eq!(records[0].headers["from"], "test");
        let keys = records.iter().map(|record| record.key.as_deref());
        assert!(keys.eq([Some("a"), Some("a")]), "{records:?}");
    };
    check(&kafka);
    kafka.stop();
    kafka.restart();
    check(&kafka);
    kafka.kill();
    kafka.restart();
    kafka.process().freeze();
    kafka.process().thaw();
    check(&kafka);
}

#[test]
fn kafka_makes_a_topic_for_the_first_record_in_it() {
    let Some(kafka) = Kafka::shared() else {
        return;
    };
    kafka.produce("made-by-a-record", "a", b"1");
    let records = kafka.records("made-by-a-record");
    assert_eq!(records[0].value, b"1");
}

#[test]
fn a_celery_worker_runs_a_task_of_its_protocol() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let Some(celery) = Celery::start(&rabbitmq.url(), "smoke") else {
        return;
    };
    send_task(&rabbitmq.url(), "smoke");
    let tasks = celery.wait_for(1);
    let told = json!({"event": "post-create", "id": "t", "data": {"a": 1}});
    assert_eq!(tasks, [told], "{}", celery.log());

    send_task(&rabbitmq.url(), "unread");
    let messages = rabbitmq.client().take_many("unread", 1);
    let task = messages[0].header("task");
    assert_eq!(task.as_deref(), Some("rustus.post-create"));
    assert_eq!(messages[0].json()[0], json!([{"a": 1}]));
}

/// What Celery itself sends: a task for post-create.
fn send_task(url: &str, queue: &str) {
    let task = "from celery_hooks import app; \
                app.send_task('rustus.post-create', [{'a': 1}], task_id='t')";
    let python = python().unwrap();
    let mut sender = python_command(&python);
    sender.env("BROKER_URL", url).env("QUEUE", queue);
    let sent = sender.args(["-c", task]).output().unwrap();
    assert!(sent.status.success(), "{sent:?}");
}

#[test]
fn fastapi_takes_hooks_with_its_token_alone() {
    let Some(fastapi) = FastApi::start() else {
        return;
    };
    use_one_tls_provider();
    let client = reqwest::blocking::Client::new();
    for (token, status) in [("Bearer jwt", 200), ("Bearer other", 401)] {
        let request = client.post(fastapi.url()).header("Hook-Name", "pre-create");
        let answer = request.header("Authorization", token).send().unwrap();
        assert_eq!(answer.status(), status);
    }
    eventually("it says so", || {
        fastapi.received() == ["pre-create", "pre-create"]
    });
}

#[test]
fn the_grpc_server_answers_as_the_metadata_says() {
    let Some(mut grpc) = Grpc::start() else {
        return;
    };
    // HookRequest { type: "pre-create", event: { upload: { metaData: { reject: "403" } } } }
    let entry = b"\x0a\x06reject\x12\x03403";
    let request = [&b"\x0a\x0apre-create\x12\x11\x0a\x0f\x2a\x0d"[..], entry].concat();
    for round in 1..=2 {
        let answer = call(&grpc.address(), &request);
        // HookResponse { httpResponse: { statusCode: 403, body: "403 as told" }, rejectUpload }
        assert_eq!(answer, b"\x0a\x10\x08\x93\x03\x1a\x0b403 as told\x10\x01");
        let requests = grpc.wait_for(round);
        assert_eq!(requests[round - 1]["type"], "pre-create");
        let metadata = &requests[round - 1]["event"]["upload"]["metaData"];
        assert_eq!(*metadata, json!({"reject": "403"}));
        grpc.restart();
    }
}

/// Calls `InvokeHook` with a message and returns the one that comes back.
fn call(address: &str, message: &[u8]) -> Vec<u8> {
    use_one_tls_provider();
    let client = reqwest::blocking::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    // Each message has a byte for "compressed" and its length before it.
    let length = u32::try_from(message.len()).unwrap();
    let body = [&[0][..], &length.to_be_bytes(), message].concat();
    let answer = client
        .post(format!("http://{address}/proto.HookHandler/InvokeHook"))
        .header("Content-Type", "application/grpc")
        .header("TE", "trailers")
        .body(body)
        .send()
        .unwrap();
    let answer = answer.bytes().unwrap();
    answer.get(5..).unwrap_or_default().to_vec()
}

#[test]
fn the_receiver_keeps_every_request_and_answers_as_told() {
    let receiver = Receiver::start(|request| match request.path.as_str() {
        "/late" => Answer::status(204).after(Duration::from_millis(20)),
        "/garbage" => Answer::bytes("garbage\r\n\r\n"),
        "/drop" => Answer::drop_connection(),
        "/silence" => Answer::silence(),
        "/moved" => Answer::redirect(307, "/late"),
        _ => Answer::with(418, &[("X-Told", "yes")], b"tea"),
    });
    use_one_tls_provider();
    let client = reqwest::blocking::Client::new();
    let post = |path: &str| client.post(receiver.url(path)).body("[1]").send();
    let answer = post("/").unwrap();
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.headers()["x-told"], "yes");
    assert_eq!(answer.text().unwrap(), "tea");
    assert_eq!(post("/late").unwrap().status(), 204);
    assert_eq!(post("/moved").unwrap().status(), 204);
    // All on one connection so far.
    assert_eq!(receiver.connections(), 1);
    assert!(post("/garbage").is_err());
    assert!(post("/drop").is_err());
    let silent = client.post(receiver.url("/silence"));
    let silent = silent.timeout(Duration::from_millis(100)).send();
    assert!(silent.unwrap_err().is_timeout());
    let requests = receiver.wait_for(7);
    let paths: Vec<&str> = requests.iter().map(|request| &request.path[..]).collect();
    assert_eq!(
        paths,
        [
            "/", "/late", "/moved", "/late", "/garbage", "/drop", "/silence"
        ]
    );
    let bodies = requests.iter().take(6).map(|request| request.json());
    assert!(bodies.eq(vec![json!([1]); 6]), "{requests:#?}");
    assert!(requests.is_sorted_by_key(|request| request.at));
    assert_eq!(requests[3].connection, 0);
    assert_eq!(requests[0].method, "POST");
    assert_eq!(requests[0].header("content-length"), Some("3"));

    receiver.tell(|_| Answer::status(200));
    assert_eq!(post("/").unwrap().status(), 200);
    let address = receiver.address();
    drop(receiver);
    assert!(client.get(format!("http://{address}/")).send().is_err());
    let again = Receiver::start_at(address, |_| Answer::json(200, &json!([1])));
    let answer = client.get(again.url("/")).send().unwrap();
    assert_eq!(answer.text().unwrap(), "[1]");
}

#[test]
fn the_receiver_speaks_tls_with_a_right_and_a_wrong_certificate() {
    for (name, right) in [("127.0.0.1", true), ("example.com", false)] {
        let receiver = Receiver::start_tls(name, |_| Answer::status(204));
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca.pem");
        std::fs::write(&ca, receiver.certificate().unwrap()).unwrap();
        let answered = Command::new("curl")
            .args(["--silent", "--fail", "--cacert"])
            .arg(&ca)
            .arg(receiver.url("/"))
            .status();
        assert_eq!(answered.unwrap().success(), right, "{name}");
        assert_eq!(receiver.requests().len(), usize::from(right), "{name}");
    }
}

#[test]
fn a_server_does_not_outlive_the_process_that_started_it() {
    let directory = tempfile::tempdir().unwrap();
    let pid = directory.path().join("pid");
    let mut command = Command::new("sh");
    command
        .args(["-c", "sleep 1000 & echo $! > \"$0\"; wait"])
        .arg(&pid);
    let mut server = Guarded::start(&mut command, &directory.path().join("log"));
    server.wait_until("it said its child's pid", || {
        std::fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n'))
    });
    let child = std::fs::read_to_string(&pid).unwrap();
    let alive = || {
        let mut test = Command::new("kill");
        let test = test.args(["-0", child.trim()]).stderr(Stdio::null());
        test.status().unwrap().success()
    };
    assert!(alive());
    // As when this process ends: the watcher's stdin closes.
    server.abandon();
    eventually("the watcher killed all", || !alive());
}
