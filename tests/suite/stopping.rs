//! SIGTERM: nothing new begins, what came is stored, and the end comes in time.

use std::time::{Duration, Instant};

use crate::harness::eventually;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;
use crate::harness::wire::Wire;

/// An append that has begun, and the upload's path.
fn append(server: &Server, tus: &Tus, body: &[u8]) -> (Wire, String) {
    let url = tus.create(1_000_000);
    let path = url.strip_prefix(&server.origin()).unwrap().to_owned();
    let head = Wire::patch_head(&path, 0, 1_000_000);
    let wire = Wire::open(server.address(), &head, body);
    eventually("the append runs", || tus.offset(&url) == body.len() as u64);
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
    let (stalled, stalled_path) = append(&server, &tus, b"stalled");
    let (mut running, running_path) = append(&server, &tus, b"running");
    let idle = Wire::open(server.address(), "OPTIONS /files HTTP/1.1\nHost: h\n", b"");
    let begun = Instant::now();
    server.send_sigterm();
    let sender = std::thread::spawn(move || {
        let mut sent = 7;
        while running.write(b"x").is_ok() && sent < 100_000 {
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
    let (answer, sent) = sender.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(idle.read_to_end().starts_with("HTTP/1.1 204"));
    assert_eq!(server.wait().code(), Some(0));
    // The default of --shutdown-timeout.
    assert!(begun.elapsed() < Duration::from_secs(9));
    assert_eq!(stored(&server, &stalled_path), b"stalled");
    let kept = stored(&server, &running_path);
    assert!(
        kept.starts_with(b"running") && kept.len() <= sent,
        "{}",
        kept.len()
    );
}

#[test]
fn an_append_that_ends_by_itself_is_let() {
    let mut server = Setup::new().start();
    let tus = Tus::new(server.files());
    let (mut wire, _) = append(&server, &tus, b"begun");
    let mark = server.mark();
    server.send_sigterm();
    server.wait_for_log_after(mark, "stopping");
    wire.write(&vec![0; 1_000_000 - 5]).unwrap();
    assert!(wire.read_head().starts_with("HTTP/1.1 204"));
    assert_eq!(server.wait().code(), Some(0));
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
    let (_wire, path) = append(&server, &tus, b"stalled");
    server.send_sigterm();
    server.wait_for_log("stopping");
    server.send_sigterm();
    assert_eq!(server.wait().code(), Some(1));
    server.wait_for_log("a second signal");
    assert_eq!(stored(&server, &path), b"stalled");
}
