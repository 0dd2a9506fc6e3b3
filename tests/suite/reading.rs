//! GET of finished uploads: parts, and clients that have it already.

use reqwest::blocking::Response;

use crate::harness::server::{Server, Setup};
use crate::harness::tus::{OFFSET_TYPE, Tus, header};

fn finished(content: &'static str) -> (Server, Tus, String) {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let length = content.len().to_string();
    let headers = [("Upload-Length", &*length), ("Content-Type", OFFSET_TYPE)];
    let response = tus.send("POST", tus.files(), &headers, content);
    let url = tus.location(&response);
    (server, tus, url)
}

fn get(tus: &Tus, url: &str, headers: &[(&str, &str)]) -> Response {
    tus.send("GET", url, headers, "")
}

#[test]
fn a_part_is_given_with_where_it_lies() {
    let (_server, tus, url) = finished("0123456789");
    for (range, place, body) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=0-99", "bytes 0-9/10", "0123456789"),
    ] {
        let response = get(&tus, &url, &[("Range", range)]);
        assert_eq!(response.status(), 206, "{range}");
        assert_eq!(header(&response, "content-range"), place);
        assert_eq!(
            header(&response, "content-length"),
            body.len().to_string(),
            "{range}"
        );
        assert_eq!(header(&response, "accept-ranges"), "bytes");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(response.text().unwrap(), body);
    }
    for range in ["bytes=10-", "bytes=-0"] {
        let response = get(&tus, &url, &[("Range", range)]);
        assert_eq!(response.status(), 416, "{range}");
        assert_eq!(header(&response, "content-range"), "bytes */10");
    }
    for range in ["bytes=0-1,3-4", "bytes=4-2", "lines=1-2", "x"] {
        let response = get(&tus, &url, &[("Range", range)]);
        assert_eq!(response.status(), 200, "{range}");
        assert_eq!(response.text().unwrap(), "0123456789");
    }
}

#[test]
fn parts_of_a_large_upload_make_the_whole() {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let whole: Vec<u8> = (0..2_000_003_u32).map(|n| (n % 251) as u8).collect();
    let url = tus.create(whole.len() as u64);
    assert_eq!(tus.patch(&url, 0, whole.clone()).status(), 204);
    let mut parts = Vec::new();
    while parts.len() < whole.len() {
        let (first, last) = (parts.len(), parts.len() + 299_999);
        let response = get(&tus, &url, &[("Range", &format!("bytes={first}-{last}"))]);
        assert_eq!(response.status(), 206);
        parts.extend(response.bytes().unwrap());
    }
    assert!(parts == whole);
}

#[test]
fn who_has_it_does_not_get_it_again() {
    let (_server, tus, url) = finished("0123456789");
    let first = tus.get(&url);
    let (etag, modified) = (header(&first, "etag"), header(&first, "last-modified"));
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    for condition in [("If-None-Match", etag), ("If-Modified-Since", modified)] {
        let response = get(&tus, &url, &[condition]);
        assert_eq!(response.status(), 304, "{condition:?}");
        assert_eq!(header(&response, "etag"), etag);
        assert_eq!(response.text().unwrap(), "");
    }
    for condition in [("If-None-Match", "\"x\""), ("If-Match", etag)] {
        assert_eq!(get(&tus, &url, &[condition]).status(), 200, "{condition:?}");
    }
    assert_eq!(get(&tus, &url, &[("If-Match", "\"x\"")]).status(), 412);
    let range = ("Range", "bytes=2-4");
    for (condition, status) in [(etag, 206), (modified, 206), ("\"x\"", 200)] {
        let response = get(&tus, &url, &[range, ("If-Range", condition)]);
        assert_eq!(response.status(), status, "{condition}");
    }
    assert_eq!(
        get(&tus, &url, &[range, ("If-None-Match", etag)]).status(),
        304
    );
    assert_eq!(header(&tus.get(&url), "etag"), etag);
}

#[test]
fn what_head_says_does_not_contradict_get() {
    let (server, tus, url) = finished("0123456789");
    let path = url.strip_prefix(&server.origin()).unwrap();
    let head =
        format!("HEAD {path} HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\nConnection: close\n");
    let answer = crate::harness::wire::Wire::open(server.address(), &head, b"")
        .read_to_end()
        .to_ascii_lowercase();
    assert!(answer.contains("upload-offset: 10"), "{answer}");
    assert!(answer.contains("content-length: 10\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    let (head, get) = (tus.head(&url), tus.get(&url));
    for name in [
        "content-length",
        "content-type",
        "content-disposition",
        "x-content-type-options",
        "accept-ranges",
        "etag",
        "last-modified",
    ] {
        assert_eq!(header(&head, name), header(&get, name), "{name}");
    }
    // GET would say nothing of the kind about an unfinished one.
    let unfinished = tus.head(&tus.create(10));
    for name in ["content-length", "etag", "accept-ranges"] {
        assert!(!unfinished.headers().contains_key(name), "{name}");
    }
}

#[test]
fn an_empty_upload_has_no_parts() {
    let (_server, tus, url) = finished("");
    assert_eq!(get(&tus, &url, &[("Range", "bytes=0-")]).status(), 416);
    let response = get(&tus, &url, &[("Range", "bytes=-5")]);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-length"), "0");
}
