//! Beyond tus: finished uploads are read.

use super::start;
use crate::harness::tus::header;

#[test]
fn only_finished_uploads_are_served_and_never_as_a_page() {
    let (_server, tus) = start(&[]);
    let response = tus.create_with(3, &[("filename", "x.html")]);
    let url = tus.location(&response);
    assert_ne!(tus.get(&url).status(), 200);
    tus.patch(&url, 0, "<b>");
    let response = tus.get(&url);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    assert!(header(&response, "content-disposition").starts_with("attachment"));
    assert_eq!(header(&response, "content-length"), "3");
}

#[test]
fn a_torn_or_foreign_record_is_an_error_and_no_panic() {
    let (server, tus) = start(&[]);
    for content in ["", "{", "{}", "null", "{\"version\":99}", "\u{0}\u{0}\u{0}"] {
        let url = tus.create(3);
        let id = url.rsplit('/').next().unwrap();
        std::fs::write(server.data_dir().join(format!("{id}.info")), content).unwrap();
        let response = tus.get(&url);
        assert_eq!(response.status(), 500, "{content:?}");
        let body = response.text().unwrap();
        assert!(!body.contains("info") && !body.contains('/'), "{body}");
        server.wait_for_log(&format!("{id}.info"));
        assert_eq!(tus.head(&url).status(), 500);
    }
    assert!(!server.log().contains("panicked"));
}
