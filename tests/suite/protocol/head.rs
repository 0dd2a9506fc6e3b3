//! How far an upload is (tus 1.0.0, "Core Protocol", HEAD): HEAD.

use super::start;
use crate::harness::tus::header;

#[test]
fn head_1_the_offset_is_told_in_every_state() {
    let (_server, tus) = start(&[]);
    let url = tus.create(6);
    for (append, offset) in [(None, "0"), (Some("abc"), "3"), (Some("def"), "6")] {
        if let Some(body) = append {
            tus.patch(&url, tus.offset(&url), body);
        }
        assert_eq!(header(&tus.head(&url), "upload-offset"), offset);
    }
}

#[test]
fn head_2_the_length_is_told() {
    let (_server, tus) = start(&[]);
    for length in ["0", "6", "18446744073709551615"] {
        let url = tus.create(length.parse().unwrap());
        assert_eq!(header(&tus.head(&url), "upload-length"), length);
    }
}

#[test]
fn head_3_an_upload_that_is_not_there_has_no_offset() {
    let (_server, tus) = start(&[]);
    let response = tus.head(&format!("{}/nowhere", tus.files()));
    assert_eq!(response.status(), 404);
    assert!(!response.headers().contains_key("upload-offset"));
}

#[test]
fn head_4_success_is_200() {
    let (_server, tus) = start(&[]);
    assert_eq!(tus.head(&tus.create(6)).status(), 200);
}

#[test]
fn head_5_no_answer_is_kept_by_a_cache() {
    let (_server, tus) = start(&[]);
    for url in [tus.create(6), format!("{}/nowhere", tus.files())] {
        let response = tus.head(&url);
        assert_eq!(header(&response, "cache-control"), "no-store", "{url}");
    }
}
