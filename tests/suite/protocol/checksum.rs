//! Checksums (tus 1.0.0, extension checksum). Tests carry the ids of the
//! checklist.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::{Body, Response};
use sha1::{Digest as _, Sha1};

use super::start;
use crate::harness::server::Server;
use crate::harness::tus::{OFFSET_TYPE, Tus, header};

/// More than the server holds back before it writes.
const MANY: usize = 3_000_000;

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
    let (_server, tus) = start(&[]);
    let response = tus.send("OPTIONS", tus.files(), &[], "");
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
