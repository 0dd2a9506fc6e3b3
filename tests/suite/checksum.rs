//! Checksums (tus 1.0.0, extension checksum). Tests carry the ids of the
//! checklist.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::{Body, Response};
use sha1::{Digest as _, Sha1};

use crate::harness::server::{Server, Setup};
use crate::harness::tus::{OFFSET_TYPE, Tus, header};
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
fn sum_1_and_2_the_extension_and_its_algorithms_are_told() {
    let (server, tus) = start(&[]);
    let response = tus.send("OPTIONS", &server.files(), &[], "");
    let extensions = header(&response, "tus-extension");
    assert!(extensions.split(',').any(|name| name == "checksum"));
    assert_eq!(
        header(&response, "tus-checksum-algorithm"),
        "sha1,sha256,sha512,md5,crc32c"
    );
}

#[test]
fn sum_3_and_4_bytes_are_stored_if_they_have_the_checksum() {
    let (_server, tus) = start(&[]);
    let url = tus.create(45);
    for (round, checksum) in [
        "sha1 98O8HYCOBHMq32eZZczDTKeuNEE=",
        "sha256 FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        "sha512 2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ==",
        "md5 JfnnlDI7RTiF9RgfG2JNCw==",
        "crc32c 4waSgw==",
    ]
    .into_iter()
    .enumerate()
    {
        let offset = round as u64 * 9;
        let wrong = patch(&tus, &url, offset, checksum, "123456780");
        assert_eq!(wrong.status().as_u16(), 460, "{checksum}");
        assert_eq!(wrong.text().unwrap(), "The body does not match its checksum.");
        assert_eq!(tus.offset(&url), offset);
        let right = patch(&tus, &url, offset, checksum, "123456789");
        assert_eq!(right.status(), 204, "{checksum}");
        assert_eq!(tus.offset(&url), offset + 9);
    }
    assert_eq!(tus.get(&url).text().unwrap(), "123456789".repeat(5));
}

#[test]
fn sum_5_a_chunk_that_does_not_match_changes_nothing() {
    let (server, tus) = start(&[]);
    for count in [3, MANY] {
        let body = content(count);
        let url = tus.create(count as u64 + 5);
        assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
        let refused = patch(&tus, &url, 5, &sha1(b"other"), body.clone());
        assert_eq!(refused.status().as_u16(), 460);
        // Of a length that is not known before.
        let chunked = Body::new(std::io::Cursor::new(body.clone()));
        let refused = patch(&tus, &url, 5, &sha1(b"other"), chunked);
        assert_eq!(refused.status().as_u16(), 460);
        assert_eq!(tus.offset(&url), 5);
        assert_eq!(stored(&server, &url), b"hello");
        assert_eq!(
            patch(&tus, &url, 5, &sha1(&body), body.clone()).status(),
            204
        );
        let expected = [b"hello".as_slice(), &body].concat();
        assert!(tus.get(&url).bytes().unwrap() == expected);
    }
}

#[test]
fn sum_4_and_6_a_checksum_that_is_none_is_refused() {
    let (server, tus) = start(&[]);
    let url = tus.create(3);
    for checksum in [
        "",
        "sha1",
        "sha1 ",
        "sha1 !!!",
        "sha1 98O8HYCOBHMq32eZZczDTKeuNEE",
        "sha1, 98O8HYCOBHMq32eZZczDTKeuNEE=",
        "SHA1 98O8HYCOBHMq32eZZczDTKeuNEE=",
        "blake3 YWJj",
    ] {
        let refused = patch(&tus, &url, 0, checksum, "abc");
        assert_eq!(refused.status(), 400, "{checksum:?}");
        let headers = [
            ("Upload-Length", "3"),
            ("Upload-Checksum", checksum),
            ("Content-Type", OFFSET_TYPE),
        ];
        let refused = tus.send("POST", tus.files(), &headers, "abc");
        assert_eq!(refused.status(), 400, "{checksum:?}");
    }
    let unknown = patch(&tus, &url, 0, "blake3 YWJj", "abc");
    assert!(header(&unknown, "tus-checksum-algorithm").starts_with("sha1,"));
    // Well-formed, but nothing can have it.
    assert_eq!(
        patch(&tus, &url, 0, "sha1 YWJj", "abc").status().as_u16(),
        460
    );
    assert_eq!(tus.offset(&url), 0);
    assert_eq!(server.stored_files().len(), 2);
}

#[test]
fn a_creation_whose_bytes_do_not_match_leaves_nothing() {
    let (server, tus) = start(&[]);
    let body = content(MANY);
    let length = MANY.to_string();
    let post = |checksum: &str| {
        let headers = [
            ("Upload-Length", length.as_str()),
            ("Upload-Checksum", checksum),
            ("Content-Type", OFFSET_TYPE),
        ];
        tus.send("POST", tus.files(), &headers, body.clone())
    };
    assert_eq!(post(&sha1(b"other")).status().as_u16(), 460);
    assert!(server.stored_files().is_empty());
    let created = post(&sha1(&body));
    assert_eq!(created.status(), 201);
    assert!(tus.get(&tus.location(&created)).bytes().unwrap() == body);
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
            // The lock is free when the chunk has been discarded.
            assert_eq!(tus.patch(&url, 0, "").status(), 204);
            eventually("nothing of it is stored", || {
                assert_eq!(tus.offset(&url), 0);
                stored(&server, &url).is_empty()
            });
            let whole = patch(&tus, &url, 0, &sha1(&body), body.clone());
            assert_eq!(whole.status(), 204);
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
