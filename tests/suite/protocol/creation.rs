//! An upload begins (tus 1.0.0, "Creation" and "Creation With Upload"): CRE, CWU.

use super::start;
use crate::harness::tus::{OFFSET_TYPE, Tus, header, metadata};

fn extensions(tus: &Tus) -> String {
    let response = tus.send("OPTIONS", tus.files(), &[], "");
    header(&response, "tus-extension").to_owned()
}

#[test]
fn cre_1_creation_is_told() {
    let (_server, tus) = start(&[]);
    assert!(extensions(&tus).split(',').any(|name| name == "creation"));
}

#[test]
fn cre_2_a_creation_is_answered_with_201() {
    let (_server, tus) = start(&[]);
    assert_eq!(tus.create_with(3, &[]).status(), 201);
    // With a slash at the end too.
    let slash = Tus::new(format!("{}/", tus.files()));
    assert_eq!(slash.create_with(3, &[]).status(), 201);
}

#[test]
fn cre_3_a_creation_is_answered_with_where_it_is() {
    let (_server, tus) = start(&[]);
    let response = tus.create_with(3, &[]);
    let location = header(&response, "location");
    assert!(
        location.starts_with(&format!("{}/", tus.files())),
        "{location}"
    );
    assert_eq!(tus.head(location).status(), 200);
}

#[test]
fn cre_4_what_is_longer_than_the_limit_is_refused() {
    let (server, tus) = start(&["--max-file-size", "30"]);
    assert_eq!(tus.create_with(31, &[]).status(), 413);
    assert!(server.stored_files().is_empty());
    assert_eq!(tus.create_with(30, &[]).status(), 201);
}

#[test]
fn cre_5_an_empty_upload_is_finished_at_once() {
    let (_server, tus) = start(&[]);
    let url = tus.create(0);
    assert_eq!(tus.offset(&url), 0);
    let response = tus.get(&url);
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().unwrap(), "");
}

#[test]
fn cre_6_metadata_comes_back_as_it_was_given() {
    let (_server, tus) = start(&[]);
    for given in [
        "filename d29ybGQ=",
        "b YQ==,a Yg==",
        "empty,filename d29ybGQ=",
        "empty ,b YQ==",
        "k!#$%&'*+-.^_`|~/:;<=>?@()[]{}\" YQ==",
    ] {
        let response = tus.post(&[("Upload-Length", "3"), ("Upload-Metadata", given)]);
        assert_eq!(response.status(), 201, "{given}");
        let head = tus.head(&tus.location(&response));
        assert_eq!(header(&head, "upload-metadata"), given);
    }
}

#[test]
fn cre_7_metadata_that_is_none_is_refused() {
    let (server, tus) = start(&[]);
    for given in [
        "a !!!",
        "a YQ",
        "a YQ==,a YQ==",
        "a YQ== YQ==",
        ",",
        "a YQ==,",
        "a YQ==,,b YQ==",
        "a\tYQ==",
    ] {
        let response = tus.post(&[("Upload-Length", "3"), ("Upload-Metadata", given)]);
        assert_eq!(response.status(), 400, "{given:?}");
    }
    assert!(server.stored_files().is_empty());
}

#[test]
fn cre_8_metadata_cannot_add_a_header_field() {
    let (_server, tus) = start(&[]);
    // The values stay encoded.
    let pairs = [("filename", "a\r\nX-Evil: 1\0")];
    let response = tus.create_with(3, &pairs);
    assert_eq!(response.status(), 201);
    let url = tus.location(&response);
    let head = tus.head(&url);
    assert_eq!(header(&head, "upload-metadata"), metadata(&pairs));
    assert_eq!(header(&head, "x-evil"), "");
    tus.patch(&url, 0, "abc");
    assert_eq!(header(&tus.get(&url), "x-evil"), "");
}

#[test]
fn cre_9_a_creation_needs_a_length() {
    let (server, tus) = start(&[]);
    for deferred in ["0", "2", "yes", ""] {
        let response = tus.post(&[("Upload-Defer-Length", deferred)]);
        assert_eq!(response.status(), 400, "{deferred:?}");
    }
    assert_eq!(tus.post(&[]).status(), 400);
    assert!(server.stored_files().is_empty());
}

#[test]
fn cwu_1_creation_with_upload_is_told_and_not_without_creation() {
    let (_server, tus) = start(&["--tus-extensions", "creation-with-upload"]);
    assert_eq!(extensions(&tus), "creation,creation-with-upload");
}

#[test]
fn cwu_2_the_offset_counts_the_bytes_that_came_with_the_creation() {
    let (_server, tus) = start(&[]);
    for (body, offset) in [("", "0"), ("ab", "2"), ("abc", "3")] {
        let headers = [("Upload-Length", "3"), ("Content-Type", OFFSET_TYPE)];
        let response = tus.send("POST", tus.files(), &headers, body);
        assert_eq!(response.status(), 201);
        assert_eq!(header(&response, "upload-offset"), offset);
        assert_eq!(tus.offset(&tus.location(&response)).to_string(), offset);
    }
    let headers = [("Upload-Length", "3"), ("Content-Type", OFFSET_TYPE)];
    let longer = tus.send("POST", tus.files(), &headers, "abcd");
    assert_eq!(longer.status(), 413);
}

#[test]
fn cwu_3_bytes_of_another_type_are_refused() {
    let (server, tus) = start(&[]);
    for headers in [
        &[("Upload-Length", "3"), ("Content-Type", "text/plain")][..],
        &[("Upload-Length", "3")],
    ] {
        assert_eq!(tus.send("POST", tus.files(), headers, "abc").status(), 415);
    }
    assert!(server.stored_files().is_empty());
}
