//! What can only be seen in the bytes of HTTP/1.1.

use super::start;
use crate::harness::eventually;
use crate::harness::guests::install;
use crate::harness::http2::Http2;
use crate::harness::server::Setup;
use crate::harness::tus::{OFFSET_TYPE, metadata};
use crate::harness::wire::{End, Wire};

/// The head of a creation with bytes.
fn head_with(length: u64, bytes: usize, fields: &str) -> String {
    format!(
        "POST /files HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\n\
         Upload-Length: {length}\nContent-Type: {OFFSET_TYPE}\n\
         Content-Length: {bytes}\n{fields}"
    )
}

#[test]
fn cwu_4_what_came_before_a_connection_broke_is_kept() {
    for end in [End::Fin, End::Rst] {
        let (server, _tus) = start(&[]);
        let wire = Wire::open(server.address(), &head_with(6, 6, ""), b"abc");
        let stored = || {
            let files = server.stored_files();
            let data = files.iter().find(|name| !name.ends_with(".info"));
            data.and_then(|name| std::fs::read(server.data_dir().join(name)).ok())
        };
        eventually("the upload is there", || stored().is_some());
        wire.end(end);
        eventually("the bytes are there", || {
            stored().is_some_and(|bytes| bytes == b"abc")
        });
    }
}

#[test]
fn cwu_5_a_creation_that_is_refused_is_answered_before_its_bytes_are_sent() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.arguments(&["--max-file-size", "1000"]).start();
    let reject = format!(
        "Upload-Metadata: {}\nExpect: 100-continue\n",
        metadata(&[("behave", "reject")])
    );
    for (length, fields, status) in [
        (2000, "Expect: 100-continue\n", "413"),
        (10, "Upload-Metadata: ,\nExpect: 100-continue\n", "400"),
        (10, &*reject, "403"),
    ] {
        // Not a byte of the body is sent.
        let mut wire = Wire::open(server.address(), &head_with(length, 10, fields), b"");
        let answer = wire.read_head();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    assert!(server.stored_files().is_empty());
}

#[test]
fn cwu_5_a_creation_that_is_accepted_is_told_to_go_on() {
    let (server, _tus) = start(&[]);
    let head = head_with(10, 10, "Expect: 100-continue\nConnection: close\n");
    let mut wire = Wire::open(server.address(), &head, b"");
    assert_eq!(wire.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
    // The bytes come when the upload is there.
    assert_eq!(server.stored_files().len(), 2);
    wire.write(b"0123456789").unwrap();
    let answer = wire.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(
        answer.to_lowercase().contains("upload-offset: 10"),
        "{answer}"
    );
}

#[test]
fn cwu_5_over_http2_the_same_is_said() {
    let (server, tus) = start(&["--max-file-size", "1000"]);
    let client = Http2::connect(server.address());
    let begin = |length| {
        let headers = [
            ("Upload-Length", length),
            ("Content-Type", OFFSET_TYPE),
            ("Expect", "100-continue"),
        ];
        client.begin("POST", "/files", &headers)
    };
    let mut refused = begin("2000");
    assert!(!refused.is_told_to_go_on());
    assert_eq!(refused.answer().status, 413);
    assert!(server.stored_files().is_empty());
    let mut accepted = begin("10");
    assert!(accepted.is_told_to_go_on());
    assert_eq!(server.stored_files().len(), 2);
    accepted.write(b"0123456789");
    accepted.end();
    let answer = accepted.answer();
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(tus.offset(answer.headers["location"].to_str().unwrap()), 10);
}

#[test]
fn connections_are_kept_alive() {
    let (server, _tus) = start(&[]);
    let request = "OPTIONS /files HTTP/1.1\nHost: localhost\n";
    let mut wire = Wire::open(server.address(), request, b"");
    wire.write(b"OPTIONS /files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let answers = wire.read_to_end();
    assert_eq!(answers.matches("HTTP/1.1 204").count(), 2, "{answers}");
}

#[test]
fn patch_7_a_client_that_stalls_is_told_and_the_connection_ends() {
    let (server, tus) = start(&["--read-timeout", "1"]);
    let url = tus.create(10);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let wire = Wire::open(server.address(), &Wire::patch_head(path, 0, 10), b"abc");
    let answer = wire.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(tus.offset(&url), 3);
}

#[test]
fn patch_8_as_much_as_came_is_stored() {
    for end in [End::Fin, End::Rst] {
        let (server, tus) = start(&[]);
        let url = tus.create(10);
        let path = url.strip_prefix(&server.origin()).unwrap();
        let head = Wire::patch_head(path, 0, 10);
        Wire::open(server.address(), &head, b"abc").end(end);
        // The bytes may be on their way still.
        eventually("they are stored", || tus.offset(&url) == 3);
        assert_eq!(tus.patch(&url, 3, "defghij").status(), 204);
        assert_eq!(tus.get(&url).text().unwrap(), "abcdefghij");
    }
}
