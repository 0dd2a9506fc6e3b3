//! Bytes under a checksum are stored all together or not at all, whatever cuts
//! them short. What the protocol asks for is in `protocol/checksum.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::{Body, Response};
use sha1::{Digest as _, Sha1};

use crate::harness::server::{Server, Setup};
use crate::harness::tus::{OFFSET_TYPE, Tus};
use crate::harness::wire::{End, Wire};
use crate::harness::{eventually, rounds};

/// More than the server holds back before it writes.
const MANY: usize = 3_000_000;

fn start(arguments: &[&str]) -> (Server, Tus) {
    let server = Setup::new().arguments(arguments).start();
    let tus = Tus::new(server.files());
    (server, tus)
}

fn sha1(bytes: &[u8]) -> String {
    format!("sha1 {}", STANDARD.encode(Sha1::digest(bytes)))
}

fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|offset| ((offset * 7 + offset / 251) % 251) as u8)
        .collect()
}

fn patch(tus: &Tus, url: &str, offset: u64, checksum: &str, body: impl Into<Body>) -> Response {
    let offset = offset.to_string();
    let headers = [
        ("Upload-Offset", offset.as_str()),
        ("Upload-Checksum", checksum),
        ("Content-Type", OFFSET_TYPE),
    ];
    tus.send("PATCH", url, &headers, body)
}

/// The data file of the upload.
fn stored(server: &Server, url: &str) -> Vec<u8> {
    let id = url.rsplit('/').next().unwrap();
    std::fs::read(server.data_dir().join(id)).unwrap()
}

#[test]
fn the_answer_is_called_what_the_protocol_calls_it() {
    let (server, tus) = start(&[]);
    let url = tus.create(3);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let head = Wire::patch_head(path, 0, 3)
        + &format!("Upload-Checksum: {}\nConnection: close\n", sha1(b"abd"));
    let answer = Wire::open(server.address(), &head, b"abc").read_to_end();
    assert!(
        answer.starts_with("HTTP/1.1 460 Checksum Mismatch\r\n"),
        "{answer}"
    );
}

#[test]
fn a_chunk_that_breaks_off_is_discarded_if_it_has_a_checksum() {
    let (server, tus) = start(&[]);
    let body = content(MANY);
    for end in [End::Fin, End::Rst] {
        for sent in [3, MANY - 1] {
            let url = tus.create(body.len() as u64);
            let path = url.strip_prefix(&server.origin()).unwrap();
            let head = Wire::patch_head(path, 0, body.len())
                + &format!("Upload-Checksum: {}\n", sha1(&body));
            let wire = Wire::open(server.address(), &head, &body[..sent]);
            wire.end(end);
            eventually("nothing of it is stored", || {
                assert_eq!(tus.offset(&url), 0);
                stored(&server, &url).is_empty()
            });
            // What broke off may be looked at only now, and take over.
            eventually("the whole is stored", || {
                patch(&tus, &url, 0, &sha1(&body), body.clone()).status() == 204
            });
            assert!(tus.get(&url).bytes().unwrap() == body);
        }
    }
}

#[test]
fn a_chunk_under_a_checksum_is_not_seen_before_it_is_verified() {
    let (server, tus) = start(&[]);
    let body = content(MANY);
    let url = tus.create(body.len() as u64 + 2);
    assert_eq!(tus.patch(&url, 0, "ab").status(), 204);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let head = Wire::patch_head(path, 2, body.len())
        + &format!("Upload-Checksum: {}\nConnection: close\n", sha1(&body));
    let wire = Wire::open(server.address(), &head, &body[..MANY - 1]);
    eventually("most of it is written", || {
        stored(&server, &url).len() > MANY / 2
    });
    // Who looks takes the upload over, and what was not verified goes.
    assert_eq!(tus.offset(&url), 2);
    assert!(wire.read_to_end().starts_with("HTTP/1.1 423"));
    assert_eq!(stored(&server, &url), b"ab");
    let whole = patch(&tus, &url, 2, &sha1(&body), body.clone());
    assert_eq!(whole.status(), 204);
    assert_eq!(tus.offset(&url), body.len() as u64 + 2);
}

#[test]
fn kill_9_in_a_chunk_under_a_checksum_leaves_nothing_of_it() {
    let setup = Setup::new();
    let body = content(MANY);
    let mut server = setup.start();
    let tus = Tus::new(server.files());
    let path = {
        let url = tus.create(body.len() as u64 + 5);
        assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
        url.strip_prefix(&server.origin()).unwrap().to_owned()
    };
    for round in 0..rounds(200, 10) {
        let head =
            Wire::patch_head(&path, 5, body.len()) + &format!("Upload-Checksum: {}\n", sha1(&body));
        // At another moment in each round.
        let sent = 300_000 + round * 250_000 % (MANY - 300_001);
        let url = server.origin() + &path;
        let wire = Wire::open(server.address(), &head, &body[..sent]);
        eventually("a part of it is written", || {
            stored(&server, &url).len() > 5
        });
        server.kill();
        drop(wire);

        server = setup.start();
        let tus = Tus::new(server.files());
        let url = server.origin() + &path;
        assert_eq!(tus.offset(&url), 5, "round {round}");
        if round % 2 == 0 {
            // The next request finds the file as it was before.
            assert_eq!(tus.patch(&url, 5, "").status(), 204);
            assert_eq!(stored(&server, &url), b"hello", "round {round}");
        }
    }
    let tus = Tus::new(server.files());
    let url = server.origin() + &path;
    assert_eq!(tus.patch(&url, 5, body.clone()).status(), 204);
    let expected = [b"hello".as_slice(), &body].concat();
    assert!(tus.get(&url).bytes().unwrap() == expected);
}
