//! The broker is away, refuses, or does not take a message. Uploads never notice,
//! the log says what to do, and what can be mended is delivered once it is.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    DECLARE, a_life, assert_in_order, event, id, into_one_queue, lives, publishing_to, upload,
    wait_for_queue,
};
use crate::harness::eventually;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::server::Server;
use crate::harness::tus::Tus;

const NOT_TAKEN: &str = "what a plugin passes on is not taken";

/// The line that says what is wrong, with all that an operator needs.
fn trouble(server: &Server, cause: &str, parts: &[&str]) {
    let cause = format!("cause=\"{cause}\"");
    eventually("the log says what is wrong", || {
        server.log().lines().any(|line| {
            line.contains(NOT_TAKEN)
                && line.contains("plugin=\"amqp\"")
                && line.contains("advice=")
                && line.contains(&cause)
                && parts.iter().all(|part| line.contains(part))
        })
    });
}

#[test]
fn a_broker_that_is_down_at_the_start_gets_all_events_once_it_is_there() {
    let Some(mut rabbitmq) = RabbitMq::start() else {
        return;
    };
    rabbitmq.stop();
    let server = into_one_queue(&rabbitmq.url(), "late").start();
    let tus = Tus::new(server.files());
    let uploads: Vec<String> = (0..10).map(|_| a_life(&tus)).collect();
    trouble(&server, "unavailable", &["no connection to the broker"]);
    rabbitmq.restart();
    let lives = lives(&rabbitmq.client(), "late", &uploads);
    assert_in_order(&lives, &uploads);
    server.wait_for_log("what a plugin passes on is taken again");
}

#[test]
fn a_broker_that_is_silent_holds_up_no_upload() {
    let Some(rabbitmq) = RabbitMq::start() else {
        return;
    };
    let server = into_one_queue(&rabbitmq.url(), "silent").start();
    let tus = Tus::new(server.files());
    let first = a_life(&tus);
    lives(&rabbitmq.client(), "silent", &[first]);
    // Nothing of this could be answered if anybody waited for the broker.
    rabbitmq.process().freeze();
    let uploads: Vec<String> = (0..10).map(|_| a_life(&tus)).collect();
    rabbitmq.process().thaw();
    let lives = lives(&rabbitmq.client(), "silent", &uploads);
    assert_in_order(&lives, &uploads);
}

#[test]
fn a_broker_that_dies_under_load_loses_no_event() {
    let Some(mut rabbitmq) = RabbitMq::start() else {
        return;
    };
    let server = into_one_queue(&rabbitmq.url(), "mortal").start();
    let ended = AtomicBool::new(false);
    let uploads = std::thread::scope(|scope| {
        let load = || {
            let tus = Tus::new(server.files());
            let mut uploads = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                uploads.push(a_life(&tus));
                // Enough to be under way when it dies, and few enough to be told.
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            uploads
        };
        let threads = [scope.spawn(load), scope.spawn(load)];
        for _ in 0..2 {
            eventually("events arrive", || {
                let waiting = rabbitmq.client().waiting("mortal");
                waiting.is_some_and(|count| count > 20)
            });
            rabbitmq.kill();
            rabbitmq.restart();
        }
        ended.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    let lives = lives(&rabbitmq.client(), "mortal", &uploads);
    assert_in_order(&lives, &uploads);
}

#[test]
fn a_wrong_password_is_named_and_not_shown() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let url = rabbitmq.url_for("guest", "sesame");
    let server = publishing_to(&url, "locked").start();
    a_life(&Tus::new(server.files()));
    let parts = ["ACCESS_REFUSED", "correct the user and the password"];
    trouble(&server, "unavailable", &parts);
    assert!(!server.log().contains("sesame"));
}

#[test]
fn a_missing_exchange_is_named_and_events_wait_for_it() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let server = publishing_to(&rabbitmq.url(), "absent").start();
    let url = Tus::new(server.files()).create(3);
    trouble(&server, "refused", &["no exchange 'absent'", "create it"]);
    let client = rabbitmq.client();
    // The queue hangs on the exchange before anything is published to it.
    client.declare_exchange("absent", "topic");
    client.declare_queue("absent", "absent", "#");
    let messages = client.take_many("absent", 1);
    assert_eq!(upload(&messages[0]), id(&url));
}

#[test]
fn a_message_without_a_queue_is_named_and_waits_for_one() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let client = rabbitmq.client();
    client.declare_exchange("lonely", "topic");
    let server = publishing_to(&rabbitmq.url(), "lonely").start();
    let url = Tus::new(server.files()).create(3);
    let parts = ["`lonely`", "`lonely.pre-create`", "bind a queue"];
    trouble(&server, "unroutable", &parts);
    client.declare_queue("lonely", "lonely", "#");
    let messages = client.take_many("lonely", 2);
    let events: Vec<String> = messages.iter().map(event).collect();
    assert_eq!(events, ["pre-create", "post-create"]);
    assert!(messages.iter().all(|message| upload(message) == id(&url)));
}

#[test]
fn what_has_no_queue_is_told_from_what_is_confirmed_beside_it() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let client = rabbitmq.client();
    client.declare_exchange("mixed", "topic");
    client.declare_queue("mixed-first", "mixed", "mixed.pre-create");
    let server = publishing_to(&rabbitmq.url(), "mixed")
        .arguments(&["--hooks", "pre-create,post-create"])
        .start();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let tus = Tus::new(server.files());
            std::thread::spawn(move || (0..20).map(|_| tus.create(3)).collect::<Vec<_>>())
        })
        .collect();
    let urls = threads.into_iter().map(|thread| thread.join().unwrap());
    let urls: BTreeSet<String> = urls.flatten().collect();
    trouble(&server, "unroutable", &["`mixed.post-create`"]);
    client.declare_queue("mixed-second", "mixed", "mixed.post-create");
    for queue in ["mixed-first", "mixed-second"] {
        let mut left: BTreeSet<&str> = urls.iter().map(|url| id(url)).collect();
        while !left.is_empty() {
            left.remove(upload(&client.take_many(queue, 1)[0]).as_str());
        }
    }
}

#[test]
fn a_queue_that_was_removed_is_declared_again() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let client = rabbitmq.client();
    let server = into_one_queue(&rabbitmq.url(), "removed").start();
    let tus = Tus::new(server.files());
    let first = a_life(&tus);
    lives(&client, "removed", &[first]);
    client.delete_queue("removed");
    let uploads = [a_life(&tus)];
    assert_in_order(&lives(&client, "removed", &uploads), &uploads);
}

#[test]
fn an_exchange_of_another_kind_is_named() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    rabbitmq.client().declare_exchange("other-kind", "fanout");
    let server = publishing_to(&rabbitmq.url(), "other-kind")
        .arguments(&DECLARE)
        .start();
    a_life(&Tus::new(server.files()));
    let parts = ["PRECONDITION_FAILED", "'other-kind'", "declare it as it is"];
    trouble(&server, "refused", &parts);
}

#[test]
fn a_message_that_is_too_large_is_a_dead_letter_and_others_go_on() {
    let Some(rabbitmq) = RabbitMq::start() else {
        return;
    };
    rabbitmq.control(&[
        "eval",
        "application:set_env(rabbit, max_message_size, 5000).",
    ]);
    let server = into_one_queue(&rabbitmq.url(), "small")
        .arguments(&["--hooks", "post-create"])
        .start();
    let tus = Tus::new(server.files());
    let large = "x".repeat(5000);
    let url = tus.location(&tus.create_with(3, &[("note", &large)]));
    trouble(&server, "too-large", &["message size", "max_message_size"]);
    let dead = || {
        let listed = Command::new(env!("CARGO_BIN_EXE_rustus"))
            .args(["outbox", "list", "--json", "--state", "dead"])
            .arg("--info-dir")
            .arg(server.data_dir())
            .env_clear()
            .output();
        String::from_utf8(listed.unwrap().stdout).unwrap()
    };
    eventually("it is given up", || dead().contains(id(&url)));
    assert_eq!(dead().lines().count(), 1, "{}", dead());

    let other = tus.create(3);
    let client = rabbitmq.client();
    wait_for_queue(&client, "small");
    let message = client.take_many("small", 1).remove(0);
    assert_eq!(upload(&message), id(&other));
}
