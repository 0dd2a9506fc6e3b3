//! `--tus-extensions`: what is left out is off.

use super::{client, setup, start};
use crate::harness::tus::{OFFSET_TYPE, Tus, header};

/// A server that speaks all but `extension`.
fn without(extension: &str) -> (crate::harness::server::Server, Tus) {
    let (_server, tus) = start(&[]);
    let options = tus.send("OPTIONS", tus.files(), &[], "");
    let all = header(&options, "tus-extension");
    // Nor what is named after it, which would bring it back.
    let left: Vec<_> = all
        .split(',')
        .filter(|name| *name != extension && *name != format!("{extension}-unfinished"))
        .collect();
    assert_ne!(left.join(","), all);
    let (server, tus) = start(&["--tus-extensions", &left.join(",")]);
    let options = tus.send("OPTIONS", tus.files(), &[], "");
    assert_eq!(header(&options, "tus-extension"), left.join(","));
    (server, tus)
}

#[test]
fn without_termination_nothing_is_removed() {
    let (_server, tus) = without("termination");
    let url = tus.create(3);
    let response = tus.delete(&url);
    assert_eq!(response.status(), 405);
    assert_eq!(header(&response, "allow"), "GET, HEAD, OPTIONS, PATCH");
    assert_eq!(tus.head(&url).status(), 200);
}

#[test]
fn without_getting_nothing_is_read() {
    let (_server, tus) = without("getting");
    let url = tus.create(0);
    let response = tus.get(&url);
    assert_eq!(response.status(), 405);
    assert_eq!(header(&response, "allow"), "DELETE, HEAD, OPTIONS, PATCH");
}

#[test]
fn without_creation_nothing_begins() {
    let (server, tus) = start(&["--tus-extensions", "getting,termination"]);
    let response = tus.create_with(3, &[]);
    assert_eq!(response.status(), 405);
    assert_eq!(header(&response, "allow"), "OPTIONS");
    assert!(server.stored_files().is_empty());
}

#[test]
fn without_creation_with_upload_bytes_are_refused() {
    let (server, tus) = without("creation-with-upload");
    let headers = [("Upload-Length", "3"), ("Content-Type", OFFSET_TYPE)];
    let refused = tus.send("POST", tus.files(), &headers, "abc");
    assert_eq!(refused.status(), 400);
    assert!(refused.text().unwrap().contains("creation-with-upload"));
    assert!(server.stored_files().is_empty());
    assert_eq!(tus.send("POST", tus.files(), &headers, "").status(), 201);
}

#[test]
fn without_concatenation_parts_are_refused() {
    let (server, tus) = without("concatenation");
    for headers in [
        &[("Upload-Length", "3"), ("Upload-Concat", "partial")][..],
        &[("Upload-Concat", "final;/files/a")],
    ] {
        let refused = tus.post(headers);
        assert_eq!(refused.status(), 400);
        assert!(refused.text().unwrap().contains("concatenation"));
    }
    assert!(server.stored_files().is_empty());
}

#[test]
fn an_unknown_extension_ends_the_start_with_the_known_ones() {
    for name in ["deletion", "concatenation-partial", "Creation"] {
        let (status, log) = setup().arguments(&["--tus-extensions", name]).run();
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(log.contains("creation, termination"), "{log}");
    }
    let server = setup()
        .variable("RUSTUS_TUS_EXTENSIONS", "creation-with-upload, termination")
        .start();
    let options = client(&server).send("OPTIONS", &server.files(), &[], "");
    let told = header(&options, "tus-extension");
    assert_eq!(told, "creation,termination,creation-with-upload");
}

#[test]
fn empty_uploads_are_allowed_whatever_allow_empty_says() {
    for arguments in [&[][..], &["--allow-empty"], &["--allow-empty=false"]] {
        let (_server, tus) = start(arguments);
        assert_eq!(tus.create_with(0, &[]).status(), 201);
    }
}
