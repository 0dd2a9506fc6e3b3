//! An upload whose length comes later (tus 1.0.0, "Creation", with the
//! extension creation-defer-length). Tests carry the ids of the checklist.

use reqwest::blocking::{Body, Response};

use super::{client, setup, start};
use crate::harness::tus::{OFFSET_TYPE, Tus, header};

fn create(tus: &Tus) -> String {
    let response = tus.post(&[("Upload-Defer-Length", "1")]);
    assert_eq!(response.status(), 201);
    tus.location(&response)
}

fn patch(tus: &Tus, url: &str, offset: u64, length: &str, body: impl Into<Body>) -> Response {
    let offset = offset.to_string();
    let headers = [
        ("Upload-Offset", offset.as_str()),
        ("Upload-Length", length),
        ("Content-Type", OFFSET_TYPE),
    ];
    tus.send("PATCH", url, &headers, body)
}

/// `Upload-Length` and `Upload-Defer-Length`.
fn told(tus: &Tus, url: &str) -> (String, String) {
    let response = tus.head(url);
    let text = |name| header(&response, name).to_owned();
    (text("upload-length"), text("upload-defer-length"))
}

#[test]
fn def_1_the_extension_is_told() {
    let (_server, tus) = start(&[]);
    let response = tus.send("OPTIONS", tus.files(), &[], "");
    let extensions = header(&response, "tus-extension");
    assert!(
        extensions
            .split(',')
            .any(|name| name == "creation-defer-length"),
        "{extensions}"
    );
}

#[test]
fn cre_9_exactly_one_of_length_and_deferral_is_given() {
    let (server, tus) = start(&[]);
    for headers in [
        &[("Upload-Defer-Length", "0")] as &[(&str, &str)],
        &[("Upload-Defer-Length", "2")],
        &[("Upload-Defer-Length", "01")],
        &[("Upload-Defer-Length", "")],
        &[("Upload-Defer-Length", "true")],
        &[("Upload-Defer-Length", "1"), ("Upload-Length", "3")],
        &[("Upload-Defer-Length", "0"), ("Upload-Length", "3")],
        &[("Upload-Defer-Length", "1"), ("Upload-Defer-Length", "1")],
        &[],
    ] {
        assert_eq!(tus.post(headers).status(), 400, "{headers:?}");
    }
    assert!(server.stored_files().is_empty());
}

#[test]
fn def_2_and_4_a_length_comes_with_any_append() {
    let (_server, tus) = start(&[]);
    for with in 0..4 {
        let url = create(&tus);
        let mut known = false;
        for (round, body) in ["abc", "def", "ghi", ""].into_iter().enumerate() {
            let expected = if known { ("9", "") } else { ("", "1") };
            assert_eq!(told(&tus, &url), (expected.0.into(), expected.1.into()));
            let offset = (round * 3) as u64;
            let answer = if round == with {
                known = true;
                patch(&tus, &url, offset, "9", body)
            } else {
                tus.patch(&url, offset, body)
            };
            assert_eq!(answer.status(), 204, "{with} {round}");
        }
        assert_eq!(told(&tus, &url), ("9".into(), String::new()));
        assert_eq!(tus.get(&url).text().unwrap(), "abcdefghi");
    }
}

#[test]
fn def_3_a_length_does_not_change() {
    let (_server, tus) = start(&[]);
    let url = create(&tus);
    for (offset, length, body, status) in [
        (0, "-1", "", 400),
        (0, "abc", "", 400),
        (0, "2", "abc", 413),
        (0, "", "abc", 400),
    ] {
        let answer = patch(&tus, &url, offset, length, body);
        assert_eq!(answer.status(), status, "{length}");
        assert_eq!(told(&tus, &url), (String::new(), "1".into()));
        assert_eq!(tus.offset(&url), 0);
    }
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(patch(&tus, &url, 3, "2", "").status(), 400);
    // At another offset nothing is done, the length included.
    assert_eq!(patch(&tus, &url, 2, "9", "").status(), 409);
    assert_eq!(told(&tus, &url), (String::new(), "1".into()));
    assert_eq!(patch(&tus, &url, 3, "9", "def").status(), 204);
    for length in ["8", "10", "6"] {
        assert_eq!(patch(&tus, &url, 6, length, "ghi").status(), 400);
    }
    assert_eq!(tus.offset(&url), 6);
    assert_eq!(patch(&tus, &url, 6, "9", "ghi").status(), 204);
    assert_eq!(patch(&tus, &url, 9, "9", "").status(), 204);
    assert_eq!(patch(&tus, &url, 9, "10", "").status(), 400);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdefghi");
    // An upload that had its length from the beginning is no exception.
    let url = tus.create(3);
    assert_eq!(patch(&tus, &url, 0, "4", "abcd").status(), 400);
    assert_eq!(patch(&tus, &url, 0, "3", "abc").status(), 204);
}

#[test]
fn an_upload_without_length_keeps_to_the_limit_on_files() {
    let (server, tus) = start(&["--max-file-size", "10"]);
    let url = create(&tus);
    assert_eq!(tus.patch(&url, 0, vec![b'x'; 11]).status(), 413);
    assert_eq!(tus.offset(&url), 0);
    assert_eq!(patch(&tus, &url, 0, "11", "abc").status(), 413);
    assert_eq!(tus.patch(&url, 0, "12345678").status(), 204);
    let chunked = Body::new(std::io::Cursor::new(vec![b'x'; 10_000]));
    assert_eq!(tus.patch(&url, 8, chunked).status(), 413);
    let id = url.rsplit('/').next().unwrap();
    let stored = std::fs::read(server.data_dir().join(id)).unwrap();
    assert_eq!(stored.len(), 10);
    assert_eq!(patch(&tus, &url, 10, "10", "").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "12345678xx");

    let headers = [("Upload-Defer-Length", "1"), ("Content-Type", OFFSET_TYPE)];
    let with_bytes = |body: &'static str| tus.send("POST", tus.files(), &headers, body);
    assert_eq!(with_bytes("0123456789a").status(), 413);
    let created = with_bytes("0123456789");
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "upload-offset"), "10");
}

#[test]
fn a_length_survives_the_kill_of_the_server() {
    let setup = setup();
    let server = setup.start();
    let tus = client(&server);
    let (with, without) = (create(&tus), create(&tus));
    assert_eq!(patch(&tus, &with, 0, "6", "abc").status(), 204);
    assert_eq!(tus.patch(&without, 0, "abc").status(), 204);
    let path = |url: &str| url.strip_prefix(tus.files()).unwrap().to_owned();
    let (with, without) = (path(&with), path(&without));
    server.kill();

    let server = setup.start();
    let tus = client(&server);
    let at = |path: &str| format!("{}{path}", tus.files());
    let (with, without) = (at(&with), at(&without));
    assert_eq!(told(&tus, &with), ("6".into(), String::new()));
    assert_eq!(told(&tus, &without), (String::new(), "1".into()));
    assert_eq!(tus.patch(&with, 3, "def").status(), 204);
    assert_eq!(tus.get(&with).text().unwrap(), "abcdef");
}
