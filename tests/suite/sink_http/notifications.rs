//! Notifications come again until they are taken in.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{posting_to, start};
use crate::harness::eventually;
use crate::harness::guests::install;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Setup;

#[test]
fn a_service_that_wants_it_later_gets_it_later_under_the_same_key() {
    let asked = AtomicUsize::new(0);
    let receiver = Receiver::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::with(429, &[("Retry-After", "0")], b""),
        1 => Answer::with(
            503,
            &[("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT")],
            b"",
        ),
        _ => Answer::status(204),
    });
    let setup = posting_to(&[&receiver]).arguments(&["--hooks", "post-create"]);
    let (_server, tus) = start(&setup);
    tus.create(3);
    let requests = receiver.wait_for(3);
    let keys: Vec<_> = requests
        .iter()
        .map(|request| request.header("idempotency-key"))
        .collect();
    assert_eq!(keys, [keys[0]; 3]);
    assert!(
        requests
            .iter()
            .all(|request| request.body == requests[0].body)
    );
}

#[test]
fn a_service_that_refuses_for_good_is_not_told_again() {
    let receiver = Receiver::start(|_| Answer::status(410));
    let setup = posting_to(&[&receiver]).arguments(&["--hooks", "post-create,post-terminate"]);
    let (server, tus) = start(&setup);
    let url = tus.create(3);
    let line = server.wait_for_log("answered 410, which is final");
    assert!(line.contains("http"), "{line}");
    assert_eq!(tus.delete(&url).status(), 204);
    let requests = receiver.wait_for(2);
    let names: Vec<_> = requests
        .iter()
        .map(|request| request.header("hook-name"))
        .collect();
    assert_eq!(names, [Some("post-create"), Some("post-terminate")]);
}

#[test]
fn what_a_service_missed_comes_when_it_is_back_in_order_and_under_the_same_key() {
    let receiver = Receiver::start(|_| Answer::drop_connection());
    let address = receiver.address();
    let setup = posting_to(&[&receiver]).arguments(&["--hooks", "post-create,post-finish"]);
    let (server, tus) = start(&setup);
    let url = tus.create(3);
    let key = receiver.wait_for(1)[0]
        .header("idempotency-key")
        .map(str::to_owned);
    drop(receiver);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    // Neither are events lost by a kill meanwhile.
    server.kill();
    let _server = setup.start();

    let back = Receiver::start_at(address, |_| Answer::status(204));
    let requests = back.wait_for(2);
    let names: Vec<_> = requests
        .iter()
        .map(|request| request.header("hook-name").unwrap())
        .collect();
    assert_eq!(names, ["post-create", "post-finish"]);
    assert_eq!(requests[0].header("idempotency-key"), key.as_deref());
}

#[test]
fn a_service_that_fails_more_often_than_a_plugin_may_is_told_until_it_hears() {
    // Once more than one that breaks is asked. The waits between come to 51 s at most.
    let asked = AtomicUsize::new(0);
    let receiver = Receiver::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0..9 => Answer::status(500),
        _ => Answer::status(204),
    });
    let setup = posting_to(&[&receiver]).arguments(&["--hooks", "post-create"]);
    let (server, tus) = start(&setup);
    tus.create(3);
    receiver.wait_for(10);
    server.wait_for_log("a sink takes events again");
    assert!(!server.log().contains("an event is a dead letter"));
}

#[test]
fn a_hook_of_tusd_stops_an_upload() {
    let receiver = Receiver::start(|_| Answer::json(200, &json!({"StopUpload": true})));
    let setup = posting_to(&[&receiver])
        .arguments(&["--hooks", "post-receive"])
        .arguments(&["--hooks-format", "tusd-v2"]);
    let (server, tus) = start(&setup);
    let url = tus.create(4);
    assert_eq!(tus.patch(&url, 0, "ab").status(), 204);
    eventually("the upload is removed", || server.stored_files().is_empty());
    assert_eq!(tus.head(&url).status(), 404);
}

#[test]
fn nobody_waits_for_a_service_that_is_told() {
    let receiver = Receiver::start(|_| Answer::silence());
    let setup = posting_to(&[&receiver]).arguments(&["--hooks", "post-create,post-finish"]);
    let (_server, tus) = start(&setup);
    let url = tus.create(3);
    receiver.wait_for(1);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
}

#[test]
fn clients_who_ask_a_plugin_do_not_wait_for_what_it_is_told() {
    let receiver = Receiver::start(|request| match request.header("hook-name") {
        Some("pre-create") => Answer::status(204),
        _ => Answer::silence(),
    });
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "http", "http");
    let manifest = format!(
        "trial = false\nevents = [\"pre-create\", \"post-create\"]\n\
         [limits]\nconcurrent-calls = 2\nwall-time-ms = 60000\n\
         [config]\nurls = [\"{}\"]\ntimeout-ms = 60000\n\
         [allow.http]\nservers = [\"http://{}\"]\n",
        receiver.url("/hooks"),
        receiver.address(),
    );
    fs::write(setup.hooks_dir().join("http.toml"), manifest).unwrap();
    let (_server, tus) = start(&setup);
    for upload in 0..4 {
        tus.create(3);
        // Its event is on its way, or waits behind the one that is.
        receiver.wait_for(upload + 2);
    }
    let told = receiver.requests();
    let told = told
        .iter()
        .filter(|request| request.header("hook-name") == Some("post-create"));
    assert_eq!(told.count(), 1);
}
