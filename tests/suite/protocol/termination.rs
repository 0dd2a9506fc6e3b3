//! An upload is removed (tus 1.0.0, "Termination"): TER.

use super::start;
use crate::harness::tus::header;

#[test]
fn ter_1_finished_and_unfinished_uploads_can_be_removed() {
    let (server, tus) = start(&[]);
    let options = tus.send("OPTIONS", tus.files(), &[], "");
    let mut extensions = header(&options, "tus-extension").split(',');
    assert!(extensions.any(|name| name == "termination"));
    for body in ["", "ab", "abc"] {
        let url = tus.create(3);
        tus.patch(&url, 0, body);
        let response = tus.delete(&url);
        assert_eq!(response.status(), 204);
        assert_eq!(header(&response, "tus-resumable"), "1.0.0");
        assert!(server.stored_files().is_empty());
    }
}

#[test]
fn ter_2_a_removed_upload_is_gone() {
    let (_server, tus) = start(&[]);
    for body in ["ab", "abc"] {
        let url = tus.create(3);
        tus.patch(&url, 0, body);
        assert_eq!(tus.delete(&url).status(), 204);
        assert_eq!(tus.head(&url).status(), 404);
        assert_eq!(tus.get(&url).status(), 404);
        assert_eq!(tus.delete(&url).status(), 404);
        assert_eq!(tus.patch(&url, 0, "abc").status(), 404);
    }
}
