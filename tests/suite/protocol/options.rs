//! What the server says that it can do (tus 1.0.0, "Core Protocol", OPTIONS):
//! CORE-V, CORE-X, CORE-MS, OPT.

use super::start;
use crate::harness::tus::header;

#[test]
fn core_v1_and_v2_versions_are_listed_the_preferred_one_first() {
    let (_server, tus) = start(&[]);
    let response = tus.send("OPTIONS", tus.files(), &[], "");
    assert_eq!(header(&response, "tus-version"), "1.0.0");
}

#[test]
fn core_x1_extensions_are_listed() {
    let (_server, tus) = start(&[]);
    let response = tus.send("OPTIONS", tus.files(), &[], "");
    let extensions: Vec<_> = header(&response, "tus-extension").split(',').collect();
    for extension in [
        "creation",
        "creation-with-upload",
        "termination",
        "concatenation",
        "concatenation-unfinished",
    ] {
        assert!(extensions.contains(&extension), "{extensions:?}");
    }
}

#[test]
fn core_x2_without_extensions_there_is_no_list() {
    let (_server, tus) = start(&["--tus-extensions", ""]);
    let response = tus.send("OPTIONS", tus.files(), &[], "");
    assert!(!response.headers().contains_key("tus-extension"));
    assert_eq!(header(&response, "tus-version"), "1.0.0");
}

#[test]
fn core_ms1_and_ms2_a_limit_is_told_where_there_is_one() {
    let (_server, tus) = start(&["--max-file-size", "1000"]);
    let response = tus.send("OPTIONS", tus.files(), &[], "");
    assert_eq!(header(&response, "tus-max-size"), "1000");
    let (_server, tus) = start(&[]);
    let response = tus.send("OPTIONS", tus.files(), &[], "");
    assert!(!response.headers().contains_key("tus-max-size"));
}

#[test]
fn opt_1_options_succeed_everywhere() {
    let (_server, tus) = start(&[]);
    for url in [tus.files().to_owned(), tus.create(3)] {
        let response = tus.send("OPTIONS", &url, &[], "");
        assert_eq!(response.status(), 204);
        assert_eq!(header(&response, "tus-version"), "1.0.0");
    }
}

#[test]
fn opt_2_options_pass_over_the_clients_version() {
    let (_server, tus) = start(&[]);
    for version in ["1.0.0", "9.9.9", ""] {
        let headers = [("Tus-Resumable", version)];
        let response = tus.send("OPTIONS", tus.files(), &headers, "");
        assert_eq!(response.status(), 204, "{version:?}");
    }
}
