//! What only an example in Python shows: the bindings of Kafka, AMQP and gRPC.

use std::fs;

use crate::harness::eventually;
use crate::harness::grpc::Grpc;
use crate::harness::guests::replace;
use crate::harness::kafka::Kafka;
use crate::harness::project::Project;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

#[test]
fn an_example_passes_events_on_to_kafka_amqp_and_grpc() {
    let Some(project) = Project::of_example("python", "pass-on") else {
        return;
    };
    let module = project.component();
    let setup = Setup::new().with_hooks();
    let hooks = setup.hooks_dir();
    let plugin = |to: &str, allow: &str| {
        replace(&hooks.join(format!("to-{to}.wasm")), &module);
        let manifest = format!("events = [\"post-finish\"]\n[config]\nto = {to:?}\n{allow}");
        fs::write(hooks.join(format!("to-{to}.toml")), manifest).unwrap();
    };
    let kafka = Kafka::shared();
    if let Some(kafka) = kafka {
        kafka.create_topic("uploads", 1);
        let brokers = kafka.bootstrap();
        plugin("kafka", &format!("[allow.kafka]\nbrokers = [{brokers:?}]"));
    }
    let rabbitmq = RabbitMq::shared();
    if let Some(rabbitmq) = rabbitmq {
        let client = rabbitmq.client();
        client.declare_exchange("uploads", "topic");
        client.declare_queue("python", "uploads", "post-finish");
        plugin("amqp", &format!("[allow.amqp]\nurl = {:?}", rabbitmq.url()));
    }
    let grpc = Grpc::start();
    if let Some(grpc) = &grpc {
        let endpoint = grpc.address();
        plugin("grpc", &format!("[allow.grpc]\nendpoint = {endpoint:?}"));
    }
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = tus.location(&tus.create_with(5, &[]));
    assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
    let id = url.rsplit('/').next().unwrap();
    if let Some(kafka) = kafka {
        let record = kafka.wait_for("uploads", 1).remove(0);
        assert_eq!(record.key.as_deref(), Some(id));
        assert_eq!(record.json()["event"], "post-finish");
        assert_eq!(record.json()["size"], 5);
    }
    if let Some(rabbitmq) = rabbitmq {
        let message = rabbitmq.client().take_many("python", 1).remove(0);
        assert_eq!(message.json()["id"], id);
    }
    if let Some(grpc) = &grpc {
        eventually("the call comes", || !grpc.requests().is_empty());
        assert_eq!(grpc.requests()[0]["type"], "post-finish");
    }
}

#[test]
fn what_the_example_may_not_reach_it_is_denied() {
    let Some(project) = Project::of_example("python", "pass-on") else {
        return;
    };
    let setup = Setup::new().with_hooks();
    let hooks = setup.hooks_dir();
    replace(&hooks.join("pass-on.wasm"), &project.component());
    let manifest = "events = [\"post-finish\"]\n[config]\nto = \"amqp\"\n";
    fs::write(hooks.join("pass-on.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = tus.location(&tus.create_with(5, &[]));
    assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
    let line = server.wait_for_log("a plugin was denied");
    assert!(line.contains("[allow.amqp]"), "{line}");
    let line = server.wait_for_log("an event is a dead letter");
    assert!(line.contains("AmqpError_Denied"), "{line}");
}
