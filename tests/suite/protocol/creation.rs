//! An upload begins (tus 1.0.0, "Creation" and "Creation With Upload"): CRE, CWU.

use super::start;
use crate::harness::guests::install;
use crate::harness::server::Setup;
use crate::harness::tus::{OFFSET_TYPE, Tus, header, metadata};
use crate::harness::wire::{End, Wire};

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
    let (server, tus) = start(&[]);
    let response = tus.create_with(3, &[]);
    let location = header(&response, "location");
    assert!(
        location.starts_with(&format!("{}/", server.files())),
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

/// The head of a creation with bytes.
fn head_with(length: u64, bytes: usize, fields: &str) -> String {
    format!(
        "POST /files HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\n\
         Upload-Length: {length}\nContent-Type: {OFFSET_TYPE}\n\
         Content-Length: {bytes}\n{fields}"
    )
}

#[test]
fn cwu_4_what_came_before_a_connection_broke_is_kept() {
    for end in [End::Fin, End::Rst] {
        let (server, _tus) = start(&[]);
        let wire = Wire::open(server.address(), &head_with(6, 6, ""), b"abc");
        let stored = || {
            let files = server.stored_files();
            let data = files.iter().find(|name| !name.ends_with(".info"));
            data.and_then(|name| std::fs::read(server.data_dir().join(name)).ok())
        };
        crate::harness::eventually("the upload is there", || stored().is_some());
        wire.end(end);
        crate::harness::eventually("the bytes are there", || {
            stored().is_some_and(|bytes| bytes == b"abc")
        });
    }
}

#[test]
fn cwu_5_a_creation_that_is_refused_is_answered_before_its_bytes_are_sent() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.arguments(&["--max-file-size", "1000"]).start();
    let reject = format!(
        "Upload-Metadata: {}\nExpect: 100-continue\n",
        metadata(&[("behave", "reject")])
    );
    for (length, fields, status) in [
        (2000, "Expect: 100-continue\n", "413"),
        (10, "Upload-Metadata: ,\nExpect: 100-continue\n", "400"),
        (10, &*reject, "403"),
    ] {
        // Not a byte of the body is sent.
        let wire = Wire::open(server.address(), &head_with(length, 10, fields), b"");
        let answer = wire.read_to_end();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(!answer.contains("100 Continue"), "{answer}");
    }
    assert!(server.stored_files().is_empty());
}

#[test]
fn cwu_5_a_creation_that_is_accepted_is_told_to_go_on() {
    let (server, _tus) = start(&[]);
    let head = head_with(10, 10, "Expect: 100-continue\nConnection: close\n");
    let mut wire = Wire::open(server.address(), &head, b"");
    assert_eq!(wire.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
    // The bytes come when the upload is there.
    assert_eq!(server.stored_files().len(), 2);
    wire.write(b"0123456789").unwrap();
    let answer = wire.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(
        answer.to_lowercase().contains("upload-offset: 10"),
        "{answer}"
    );
}
