//! Bytes are added (tus 1.0.0, "Core Protocol", PATCH): PATCH. Connections that
//! stall or break (PATCH-7, PATCH-8) are in `torn_bodies.rs`.

use reqwest::blocking::Body;

use super::start;
use crate::harness::tus::{OFFSET_TYPE, header};

fn chunked(bytes: impl Into<Vec<u8>>) -> Body {
    Body::new(std::io::Cursor::new(bytes.into()))
}

#[test]
fn patch_1_bytes_go_where_the_upload_stands() {
    let (_server, tus) = start(&[]);
    let url = tus.create(6);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.patch(&url, 3, "def").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdef");
}

#[test]
fn patch_2_only_the_type_of_the_protocol_is_taken() {
    let (_server, tus) = start(&[]);
    let url = tus.create(3);
    for kind in [
        "",
        "text/plain",
        "application/octet-stream",
        "application/offset+octet-stream2",
        "application/offset+octet-stream; charset=utf-8",
    ] {
        let headers = [("Upload-Offset", "0"), ("Content-Type", kind)];
        assert_eq!(
            tus.send("PATCH", &url, &headers, "abc").status(),
            415,
            "{kind:?}"
        );
    }
    let headers = [("Upload-Offset", "0")];
    assert_eq!(tus.send("PATCH", &url, &headers, "abc").status(), 415);
    assert_eq!(tus.offset(&url), 0);
    let headers = [("Upload-Offset", "0"), ("Content-Type", OFFSET_TYPE)];
    assert_eq!(tus.send("PATCH", &url, &headers, "abc").status(), 204);
}

#[test]
fn patch_3_another_offset_is_a_conflict_and_changes_nothing() {
    let (_server, tus) = start(&[]);
    let url = tus.create(6);
    tus.patch(&url, 0, "abc");
    for offset in [0, 2, 4, 6, 7] {
        assert_eq!(tus.patch(&url, offset, "xyz").status(), 409, "{offset}");
        assert_eq!(tus.offset(&url), 3);
    }
    tus.patch(&url, 3, "def");
    assert_eq!(tus.patch(&url, 0, "xyz").status(), 409);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdef");
}

#[test]
fn patch_4_success_is_204() {
    let (_server, tus) = start(&[]);
    let url = tus.create(6);
    for offset in [0, 3] {
        assert_eq!(tus.patch(&url, offset, "abc").status(), 204);
    }
    // An answer that was lost on the way can be asked for again.
    assert_eq!(tus.patch(&url, 6, "").status(), 204);
}

#[test]
fn patch_5_the_new_offset_counts_what_is_stored() {
    let (_server, tus) = start(&[]);
    let url = tus.create(6);
    let new_offset = |offset, body: Body| {
        let response = tus.patch(&url, offset, body);
        header(&response, "upload-offset").to_owned()
    };
    assert_eq!(new_offset(0, "".into()), "0");
    assert_eq!(new_offset(0, "abc".into()), "3");
    assert_eq!(new_offset(3, chunked("")), "3");
    assert_eq!(new_offset(3, chunked("def")), "6");
    assert_eq!(tus.get(&url).text().unwrap(), "abcdef");
}

#[test]
fn patch_6_an_upload_that_is_not_there_is_not_found() {
    let (server, tus) = start(&[]);
    let nowhere = format!("{}/nowhere", tus.files());
    assert_eq!(tus.patch(&nowhere, 0, "abc").status(), 404);
    assert!(server.stored_files().is_empty());
}

#[test]
fn nothing_is_stored_past_the_length() {
    let (server, tus) = start(&[]);
    let url = tus.create(5);
    assert_eq!(tus.patch(&url, 0, "abcdef").status(), 413);
    assert_eq!(tus.offset(&url), 0);
    let chunked = chunked(vec![b'x'; 10_000]);
    assert_eq!(tus.patch(&url, 0, chunked).status(), 413);
    let largest = server
        .stored_files()
        .iter()
        .filter(|name| !name.ends_with(".info"))
        .map(|name| {
            std::fs::metadata(server.data_dir().join(name))
                .unwrap()
                .len()
        })
        .max();
    assert!(largest <= Some(5), "{largest:?}");
}

#[test]
fn limits_on_bodies_and_files_are_kept() {
    let (_server, tus) = start(&["--max-body-size", "10", "--max-file-size", "30"]);
    assert_eq!(tus.create_with(31, &[]).status(), 413);
    let url = tus.create(30);
    assert_eq!(tus.patch(&url, 0, vec![0; 11]).status(), 413);
    assert_eq!(tus.offset(&url), 0);
    assert_eq!(tus.patch(&url, 0, vec![0; 10]).status(), 204);
    let chunked = chunked(vec![0; 20]);
    assert_eq!(tus.patch(&url, 10, chunked).status(), 413);
    assert!(tus.offset(&url) <= 20);
}
