//! SIGTERM: nothing new begins, what came is stored, and the end comes in time.

use std::time::{Duration, Instant};

use crate::harness::eventually;
use crate::harness::http2::Http2;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;
use crate::harness::wire::Wire;

/// Bytes of an upload.
const LENGTH: usize = 1_000_000;

/// Bytes that an append begins with: more than the server holds back before it
/// writes, so that it can be seen that they came.
const BEGUN: usize = 300_000;

/// `LENGTH` bytes that are not alike.
fn content() -> Vec<u8> {
    (0..LENGTH).map(|offset| (offset % 251) as u8).collect()
}

/// An append of which `BEGUN` bytes are sent, and the upload's path.
fn append(server: &Server, tus: &Tus) -> (Wire, String) {
    let url = tus.create(LENGTH as u64);
    let path = url.strip_prefix(&server.origin()).unwrap().to_owned();
    let head = Wire::patch_head(&path, 0, LENGTH);
    let wire = Wire::open(server.address(), &head, &content()[..BEGUN]);
    eventually("the append runs", || !server.stored_bytes(&url).is_empty());
    (wire, path)
}

fn stored(server: &Server, path: &str) -> Vec<u8> {
    std::fs::read(
        server
            .data_dir()
            .join(path.strip_prefix("/files/").unwrap()),
    )
    .unwrap()
}

#[test]
fn a_stop_stores_what_came_and_tells_clients_to_come_back() {
    let mut server = Setup::new().start();
    let tus = Tus::new(server.files());
    let (stalled, stalled_path) = append(&server, &tus);
    let (mut running, running_path) = append(&server, &tus);
    let idle = Wire::open(server.address(), "OPTIONS /files HTTP/1.1\nHost: h\n", b"");
    let begun = Instant::now();
    server.send_sigterm();
    let sender = std::thread::spawn(move || {
        let content = content();
        let mut sent = BEGUN;
        while sent < LENGTH && running.write(&content[sent..=sent]).is_ok() {
            sent += 1;
            std::thread::sleep(Duration::from_millis(10));
            running.stream().set_nonblocking(true).unwrap();
            let answered = running.stream().peek(&mut [0]).is_ok();
            running.stream().set_nonblocking(false).unwrap();
            if answered {
                break;
            }
        }
        (running.read_to_end(), sent)
    });
    let answer = stalled.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    let (answer, sent) = sender.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(idle.read_to_end().starts_with("HTTP/1.1 204"));
    assert_eq!(server.wait().code(), Some(0));
    // The default of --shutdown-timeout.
    assert!(begun.elapsed() < Duration::from_secs(9));
    let content = content();
    assert!(stored(&server, &stalled_path) == content[..BEGUN]);
    let kept = stored(&server, &running_path);
    assert!((BEGUN..=sent).contains(&kept.len()), "{}", kept.len());
    assert!(content.starts_with(&kept));
}

#[test]
fn a_stop_does_the_same_over_http2() {
    let mut server = Setup::new().start();
    let tus = Tus::new(server.files());
    let url = tus.create(LENGTH as u64);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let client = Http2::connect(server.address());
    let mut stalled = client.patch(path, 0, &[]);
    stalled.write(&content()[..BEGUN]);
    eventually("the append runs", || !server.stored_bytes(&url).is_empty());
    server.send_sigterm();
    let answer = stalled.answer();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(server.wait().code(), Some(0));
    assert!(stored(&server, path) == content()[..BEGUN]);
}

#[test]
fn an_append_that_ends_by_itself_is_let() {
    let mut server = Setup::new().start();
    let tus = Tus::new(server.files());
    let (mut wire, path) = append(&server, &tus);
    let mark = server.mark();
    server.send_sigterm();
    server.wait_for_log_after(mark, "stopping");
    wire.write(&content()[BEGUN..]).unwrap();
    assert!(wire.read_head().starts_with("HTTP/1.1 204"));
    assert_eq!(server.wait().code(), Some(0));
    assert!(stored(&server, &path) == content());
}

#[test]
fn an_idle_server_stops_at_once() {
    let mut server = Setup::new()
        .arguments(&["--shutdown-timeout", "30"])
        .start();
    let silent = Wire::open(server.address(), "", b"");
    let begun = Instant::now();
    server.send_sigterm();
    assert_eq!(server.wait().code(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    drop(silent);
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let mut server = Setup::new()
        .arguments(&["--shutdown-timeout", "600"])
        .start();
    let tus = Tus::new(server.files());
    let (_wire, path) = append(&server, &tus);
    server.send_sigterm();
    server.wait_for_log("stopping");
    server.send_sigterm();
    assert_eq!(server.wait().code(), Some(1));
    server.wait_for_log("a second signal");
    // What was not written is lost, but nothing of what was.
    let kept = stored(&server, &path);
    assert!(!kept.is_empty() && content().starts_with(&kept));
}
