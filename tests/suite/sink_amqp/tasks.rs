//! Celery: a real worker runs the tasks that the server publishes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::a_life;
use crate::harness::celery::Celery;
use crate::harness::eventually;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

#[test]
fn a_celery_worker_runs_a_task_for_each_event() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let Some(celery) = Celery::start(&rabbitmq.url(), "tasks") else {
        return;
    };
    // The flags of the reference, with this test's own queue.
    let server = Setup::new()
        .arguments(&["--hooks-amqp-url", &rabbitmq.url()])
        .arguments(&["--hooks-amqp-exchange", "tasks"])
        .arguments(&["--hooks-amqp-exchange-kind", "direct"])
        .arguments(&["--hooks-amqp-routing-key", "tasks"])
        .argument("--hooks-amqp-celery")
        .start();
    let upload = a_life(&Tus::new(server.files()));
    let is = |task: &Value, event: &str| task["event"] == event;
    eventually("the last task ran", || {
        let tasks = celery.tasks();
        tasks.iter().any(|task| is(task, "post-terminate"))
    });
    let mut tasks = celery.tasks();
    tasks.retain(|task| !is(task, "post-receive"));
    let events = tasks.iter().map(|task| task["event"].as_str().unwrap());
    assert!(events.eq(super::MILESTONES), "{}", celery.log());
    let ids: BTreeSet<&str> = tasks
        .iter()
        .map(|task| task["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), tasks.len());
    for task in &tasks {
        assert_eq!(task["data"]["upload"]["id"], upload.as_str());
        assert!(task["data"]["request"]["URI"].is_string(), "{task}");
    }
    // What its log calls the arguments is not what clients sent.
    assert!(!celery.log().contains("Traceback"), "{}", celery.log());
}
