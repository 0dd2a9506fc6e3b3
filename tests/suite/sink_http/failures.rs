//! Services that do not answer, or not so that it can be understood.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{NOT_CHECKED, posting_to, start};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Setup;

/// Asks once, and holds the answer and the log against what is promised.
fn fails(setup: Setup, cause: &str, advice: &str) {
    let setup = setup.arguments(&["--hooks", "pre-create", "--hooks-http-retry", "0"]);
    let (server, tus) = start(&setup);
    let answer = tus.create_with(3, &[]);
    assert_eq!(answer.status(), 503, "{cause}");
    assert_eq!(answer.text().unwrap(), NOT_CHECKED, "{cause}");
    assert!(server.stored_files().is_empty(), "{cause}");
    let line = server.wait_for_log("a plugin did not answer");
    for part in ["plugin=\"http\"", cause, advice] {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
}

#[test]
fn a_client_is_told_nothing_and_the_operator_what_to_do() {
    for (answer, cause, advice) in [
        (
            Answer::bytes("garbage\r\n\r\n"),
            "not HTTP",
            "what the server logs",
        ),
        (
            Answer::drop_connection(),
            "the connection ended",
            "whether it runs",
        ),
        (
            Answer::bytes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
            "its answer broke off",
            "what the server logs",
        ),
        (
            Answer::with(200, &[], &[b'x'; 1024 * 1024 + 1]),
            "too large",
            "max-response-kib",
        ),
        (
            Answer::bytes([&b"HTTP/1.0 200 OK\r\n\r\n"[..], &[b'x'; 1024 * 1024 + 1]].concat()),
            "too large",
            "max-response-kib",
        ),
        (
            Answer::status(302),
            "a redirect is no approval",
            "name the URL",
        ),
        (Answer::status(600), "neither a yes", "(200 to 299)"),
    ] {
        let receiver = Receiver::start(move |_| answer.clone());
        fails(posting_to(&[&receiver]), cause, advice);
    }
}

#[test]
fn a_service_that_is_slow_is_given_up_in_time() {
    let receiver = Receiver::start(|_| Answer::silence());
    let setup = posting_to(&[&receiver]).arguments(&["--http-hook-timeout", "100ms"]);
    fails(setup, "no answer within 100ms", "allow more time");
}

#[test]
fn a_service_that_is_not_there_is_named_without_its_path() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let setup = || Setup::new().arguments(&["--http-hook-timeout", "60"]);
    let url = format!("{server}/token-in-path");
    fails(
        setup().arguments(&["--hooks-http-urls", &url]),
        "refused",
        &format!("{server} did not"),
    );
    let url = "http://name.invalid/hooks";
    fails(
        setup().arguments(&["--hooks-http-urls", url]),
        "cannot be resolved",
        "the name is right",
    );
}

#[test]
fn a_certificate_must_be_one_to_trust_for_the_name() {
    let right = Receiver::start_tls("127.0.0.1", |_| Answer::status(204));
    let wrong = Receiver::start_tls("example.com", |_| Answer::status(204));
    let trusting = |receiver: &Receiver| {
        let setup = posting_to(&[receiver]).arguments(&["--hooks", "pre-create"]);
        let file = setup.path().join("ca.pem");
        std::fs::write(&file, receiver.certificate().unwrap()).unwrap();
        setup.arguments(&["--hooks-http-ca-file", file.to_str().unwrap()])
    };
    fails(
        posting_to(&[&right]),
        "TLS certificate",
        "--hooks-http-ca-file",
    );
    fails(trusting(&wrong), "TLS certificate", "--hooks-http-ca-file");
    assert!(right.requests().is_empty() && wrong.requests().is_empty());
    let (_server, tus) = start(&trusting(&right));
    assert_eq!(tus.create_with(3, &[]).status(), 201);
    assert_eq!(right.requests().len(), 1);
}

#[test]
fn a_question_is_put_again_under_the_same_key_until_there_is_an_answer() {
    let asked = AtomicUsize::new(0);
    let receiver = Receiver::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Answer::drop_connection(),
        _ => Answer::status(204),
    });
    let setup = posting_to(&[&receiver]).arguments(&["--hooks", "pre-create"]);
    let (_server, tus) = start(&setup);
    assert_eq!(tus.create_with(3, &[]).status(), 201);
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
fn connections_are_kept_for_the_next_question() {
    let receiver = Receiver::start(|_| Answer::status(204));
    let setup = posting_to(&[&receiver]).arguments(&["--hooks", "pre-create"]);
    let (_server, tus) = start(&setup);
    for _ in 0..5 {
        assert_eq!(tus.create_with(3, &[]).status(), 201);
    }
    assert_eq!((receiver.requests().len(), receiver.connections()), (5, 1));
}

#[test]
fn flags_that_cannot_be_used_end_the_start_and_say_why() {
    for (arguments, part) in [
        (
            ["--hooks-http-urls", "localhost:8000"],
            "expected absolute URLs",
        ),
        (
            ["--hooks-http-proxy-headers", "a b"],
            "no name of a header field",
        ),
        (["--hooks-http-ca-file", "/not/there"], "/not/there"),
        (["--http-hook-timeout", "never"], "expected seconds"),
        (["--hooks-http-secret", "hidden!"], "whsec_ and Base64"),
    ] {
        let setup = Setup::new().arguments(&["--hooks-http-urls", "http://localhost"]);
        let (status, log) = setup.arguments(&arguments).run();
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(log.contains(part) && !log.contains("hidden"), "{log}");
    }
}
