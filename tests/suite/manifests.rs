//! `NAME.toml`: what is wrong in it is told in one line with what is right, the
//! generation before keeps serving, and what is right takes effect at one stroke.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::harness::guests::{install, replace};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::rounds;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

/// A server with one guest, called `one`, and its manifest.
fn with(guest: &str, manifest: &str) -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), guest, "one");
    fs::write(setup.hooks_dir().join("one.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

fn write(server: &Server, name: &str, text: &str) {
    replace(&server.hooks_dir().join(name), text.as_bytes());
}

/// What a `refuse-meme` says to a meme.
fn message(tus: &Tus) -> String {
    tus.create_with(3, &[("meme", "pepe")]).text().unwrap()
}

#[test]
fn a_wrong_key_is_told_with_the_right_one_and_the_generation_before_keeps_serving() {
    let (server, tus) = with("refuse-meme", "[config]\nmessage = \"one\"\n");
    for (manifest, problem) in [
        (
            "ordr = 1",
            "line 1: unknown key `ordr`, did you mean `order`?",
        ),
        (
            "[limits]\nmemory = 1",
            "line 2: unknown key `memory` under [limits], did you mean `memory-mib`?",
        ),
        (
            "[allow.http]\nserver = []",
            "line 2: unknown key `server` under [allow.http], did you mean `servers`?",
        ),
        (
            "events = [\"pre-crate\"]",
            "line 1: unknown value `pre-crate` in `events`, did you mean `pre-create`?",
        ),
    ] {
        let mark = server.mark();
        write(&server, "one.toml", manifest);
        let line = server.wait_for_log_after(mark, "the generation before keeps serving");
        assert!(line.contains(&problem.replace('"', "\\\"")), "{line}");
        assert_eq!(message(&tus), "one");
    }
}

#[test]
fn a_configuration_that_does_not_fit_the_schema_of_the_plugin_is_not_used() {
    let (server, tus) = with("refuse-meme", "[config]\nmessage = \"one\"\n");
    for (config, parts) in [
        ("status = \"geheim\"", ["`status`", "integer"]),
        ("status = 200", ["`status`", "minimum of 400"]),
        ("mesage = \"geheim\"", ["mesage", "unexpected"]),
    ] {
        let mark = server.mark();
        write(&server, "one.toml", &format!("[config]\n{config}\n"));
        let line = server.wait_for_log_after(mark, "the generation before keeps serving");
        assert!(line.contains("does not fit the plugin's schema"), "{line}");
        for part in parts {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains("geheim"), "{line}");
        assert_eq!(message(&tus), "one");
    }
    let mark = server.mark();
    write(&server, "one.toml", "[config]\nmessage = \"two\"\n");
    server.wait_for_log_after(mark, "plugin loaded");
    assert_eq!(message(&tus), "two");
}

#[test]
fn a_schema_beside_the_module_goes_before_the_one_in_it_and_is_read_anew_when_it_changes() {
    let (server, tus) = with("refuse-meme", "[config]\nmessage = \"one\"\n");
    for (schema, part) in [
        (
            r#"{"required": ["token"]}"#,
            "\\\"token\\\" is a required property",
        ),
        (r##"{"$ref": "#"}"##, "refers to itself"),
        (r#"{"$ref": "http://127.0.0.1:1/s"}"#, "nothing is fetched"),
        ("{", "no JSON"),
    ] {
        let mark = server.mark();
        write(&server, "one.schema.json", schema);
        let line = server.wait_for_log_after(mark, "the generation before keeps serving");
        assert!(line.contains(part), "{line}");
        assert_eq!(message(&tus), "one");
    }
    let mark = server.mark();
    write(&server, "one.schema.json", r#"{"type": "object"}"#);
    let line = server.wait_for_log_after(mark, "plugin loaded");
    assert!(line.contains("generation=2"), "{line}");
    assert!(!server.log().contains("ignored"), "{}", server.log());
}

/// Grants of two servers alternate while clients upload and a plugin asks one of
/// them. Each answer is that of a grant which held while the request was under way,
/// and no upload fails.
#[test]
fn grants_are_swapped_under_load_and_no_upload_fails() {
    let receivers =
        ["a", "b"].map(|name| Receiver::start(|_| Answer::with(200, &[], name.as_bytes())));
    let manifest = |number: usize| {
        let granted = receivers[number % 2].url("");
        format!("limits.wall-time-ms = 60000\n[allow.http]\nservers = [\"{granted}\"]\n")
    };
    let (server, tus) = with("fetch", &manifest(0));
    let begun = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let over = AtomicBool::new(false);
    let is_over = || over.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over() {
                    let url = tus.create(3);
                    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
                }
            });
        }
        for (which, receiver) in receivers.iter().enumerate() {
            let (tus, begun, done) = (&tus, &begun, &done);
            scope.spawn(move || {
                let url = receiver.url("/");
                while !is_over() {
                    let oldest = done.load(Ordering::SeqCst);
                    let said = tus.create_with(3, &[("fetch", &url)]).text().unwrap();
                    let newest = begun.load(Ordering::SeqCst);
                    let granted = match said.as_str() {
                        "200 a" | "200 b" => true,
                        denied if denied.contains("HttpRequestDenied") => false,
                        other => panic!("{other}"),
                    };
                    let explained = (oldest..=newest).any(|n| (n % 2 == which) == granted);
                    assert!(explained, "{said} of {which} between {oldest} and {newest}");
                }
            });
        }
        for number in 1..=rounds(200, 20) {
            let mark = server.mark();
            begun.store(number, Ordering::SeqCst);
            write(&server, "one.toml", &manifest(number));
            server.wait_for_log_after(mark, "plugin loaded");
            done.store(number, Ordering::SeqCst);
        }
        over.store(true, Ordering::SeqCst);
    });
    assert!(!server.log().contains("a plugin did not answer"));
}

/// The modules of the sinks, put into the directory by somebody who gave them
/// nothing, reach nothing; the operator reads what to write, each time.
#[test]
fn without_a_grant_no_broker_and_no_service_is_reached() {
    for (guest, config, capability, write) in [
        ("amqp", "", "amqp", "url = \\\"amqp://"),
        (
            "kafka",
            "topic = \"t\"",
            "kafka",
            "brokers = [\\\"HOST:9092\\\"]",
        ),
        ("grpc", "", "grpc", "endpoint = \\\"HOST:PORT\\\""),
    ] {
        let (server, tus) = with(
            guest,
            &format!("on-error = \"allow\"\n[config]\n{config}\n"),
        );
        let mark = server.mark();
        assert_eq!(tus.create_with(3, &[]).status(), 201, "{guest}");
        let line = server.wait_for_log_after(mark, "a plugin was denied");
        let capability = format!("capability=\"{capability}\"");
        for part in ["plugin=\"one\"", &capability, write, "under [allow."] {
            assert!(line.contains(part), "{line}");
        }
    }
}
