//! Checksums that come after the body (tus 1.0.0, extension checksum-trailer).
//! Tests carry the ids of the checklist.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use sha1::{Digest as _, Sha1};

use crate::harness::http2::{Answer, Http2};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{OFFSET_TYPE, Tus, header};
use crate::harness::wire::{End, Wire};
use crate::harness::{eventually, rounds};

/// More than the server holds back before it writes.
const MANY: usize = 3_000_000;

const ANNOUNCED: &str = "Trailer: Upload-Checksum\n";

fn start() -> (Server, Tus) {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    (server, tus)
}

fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|offset| ((offset * 7 + offset / 251) % 251) as u8)
        .collect()
}

fn sha1(bytes: &[u8]) -> String {
    format!("sha1 {}", STANDARD.encode(Sha1::digest(bytes)))
}

/// A new upload and its path.
fn create(server: &Server, tus: &Tus, length: usize) -> (String, String) {
    let url = tus.create(length as u64);
    let path = url.strip_prefix(&server.origin()).unwrap().to_owned();
    (url, path)
}

/// The head of a PATCH in chunks.
fn head(path: &str, offset: u64, fields: &str) -> String {
    let head = Wire::patch_head(path, offset, 0);
    head.replace("Content-Length: 0", "Transfer-Encoding: chunked") + fields
}

/// Chunks, then trailers.
fn chunked(body: &[u8], trailers: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.chunks(70_001) {
        bytes.extend(format!("{:x};of=no meaning\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n");
    bytes.extend(trailers.replace('\n', "\r\n").bytes());
    bytes.extend(b"\r\n");
    bytes
}

/// Sends a request and reads the answer.
fn ask(server: &Server, head: &str, body: &[u8]) -> String {
    let head = format!("{head}Connection: close\n");
    Wire::open(server.address(), &head, body).read_to_end()
}

fn status(answer: &str) -> &str {
    let status = answer.strip_prefix("HTTP/1.1 ").unwrap_or(answer);
    status.get(..3).unwrap_or_default()
}

/// The data file of the upload.
fn stored(server: &Server, url: &str) -> Vec<u8> {
    let id = url.rsplit('/').next().unwrap();
    std::fs::read(server.data_dir().join(id)).unwrap()
}

#[test]
fn sumt_1_the_extension_is_told() {
    let (server, tus) = start();
    let response = tus.send("OPTIONS", &server.files(), &[], "");
    let mut extensions = header(&response, "tus-extension").split(',');
    assert!(extensions.any(|name| name == "checksum-trailer"));
}

#[test]
fn sumt_1_bytes_are_stored_if_they_have_the_checksum_that_comes_after_them() {
    let (server, tus) = start();
    let (url, path) = create(&server, &tus, 45);
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
        let head = head(&path, offset, ANNOUNCED);
        let trailer = format!("Upload-Checksum: {checksum}\n");
        let wrong = ask(&server, &head, &chunked(b"123456780", &trailer));
        assert!(wrong.starts_with("HTTP/1.1 460 Checksum Mismatch\r\n"), "{wrong}");
        assert_eq!(tus.offset(&url), offset);
        let right = ask(&server, &head, &chunked(b"123456789", &trailer));
        assert_eq!(status(&right), "204", "{right}");
        assert_eq!(tus.offset(&url), offset + 9);
    }
    assert_eq!(tus.get(&url).text().unwrap(), "123456789".repeat(5));
}

#[test]
fn sumt_1_a_large_body_that_does_not_match_changes_nothing() {
    let (server, tus) = start();
    let body = content(MANY);
    let (url, path) = create(&server, &tus, MANY + 5);
    assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
    let head = head(&path, 5, ANNOUNCED);
    let wrong = format!("Upload-Checksum: {}\n", sha1(b"other"));
    assert_eq!(status(&ask(&server, &head, &chunked(&body, &wrong))), "460");
    assert_eq!(tus.offset(&url), 5);
    assert_eq!(stored(&server, &url), b"hello");
    let right = format!("Upload-Checksum: {}\n", sha1(&body));
    assert_eq!(status(&ask(&server, &head, &chunked(&body, &right))), "204");
    let expected = [b"hello".as_slice(), &body].concat();
    assert!(tus.get(&url).bytes().unwrap() == expected);
}

#[test]
fn a_checksum_that_was_announced_has_to_come() {
    let (server, tus) = start();
    let (url, path) = create(&server, &tus, 3);
    let right = sha1(b"abc");
    for trailers in [
        "".to_owned(),
        "X-Other: a\n".to_owned(),
        "Upload-Checksum:\n".to_owned(),
        "Upload-Checksum: sha1\n".to_owned(),
        "Upload-Checksum: sha1 !!!\n".to_owned(),
        "Upload-Checksum: blake3 YWJj\n".to_owned(),
        format!("Upload-Checksum: {right}\nUpload-Checksum: {right}\n"),
        format!("Upload-Checksum {right}\n"),
        format!("Upload-Checksum : {right}\n"),
        format!(" Upload-Checksum: {right}\n"),
        format!("X: {}\nUpload-Checksum: {right}\n", "a".repeat(10_000)),
    ] {
        let body = chunked(b"abc", &trailers);
        let answer = ask(&server, &head(&path, 0, ANNOUNCED), &body);
        assert_eq!(status(&answer), "400", "{trailers:?} {answer}");
        assert_eq!(tus.offset(&url), 0, "{trailers:?}");
        assert!(stored(&server, &url).is_empty(), "{trailers:?}");
    }
    // A body that is not in chunks has no trailers.
    let head = Wire::patch_head(&path, 0, 3) + ANNOUNCED;
    assert_eq!(status(&ask(&server, &head, b"abc")), "400");
    assert!(stored(&server, &url).is_empty());
}

#[test]
fn a_checksum_in_two_places_is_refused() {
    let (server, tus) = start();
    let (url, path) = create(&server, &tus, 3);
    let checksum = format!("Upload-Checksum: {}\n", sha1(b"abc"));
    let head = head(&path, 0, ANNOUNCED) + &checksum;
    let answer = ask(&server, &head, &chunked(b"abc", &checksum));
    assert_eq!(status(&answer), "400", "{answer}");
    assert_eq!(tus.offset(&url), 0);
}

#[test]
fn a_trailer_that_nobody_announced_means_nothing() {
    let (server, tus) = start();
    let wrong = format!("Upload-Checksum: {}\n", sha1(b"other"));
    for fields in ["", "Trailer: X-Other\n"] {
        let (url, path) = create(&server, &tus, 3);
        let answer = ask(&server, &head(&path, 0, fields), &chunked(b"abc", &wrong));
        assert_eq!(status(&answer), "204", "{answer}");
        assert_eq!(tus.get(&url).text().unwrap(), "abc");
    }
    for announced in [
        "Trailer: X, upload-CHECKSUM\n",
        "Trailer: X\nTrailer: Upload-Checksum\n",
    ] {
        let (_, path) = create(&server, &tus, 3);
        let answer = ask(
            &server,
            &head(&path, 0, announced),
            &chunked(b"abc", &wrong),
        );
        assert_eq!(status(&answer), "460", "{answer}");
    }
}

#[test]
fn a_creation_is_checked_by_its_trailer_and_leaves_nothing_if_it_is_wrong() {
    let (server, tus) = start();
    let body = content(MANY);
    let head = format!(
        "POST /files HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\nUpload-Length: {MANY}\n\
         Content-Type: {OFFSET_TYPE}\nTransfer-Encoding: chunked\n{ANNOUNCED}"
    );
    let trailer = |checksum| format!("Upload-Checksum: {checksum}\n");
    let wrong = chunked(&body, &trailer(sha1(b"other")));
    assert_eq!(status(&ask(&server, &head, &wrong)), "460");
    assert_eq!(status(&ask(&server, &head, &chunked(&body, ""))), "400");
    assert_eq!(server.stored_files(), [""; 0]);
    let right = ask(&server, &head, &chunked(&body, &trailer(sha1(&body))));
    assert_eq!(status(&right), "201", "{right}");
    let (_, path) = right.split_once("location: http://localhost").unwrap();
    let url = server.origin() + path.split_once("\r\n").unwrap().0;
    assert!(tus.get(&url).bytes().unwrap() == body);
}

#[test]
fn requests_after_a_body_with_trailers_are_read_right_however_they_are_split() {
    let (server, tus) = start();
    let body = b"\r\n\r\n0\r\n\r\n".repeat(3);
    let (first, second) = body.split_at(13);
    // One piece; pieces that end anywhere; one byte at a time.
    for size in [100_000, 301, 64, 7, 1] {
        let (url, path) = create(&server, &tus, body.len());
        let trailer = |part| format!("X: y\nUpload-Checksum: {}\n", sha1(part));
        let bytes = [
            crlf(&head(&path, 0, ANNOUNCED)),
            chunked(first, &trailer(first)),
            // Wrong: the connection goes on all the same.
            crlf(&head(&path, 13, ANNOUNCED)),
            chunked(second, &trailer(first)),
            crlf(&head(&path, 13, "")),
            chunked(&second[..4], &trailer(first)),
            crlf(&Wire::patch_head(&path, 17, second.len() - 4)),
            second[4..].to_vec(),
            crlf(&format!("GET {path} HTTP/1.1\nHost: h\n")),
            crlf(&format!(
                "GET {path} HTTP/1.1\nHost: h\nConnection: close\n"
            )),
        ]
        .concat();
        let mut wire = Wire::silent(server.address());
        for piece in bytes.chunks(size) {
            wire.write(piece).unwrap();
        }
        let answers = wire.read_to_end();
        let statuses: Vec<&str> = answers
            .split("HTTP/1.1 ")
            .skip(1)
            .map(|a| &a[..3])
            .collect();
        let expected = ["204", "460", "204", "204", "200", "200"];
        assert_eq!(statuses, expected, "{answers}");
        let body = str::from_utf8(&body).unwrap();
        assert!(answers.contains(&format!("\r\n\r\n{body}HTTP/1.1 200")));
        assert!(answers.ends_with(&format!("\r\n\r\n{body}")));
        assert_eq!(tus.offset(&url), body.len() as u64);
    }
}

fn crlf(head: &str) -> Vec<u8> {
    (head.to_owned() + "\n").replace('\n', "\r\n").into_bytes()
}

#[test]
fn framing_that_is_in_doubt_ends_the_connection() {
    let (server, tus) = start();
    let long = format!("1;{}\r\na\r\n", "x".repeat(5000));
    for (announced, odd) in [
        (ANNOUNCED, "0\r\nUpload-Checksum: x\n\r\n"),
        (ANNOUNCED, "0\r\nX: a\rb\r\n\r\n"),
        ("", "0\r\nX\r\n\r\n"),
        ("", "0\r\n folded: a\r\n\r\n"),
        ("", &long),
    ] {
        let (url, path) = create(&server, &tus, 10);
        let next = "OPTIONS /files HTTP/1.1\r\nHost: h\r\n\r\n";
        let body = format!("3\r\nabc\r\n{odd}{next}");
        let wire = Wire::open(
            server.address(),
            &head(&path, 0, announced),
            body.as_bytes(),
        );
        let answer = wire.read_to_end();
        assert_eq!(status(&answer), "400", "{odd:?} {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{odd:?} {answer}");
        // What came before is kept, if it needs no checksum.
        let kept = if announced.is_empty() { 3 } else { 0 };
        assert_eq!(tus.offset(&url), kept, "{odd:?}");
    }
}

#[test]
fn a_body_that_breaks_off_before_its_checksum_is_discarded() {
    let (server, tus) = start();
    let body = content(MANY);
    let bytes = chunked(&body, &format!("Upload-Checksum: {}\n", sha1(&body)));
    for end in [End::Fin, End::Rst] {
        for sent in [10, MANY, bytes.len() - 20, bytes.len() - 1] {
            let (url, path) = create(&server, &tus, MANY);
            let head = head(&path, 0, ANNOUNCED);
            let wire = Wire::open(server.address(), &head, &bytes[..sent]);
            wire.end(end);
            eventually("nothing of it is stored", || {
                assert_eq!(tus.offset(&url), 0);
                stored(&server, &url).is_empty()
            });
            // What broke off may be looked at only now, and take over.
            eventually("the whole is stored", || {
                status(&ask(&server, &head, &bytes)) == "204"
            });
            assert!(tus.get(&url).bytes().unwrap() == body);
        }
    }
}

#[test]
fn kill_9_before_the_checksum_leaves_nothing() {
    let setup = Setup::new();
    let body = content(MANY);
    let bytes = chunked(&body, &format!("Upload-Checksum: {}\n", sha1(&body)));
    let mut server = setup.start();
    let path = {
        let tus = Tus::new(server.files());
        let (url, path) = create(&server, &tus, MANY + 5);
        assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
        path
    };
    for round in 0..rounds(100, 4) {
        let url = server.origin() + &path;
        let sent = 300_000 + round * 870_000 % (MANY - 300_001);
        let head = head(&path, 5, ANNOUNCED);
        let wire = Wire::open(server.address(), &head, &bytes[..sent]);
        eventually("a part of it is written", || {
            stored(&server, &url).len() > 5
        });
        server.kill();
        drop(wire);
        server = setup.start();
        let tus = Tus::new(server.files());
        assert_eq!(tus.offset(&(server.origin() + &path)), 5, "round {round}");
    }
    let answer = ask(&server, &head(&path, 5, ANNOUNCED), &bytes);
    assert_eq!(status(&answer), "204", "{answer}");
    let url = server.origin() + &path;
    let expected = [b"hello".as_slice(), &body].concat();
    assert!(Tus::new(server.files()).get(&url).bytes().unwrap() == expected);
}

/// A PATCH over HTTP/2 with these trailers.
fn patch_http2(
    client: &Http2,
    path: &str,
    announced: &str,
    body: &[u8],
    trailers: &[&str],
) -> Answer {
    let mut sent = client.patch(path, 0, &[("Trailer", announced)]);
    for piece in body.chunks(100_000) {
        sent.write(piece);
    }
    let mut fields = HeaderMap::new();
    for checksum in trailers {
        fields.append("upload-checksum", checksum.parse().unwrap());
    }
    sent.end_with(fields);
    sent.answer()
}

#[test]
fn sumt_1_trailers_of_http2_count_as_those_of_http1() {
    let (server, tus) = start();
    let client = Http2::connect(server.address());
    for body in [b"abc".to_vec(), content(MANY)] {
        let right = sha1(&body);
        let wrong = sha1(b"other");
        let (url, path) = create(&server, &tus, body.len());
        for (announced, trailers, status) in [
            ("Upload-Checksum", vec![wrong.as_str()], 460),
            ("Upload-Checksum", vec![], 400),
            ("Upload-Checksum", vec![&right, &right], 400),
            ("Upload-Checksum", vec!["sha1"], 400),
            ("Upload-Checksum", vec!["blake3 YWJj"], 400),
            ("X, upload-checksum", vec![&right], 204),
        ] {
            let answer = patch_http2(&client, &path, announced, &body, &trailers);
            assert_eq!(answer.status, status, "{trailers:?} {answer:?}");
            let kept = if status == 204 { body.len() } else { 0 };
            assert_eq!(tus.offset(&url), kept as u64);
            assert_eq!(stored(&server, &url).len(), kept);
        }
        assert!(tus.get(&url).bytes().unwrap() == body);
        let (_, path) = create(&server, &tus, body.len());
        let ignored = patch_http2(&client, &path, "X", &body, &[&wrong]);
        assert_eq!(ignored.status, 204);
    }
}

#[test]
fn an_http2_body_without_its_trailers_is_discarded() {
    let (server, tus) = start();
    let client = Http2::connect(server.address());
    let (url, path) = create(&server, &tus, 3);
    let announced = [("Trailer", "Upload-Checksum")];
    let mut ended = client.patch(&path, 0, &announced);
    ended.write(b"abc");
    ended.end();
    assert_eq!(ended.answer().status, 400);
    assert!(stored(&server, &url).is_empty());
    let mut broken = client.patch(&path, 0, &announced);
    broken.write(b"abc");
    broken.reset();
    assert_eq!(tus.patch(&url, 0, "").status(), 204);
    assert!(stored(&server, &url).is_empty());
}
