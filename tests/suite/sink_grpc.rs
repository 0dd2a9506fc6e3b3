//! The sink `grpc`: what a real server of tusd's `HookHandler` gets, and what its
//! answers do.

use std::fs;

use serde_json::{Value, json};

use crate::harness::eventually;
use crate::harness::grpc::Grpc;
use crate::harness::guarded::free_port;
use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header};

const ALL: &str = "pre-create,post-create,post-receive,pre-finish,post-finish,pre-get,pre-terminate,\
                   post-terminate";

fn calling(server: &str, flags: &[&str]) -> (Server, Tus) {
    let server = Setup::new()
        .arguments(&["--hooks", ALL, "--hooks-grpc", server])
        .arguments(&["--hooks-grpc-backoff", "10ms"])
        .arguments(flags)
        .start();
    let tus = Tus::new(server.files());
    (server, tus)
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// What came of one kind.
fn of_kind(grpc: &Grpc, kind: &str) -> Vec<Value> {
    let mut requests = grpc.requests();
    requests.retain(|request| request["type"] == kind);
    requests
}

#[test]
fn all_events_of_an_upload_are_asked_and_told_in_their_order() {
    let Some(grpc) = Grpc::start() else { return };
    let (_server, tus) = calling(&grpc.address(), &[]);
    let url = tus.location(&tus.create_with(4, &[("filename", "a.txt"), ("empty", "")]));
    assert_eq!(tus.patch(&url, 0, "ab").status(), 204);
    assert_eq!(tus.patch(&url, 2, "cd").status(), 204);
    assert_eq!(tus.get(&url).status(), 200);
    assert_eq!(tus.delete(&url).status(), 204);
    eventually("the end is told", || {
        of_kind(&grpc, "post-terminate").len() == 1
    });
    for (kind, offset) in [
        ("pre-create", "0"),
        ("post-create", "0"),
        ("pre-finish", "4"),
        ("post-finish", "4"),
        ("pre-get", "4"),
        ("pre-terminate", "4"),
        ("post-terminate", "4"),
    ] {
        let requests = of_kind(&grpc, kind);
        assert_eq!(requests.len(), 1, "{kind}: {requests:?}");
        let upload = &requests[0]["event"]["upload"];
        assert_eq!(upload["id"], id(&url), "{kind}");
        assert_eq!(upload["offset"], offset, "{kind}");
        assert_eq!(upload["size"], "4", "{kind}");
        assert_eq!(
            upload["metaData"],
            json!({"filename": "a.txt", "empty": ""})
        );
    }
    let created = &of_kind(&grpc, "pre-create")[0]["event"];
    assert_eq!(created["httpRequest"]["method"], "POST");
    assert_eq!(created["httpRequest"]["uri"], "/files");
    assert_eq!(created["httpRequest"]["remoteAddr"], "127.0.0.1");
    assert_eq!(created["httpRequest"]["header"]["upload-length"], "4");
    assert_eq!(created["upload"]["storage"], json!({}));
    let stored = &of_kind(&grpc, "post-create")[0]["event"]["upload"]["storage"];
    assert_eq!(stored["Type"], "file_storage");
    assert!(stored["Path"].as_str().unwrap().ends_with(id(&url)));
}

#[test]
fn a_rejection_is_passed_on_and_nothing_is_created() {
    let Some(grpc) = Grpc::start() else { return };
    let (server, tus) = calling(&grpc.address(), &[]);
    let pairs = [("reject", "451"), ("answer-header", "why not")];
    let answer = tus.create_with(3, &pairs);
    assert_eq!(answer.status(), 451);
    assert_eq!(header(&answer, "x-hook"), "why not");
    assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.text().unwrap(), "451 as told");
    assert!(server.stored_files().is_empty());
}

#[test]
fn an_upload_is_created_as_the_service_changes_it() {
    let Some(grpc) = Grpc::start() else { return };
    let (server, tus) = calling(&grpc.address(), &[]);
    let answer = tus.create_with(
        3,
        &[
            ("change-id", "mine"),
            ("change-path", "in/here"),
            ("change-name", "b.txt"),
            ("answer-header", "changed"),
        ],
    );
    assert_eq!(answer.status(), 201);
    assert_eq!(header(&answer, "x-hook"), "changed");
    let url = tus.location(&answer);
    assert_eq!(id(&url), "mine");
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(fs::read(server.data_dir().join("in/here")).unwrap(), b"abc");
    let metadata = tus.head(&url);
    assert_eq!(header(&metadata, "upload-metadata"), "filename Yi50eHQ=");
}

#[test]
fn a_call_that_fails_is_repeated_as_often_as_the_flag_says_and_then_refuses() {
    let Some(grpc) = Grpc::start() else { return };
    let (server, tus) = calling(&grpc.address(), &["--hooks-grpc-retry", "2"]);
    let unavailable = |times| [("fail", "UNAVAILABLE"), ("fail-times", times)];
    assert_eq!(tus.create_with(3, &unavailable("2")).status(), 201);
    assert_eq!(of_kind(&grpc, "pre-create").len(), 3);
    let answer = tus.create_with(3, &unavailable("3"));
    assert_eq!(answer.status(), 503);
    let text = answer.text().unwrap();
    assert!(
        !text.contains("as told") && !text.contains("gRPC"),
        "{text}"
    );
    assert_eq!(of_kind(&grpc, "pre-create").len(), 6);
    // What will not pass is not repeated.
    let denied = [("fail", "PERMISSION_DENIED")];
    assert_eq!(tus.create_with(3, &denied).status(), 503);
    assert_eq!(of_kind(&grpc, "pre-create").len(), 7);
    server.wait_for_log("the service answered the status 7: as told");
}

#[test]
fn a_server_that_is_slow_away_or_no_such_server_refuses_and_is_said() {
    let Some(mut grpc) = Grpc::start() else {
        return;
    };
    let quick = ["--hooks-grpc-retry", "0", "--hooks-grpc-timeout", "1"];
    let (server, tus) = calling(&grpc.address(), &quick);
    assert_eq!(tus.create_with(3, &[("delay", "30")]).status(), 503);
    server.wait_for_log("no answer within 1000 ms");
    grpc.kill();
    let mark = server.mark();
    assert_eq!(tus.create_with(3, &[]).status(), 503);
    let line = server.wait_for_log_after(mark, "the gRPC server does not answer");
    assert!(line.contains("plugin=\"grpc\""), "{line}");
    // It comes back, and nobody has to do anything.
    grpc.restart();
    eventually("it is asked again", || {
        tus.create_with(3, &[]).status() == 201
    });
    let (server, tus) = calling(
        &grpc.address(),
        &[&quick[..], &["--hooks-grpc-secure"]].concat(),
    );
    assert_eq!(tus.create_with(3, &[]).status(), 503);
    let line = server.wait_for_log("the gRPC server does not answer");
    assert!(line.contains("TLS"), "{line}");
}

#[test]
fn a_server_that_is_away_at_the_start_ends_nothing() {
    let quick = ["--hooks-grpc-retry", "0"];
    let (_server, tus) = calling(&format!("127.0.0.1:{}", free_port()), &quick);
    assert_eq!(tus.create_with(3, &[]).status(), 503);
}

#[test]
fn a_server_that_cannot_be_one_ends_the_start() {
    for (flags, part) in [
        (&["--hooks-grpc", "nowhere"][..], "host:port"),
        (
            &[
                "--hooks-grpc=a:1",
                "--hooks-grpc-secure",
                "--hooks-grpc-server-tls-certificate=/no.pem",
            ],
            "/no.pem cannot be read",
        ),
    ] {
        let (status, said) = Setup::new().arguments(flags).run();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn the_module_runs_from_the_directory_too() {
    let Some(grpc) = Grpc::start() else { return };
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "grpc", "asks");
    let manifest = format!(
        "events = [\"pre-create\"]\ntrial = false\n[allow.grpc]\nendpoint = \"{}\"\n",
        grpc.address()
    );
    fs::write(setup.hooks_dir().join("asks.toml"), manifest).unwrap();
    let server = setup.start();
    let answer = Tus::new(server.files()).create_with(3, &[("reject", "403")]);
    assert_eq!(answer.status(), 403);
}

#[test]
fn every_blocking_event_can_be_refused() {
    let Some(grpc) = Grpc::start() else { return };
    let (server, tus) = calling(&grpc.address(), &[]);
    let refused_at = |event| [("reject", "402"), ("at", event)];
    let url = tus.location(&tus.create_with(3, &refused_at("pre-finish")));
    let answer = tus.patch(&url, 0, "abc");
    assert_eq!(answer.status(), 402);
    assert_eq!(answer.text().unwrap(), "402 as told");
    // It stays complete and unfinished, and the client may ask again.
    assert_eq!(tus.offset(&url), 3);
    assert_eq!(tus.patch(&url, 3, "").status(), 402);
    assert_eq!(of_kind(&grpc, "pre-finish").len(), 2);

    let url = tus.location(&tus.create_with(3, &refused_at("pre-get")));
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.get(&url).status(), 402);

    let url = tus.location(&tus.create_with(3, &refused_at("pre-terminate")));
    assert_eq!(tus.delete(&url).status(), 402);
    assert_eq!(tus.head(&url).status(), 200);
    assert_eq!(server.stored_bytes(&url), b"");
}

#[test]
fn the_answer_to_the_last_bytes_is_the_one_of_the_service() {
    let Some(grpc) = Grpc::start() else { return };
    let (_server, tus) = calling(&grpc.address(), &[]);
    let pairs = [("finish", "200"), ("answer-header", "thanks")];
    let url = tus.location(&tus.create_with(3, &pairs));
    let answer = tus.patch(&url, 0, "abc");
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "x-hook"), "thanks");
    assert_eq!(answer.text().unwrap(), "finished as told");
}

#[test]
fn progress_stops_an_upload() {
    let Some(grpc) = Grpc::start() else { return };
    let (server, tus) = calling(&grpc.address(), &[]);
    let url = tus.location(&tus.create_with(6, &[("stop", "413")]));
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    eventually("it is gone", || tus.head(&url).status() == 404);
    eventually("and its bytes", || server.stored_files().is_empty());
}

#[test]
fn a_call_says_which_event_it_is_and_carries_the_fields_that_are_forwarded() {
    let Some(grpc) = Grpc::start() else { return };
    let flags = ["--hooks-grpc-forward-headers", "Authorization,X-Token"];
    let (_server, tus) = calling(&grpc.address(), &flags);
    let fields = [
        ("Upload-Length", "3"),
        ("Authorization", "Bearer t"),
        ("X-Other", "1"),
    ];
    assert_eq!(tus.post(&fields).status(), 201);
    let metadata = &of_kind(&grpc, "pre-create")[0]["callMetadata"];
    assert_eq!(metadata["hook-name"], "pre-create");
    assert_eq!(metadata["event-id"].as_str().unwrap().len(), 36);
    assert_eq!(metadata["authorization"], "Bearer t");
    assert_eq!(metadata["x-token"], Value::Null);
    assert_eq!(metadata["x-other"], Value::Null);
}

#[test]
fn tls_is_spoken_to_the_certificate_that_is_named_and_to_no_other() {
    for (name, right) in [("127.0.0.1", true), ("example.com", false)] {
        let Some(grpc) = Grpc::start_tls(name) else {
            return;
        };
        let certificate = grpc.certificate();
        let flags = [
            "--hooks-grpc-secure",
            "--hooks-grpc-server-tls-certificate",
            certificate.to_str().unwrap(),
            "--hooks-grpc-retry=0",
        ];
        let (server, tus) = calling(&grpc.address(), &flags);
        let status = tus.create_with(3, &[]).status();
        assert_eq!(status, if right { 201 } else { 503 }, "{name}");
        if !right {
            let line = server.wait_for_log("the gRPC server does not answer");
            assert!(line.contains("certificate"), "{line}");
        }
        assert_eq!(grpc.requests().is_empty(), !right);
        // And to none that only the system would have to trust.
        let (_server, tus) = calling(&grpc.address(), &[flags[0], flags[3]]);
        assert_eq!(tus.create_with(3, &[]).status(), 503);
    }
}
