//! A body that breaks off keeps what came of it.

use crate::harness::server::Setup;
use crate::harness::tus::Tus;
use crate::harness::wire::{End, Wire};
use crate::harness::{eventually, rounds};

#[test]
fn what_came_before_the_connection_broke_is_stored() {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for end in [End::Fin, End::Rst] {
        for _ in 0..rounds(200, 5) {
            let url = tus.create(body.len() as u64);
            let path = url.strip_prefix(&server.origin()).unwrap();
            let head = Wire::patch_head(path, 0, body.len());
            let sent = 2_000_000;
            let wire = Wire::open(server.address(), &head, &body[..sent]);
            // A reset takes back what the kernel has not handed over; the server
            // can only keep what reached it.
            // Looked at in the directory: to ask the server would end the append.
            let stored = || server.stored_bytes(&url).len() as u64;
            eventually("the server reads", || stored() > 1_000_000);
            let reached = stored();
            wire.end(end);
            if end == End::Fin {
                eventually("all that was sent is stored", || stored() == sent as u64);
            }
            // The lock is free again: the client goes on where the server is.
            let mut offset = 0;
            eventually("the upload can be resumed", || {
                let offset = tus.offset(&url);
                let rest = body[usize::try_from(offset).unwrap()..].to_vec();
                tus.patch(&url, offset, rest).status() == 204
            });
            offset += tus.offset(&url);
            assert!(reached <= offset, "bytes that were there are gone");
            assert_eq!(tus.get(&url).bytes().unwrap(), body, "{end:?}");
        }
    }
}

#[test]
fn a_chunked_body_that_breaks_off_keeps_what_came() {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let url = tus.create(100);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\nUpload-Offset: 0\n\
         Content-Type: application/offset+octet-stream\nTransfer-Encoding: chunked\n"
    );
    let wire = Wire::open(server.address(), &head, b"5\r\nabcde\r\n7\r\nfg");
    wire.end(End::Fin);
    eventually("what came is stored", || {
        server.stored_bytes(&url).len() == 7
    });
    assert_eq!(tus.offset(&url), 7);
}

#[test]
fn a_creation_that_breaks_off_keeps_what_came_with_it() {
    let setup = Setup::new();
    let server = setup.start();
    let head = "POST /files HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\nUpload-Length: 10\n\
                Content-Type: application/offset+octet-stream\nContent-Length: 10\n";
    let wire = Wire::open(server.address(), head, b"abcd");
    wire.end(End::Fin);
    eventually("the bytes are stored", || {
        server.stored_files().iter().any(|name| {
            std::fs::read(server.data_dir().join(name)).is_ok_and(|bytes| bytes == b"abcd")
        })
    });
}

#[test]
fn a_refused_body_does_not_hide_the_refusal() {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let url = tus.create(10);
    let large = vec![0_u8; 10 << 20];
    assert_eq!(tus.patch(&url, 0, large.clone()).status(), 413);
    assert_eq!(tus.offset(&url), 0);
    assert_eq!(tus.patch(&url, 5, large.clone()).status(), 409);
    let nowhere = format!("{}/nowhere", server.files());
    assert_eq!(tus.patch(&nowhere, 0, large).status(), 404);
    assert_eq!(tus.patch(&url, 0, "0123456789").status(), 204);
}

#[test]
fn what_a_pausing_client_sent_is_written_before_it_goes_on() {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    // One that the HTTP library reads, and one that goes past it.
    for length in [1000_u32, 3_000_000] {
        let body: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
        let url = tus.create(body.len() as u64);
        let path = url.strip_prefix(&server.origin()).unwrap();
        let head = Wire::patch_head(path, 0, body.len());
        let (before, after) = body.split_at(body.len() / 2 + 1);
        let mut wire = Wire::open(server.address(), &head, before);
        eventually("what came is written", || {
            server.stored_bytes(&url) == before
        });
        wire.write(after).unwrap();
        assert!(wire.read_head().starts_with("HTTP/1.1 204"));
        assert!(server.stored_bytes(&url) == body);
    }
}
