//! Nobody holds a connection or an upload by silence, and nonsense is answered
//! once and fills no log.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::http2::Http2;
use crate::harness::server::Setup;
use crate::harness::tus::Tus;
use crate::harness::wire::{End, Wire};

#[test]
fn a_body_that_sends_nothing_ends_with_what_came_and_frees_the_upload() {
    let server = Setup::new().arguments(&["--read-timeout", "1"]).start();
    let tus = Tus::new(server.files());
    let url = tus.create(10);
    let path = url.strip_prefix(&server.origin()).unwrap();
    for (head, body) in [
        (Wire::patch_head(path, 0, 10), b"abc".as_slice()),
        (
            Wire::patch_head(path, 3, 0).replace("Content-Length: 0", "Transfer-Encoding: chunked"),
            b"2\r\nde\r\n3\r\n",
        ),
    ] {
        let wire = Wire::open(server.address(), &head, body);
        let answer = wire.read_to_end();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("What came is stored."), "{answer}");
    }
    assert_eq!(tus.offset(&url), 5);
    assert_eq!(tus.patch(&url, 5, "fghij").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdefghij");
}

#[test]
fn a_body_that_is_slow_but_comes_is_not_ended() {
    let server = Setup::new().arguments(&["--read-timeout", "2"]).start();
    let tus = Tus::new(server.files());
    let url = tus.create(6);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let head = Wire::patch_head(path, 0, 6) + "Connection: close\n";
    let mut wire = Wire::open(server.address(), &head, b"");
    for _ in 0..6 {
        std::thread::sleep(std::time::Duration::from_millis(500));
        wire.write(b"x").unwrap();
    }
    let answer = wire.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

#[test]
fn a_head_that_does_not_get_ready_ends_the_connection_also_on_later_requests() {
    let server = Setup::new().start();
    let mut first = TcpStream::connect(server.address()).unwrap();
    first
        .write_all(b"OPTIONS /files HTTP/1.1\r\nHost:")
        .unwrap();
    let mut later = Wire::open(server.address(), "OPTIONS /files HTTP/1.1\nHost: h\n", b"");
    assert!(later.read_head().starts_with("HTTP/1.1 204"));
    later.write(b"OPTIONS /files HTTP/1.1\r\nHost:").unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(later.read_to_end(), "");
}

#[test]
fn a_chunked_body_is_not_read_for_ever_after_its_refusal() {
    let server = Setup::new().start();
    let head = Wire::patch_head("/files/nowhere", 0, 0)
        .replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let mut wire = Wire::open(server.address(), &head, b"1\r\na\r\n");
    assert!(wire.read_head().starts_with("HTTP/1.1 404"));
    // The client goes on for as long as it is let.
    let chunk = [b"10000\r\n".as_slice(), &[0; 0x10000], b"\r\n"].concat();
    let begun = std::time::Instant::now();
    while wire.write(&chunk).is_ok() {
        assert!(begun.elapsed().as_secs() < 60, "it is still read");
    }
}

#[test]
fn heads_that_are_too_large_or_no_http_are_answered_and_not_logged() {
    let server = Setup::new().arguments(&["--log-level", "info"]).start();
    let many: String = (0..200).map(|n| format!("X-{n}: a\n")).collect();
    let large = format!("X-Large: {}\n", "a".repeat(200_000));
    for (fields, status) in [
        (many, "431"),
        (large, "431"),
        ("no field\n".to_owned(), "400"),
    ] {
        let head = format!("OPTIONS /files HTTP/1.1\nHost: h\n{fields}");
        let wire = Wire::open(server.address(), &head, b"");
        let answer = wire.read_to_end();
        // Of what was not read a reset may take the answer back.
        let refused = answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}"));
        assert!(refused, "{answer}");
    }
    let log = server.terminate_and_read();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

#[test]
fn connections_beyond_the_most_wait_and_do_not_disturb_the_others() {
    let server = Setup::new()
        .arguments(&["--workers", "1", "--max-connections", "2"])
        .start();
    let head = "OPTIONS /files HTTP/1.1\nHost: h\n";
    let mut first = Wire::open(server.address(), head, b"");
    let mut second = Wire::open(server.address(), head, b"");
    assert!(first.read_head().starts_with("HTTP/1.1 204"));
    assert!(second.read_head().starts_with("HTTP/1.1 204"));
    let mut third = Wire::open(server.address(), head, b"");
    third.stream().set_nonblocking(true).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(third.stream().read(&mut [0]).is_err(), "it was answered");
    third.stream().set_nonblocking(false).unwrap();
    first
        .write(b"OPTIONS /files HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    assert!(first.read_head().starts_with("HTTP/1.1 204"));
    second.end(End::Fin);
    assert!(third.read_head().starts_with("HTTP/1.1 204"));
}

#[test]
fn an_upload_that_stalls_over_http2_ends_too() {
    let server = Setup::new().arguments(&["--read-timeout", "1"]).start();
    let tus = Tus::new(server.files());
    let url = tus.create(10);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let client = Http2::connect(server.address());
    let mut stalled = client.patch(path, 0, &[]);
    stalled.write(b"abc");
    let answer = stalled.answer();
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.body.contains("What came is stored."), "{answer:?}");
    assert_eq!(tus.offset(&url), 3);
    // The connection goes on.
    let mut rest = client.patch(path, 3, &[]);
    rest.write(b"defghij");
    rest.end();
    assert_eq!(rest.answer().status, 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdefghij");
}
