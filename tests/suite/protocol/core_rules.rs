//! Rules for every request (tus 1.0.0, "Core Protocol"): CORE.

use super::{client, setup, start};
use crate::harness::guests::install;
use crate::harness::tus::{OFFSET_TYPE, header};

#[test]
fn core_uo_an_offset_is_a_non_negative_integer() {
    let (_server, tus) = start(&[]);
    let url = tus.create(3);
    for offset in ["-1", "abc", "1.5", "", "0x0", "+0", "18446744073709551616"] {
        let headers = [("Upload-Offset", offset), ("Content-Type", OFFSET_TYPE)];
        assert_eq!(
            tus.send("PATCH", &url, &headers, "abc").status(),
            400,
            "{offset:?}"
        );
    }
    let headers = [("Content-Type", OFFSET_TYPE)];
    assert_eq!(tus.send("PATCH", &url, &headers, "abc").status(), 400);
    assert_eq!(tus.offset(&url), 0);
}

#[test]
fn core_ul_a_length_is_a_non_negative_integer() {
    let (server, tus) = start(&[]);
    for length in ["-1", "abc", "1.5", "", "+5", "18446744073709551616"] {
        assert_eq!(
            tus.post(&[("Upload-Length", length)]).status(),
            400,
            "{length:?}"
        );
    }
    assert_eq!(tus.post(&[]).status(), 400);
    assert!(server.stored_files().is_empty());
}

#[test]
fn core_r1_every_response_says_which_version_it_speaks() {
    let (_server, tus) = start(&[]);
    let url = tus.create(3);
    let nowhere = format!("{}/nowhere", tus.files());
    for (method, url) in [
        ("POST", tus.files().to_owned()),
        ("OPTIONS", tus.files().to_owned()),
        ("PUT", tus.files().to_owned()),
        ("HEAD", url.clone()),
        ("HEAD", nowhere.clone()),
        ("GET", nowhere.clone()),
        ("DELETE", nowhere.clone()),
        ("PATCH", url.clone()),
        ("GET", format!("{url}/deeper")),
    ] {
        let response = tus.send(method, &url, &[], "");
        assert_eq!(
            header(&response, "tus-resumable"),
            "1.0.0",
            "{method} {url}"
        );
    }
}

/// A method, where it goes, and its headers.
type Parts<'a> = (&'static str, &'a str, Vec<(&'static str, &'static str)>);

/// Requests that would change or tell something, in another version.
fn in_another_version<'a>(files: &'a str, url: &'a str) -> [Parts<'a>; 4] {
    let append = vec![("Upload-Offset", "0"), ("Content-Type", OFFSET_TYPE)];
    [
        ("POST", files, vec![("Upload-Length", "3")]),
        ("HEAD", url, vec![]),
        ("PATCH", url, append),
        ("DELETE", url, vec![]),
    ]
}

const OTHER_VERSIONS: [&str; 3] = ["0.2.2", "2.0.0", ""];

#[test]
fn core_r2_another_version_is_refused() {
    let (_server, tus) = start(&[]);
    let url = tus.create(3);
    for version in OTHER_VERSIONS {
        for (method, url, mut headers) in in_another_version(tus.files(), &url) {
            headers.push(("Tus-Resumable", version));
            let response = tus.send(method, url, &headers, "");
            assert_eq!(response.status(), 412, "{method} {version:?}");
        }
    }
}

#[test]
fn core_r3_a_refused_version_is_answered_with_the_right_ones() {
    let (_server, tus) = start(&[]);
    let url = tus.create(3);
    for version in OTHER_VERSIONS {
        for (method, url, mut headers) in in_another_version(tus.files(), &url) {
            headers.push(("Tus-Resumable", version));
            let response = tus.send(method, url, &headers, "");
            assert_eq!(header(&response, "tus-version"), "1.0.0", "{method}");
        }
    }
}

#[test]
fn core_r4_a_request_in_another_version_does_nothing_and_nobody_is_asked() {
    let setup = setup().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.start();
    let tus = client(&server);
    let url = tus.create(3);
    server.wait_for_log("what=\"post-create\"");
    let (before, mark) = (server.stored_files(), server.log().len());
    for version in OTHER_VERSIONS {
        for (method, url, mut headers) in in_another_version(tus.files(), &url) {
            headers.push(("Tus-Resumable", version));
            assert_eq!(tus.send(method, url, &headers, "abc").status(), 412);
        }
    }
    assert_eq!(tus.offset(&url), 0);
    assert_eq!(server.stored_files(), before);
    let since = server.log().split_off(mark);
    assert!(!since.contains("asked about an event"), "{since}");
}

#[test]
fn core_mo1_the_override_is_the_method() {
    let (_server, tus) = start(&[]);
    let url = tus.create(9);
    let append = |method, offset| {
        let headers = [
            ("X-HTTP-Method-Override", "PATCH"),
            ("Upload-Offset", offset),
            ("Content-Type", OFFSET_TYPE),
        ];
        tus.send(method, &url, &headers, "abc").status().as_u16()
    };
    assert_eq!(append("POST", "0"), 204);
    assert_eq!(append("PUT", "3"), 204);
    assert_eq!(append("GET", "6"), 204);
    let over = |name| [("X-HTTP-Method-Override", name)];
    let head = tus.send("POST", &url, &over("HEAD"), "");
    assert_eq!(header(&head, "upload-offset"), "9");
    // The message is an answer to HEAD all the same.
    let get = tus.send("HEAD", &url, &over("GET"), "");
    assert_eq!(header(&get, "content-length"), "9");
    assert_eq!(get.text().unwrap(), "");
    let options = tus.send("DELETE", &url, &over("OPTIONS"), "");
    assert_eq!(options.status(), 204);
    assert_eq!(tus.send("PATCH", &url, &over("patch"), "").status(), 405);
    assert_eq!(tus.send("POST", &url, &over("DELETE"), "").status(), 204);
    assert_eq!(tus.head(&url).status(), 404);
    let headers = [("X-HTTP-Method-Override", "POST"), ("Upload-Length", "3")];
    assert_eq!(tus.send("PATCH", tus.files(), &headers, "").status(), 201);
}

#[test]
fn ids_that_are_none_are_not_found() {
    let (server, tus) = start(&[]);
    std::fs::write(server.data_dir().join("foreign"), "secret").unwrap();
    for id in [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "foreign",
        "a%00b",
        ".info",
        "%",
    ] {
        let url = format!("{}/{id}", tus.files());
        for method in ["HEAD", "GET", "DELETE"] {
            let status = tus.send(method, &url, &[], "").status().as_u16();
            assert!(matches!(status, 400 | 404 | 405), "{method} {id}: {status}");
        }
    }
    assert!(server.data_dir().join("foreign").exists());
}
