//! What the cleaner takes, and what not. What the protocol asks for is in
//! `protocol/expiration.rs`.

use std::time::Duration;

use crate::harness::eventually;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;
use crate::harness::wire::Wire;

const HOUR: Duration = Duration::from_secs(3600);

fn start(arguments: &[&str]) -> (Server, Tus) {
    let server = Setup::new().arguments(arguments).start();
    let tus = Tus::new(server.files());
    (server, tus)
}

#[test]
fn an_upload_that_is_being_continued_does_not_expire() {
    let (server, tus) = start(&["--expiration", "1h", "--expiration-interval", "1s"]);
    let body = vec![b'x'; 1_000_000];
    let url = tus.create(body.len() as u64);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let other = tus.create(3);
    let head = Wire::patch_head(path, 0, body.len()) + "Connection: close\n";
    let (first, rest) = body.split_at(600_000);
    let mut wire = Wire::open(server.address(), &head, first);
    // Nothing more is written until more comes.
    // To ask the server would end the append.
    let written = || server.stored_bytes(&url).len();
    eventually("the first bytes are written", || written() > 500_000);
    server.age(&url, 2 * HOUR);
    server.age(&other, 2 * HOUR);
    eventually("the other is removed", || server.stored_files().len() == 2);
    assert!(written() > 500_000);
    wire.write(rest).unwrap();
    assert!(wire.read_to_end().starts_with("HTTP/1.1 204"));
    assert!(tus.get(&url).bytes().unwrap() == body);
}

#[test]
fn nothing_is_told_of_an_expired_upload() {
    let setup =
        Setup::new()
            .with_hooks()
            .arguments(&["--expiration", "1h", "--expiration-interval", "1s"]);
    crate::harness::guests::install(&setup.hooks_dir(), "log-events", "log");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = tus.create(3);
    server.age(&url, 2 * HOUR);
    eventually("it is removed", || server.stored_files().is_empty());
    let log = server.terminate_and_read();
    assert!(log.contains("output: post-create"), "{log}");
    assert!(!log.contains("output: post-terminate"), "{log}");
}
