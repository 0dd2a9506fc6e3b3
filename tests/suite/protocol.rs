//! tus 1.0, as far as it is served. Tests carry the ids of the checklist of its
//! requirements: core, HEAD, PATCH, OPTIONS, creation, creation-with-upload,
//! termination.

use crate::harness::server::{Server, Setup};
use crate::harness::tus::{OFFSET_TYPE, Tus, header, metadata};

fn start(arguments: &[&str]) -> (Server, Tus) {
    let server = Setup::new().arguments(arguments).start();
    let tus = Tus::new(server.files());
    (server, tus)
}

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
    let (server, tus) = start(&[]);
    let url = tus.create(3);
    let nowhere = format!("{}/nowhere", server.files());
    for (method, url) in [
        ("POST", server.files()),
        ("OPTIONS", server.files()),
        ("PUT", server.files()),
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

#[test]
fn core_r2_to_r4_another_version_is_refused_and_nothing_happens() {
    let (server, tus) = start(&[]);
    let url = tus.create(3);
    let before = server.stored_files();
    for version in ["0.2.2", "2.0.0", ""] {
        let with = |headers: &[(&'static str, &'static str)]| {
            let mut headers = headers.to_vec();
            headers.push(("Tus-Resumable", version));
            headers
        };
        for (method, url, headers) in [
            ("POST", &server.files(), with(&[("Upload-Length", "3")])),
            ("HEAD", &url, with(&[])),
            (
                "PATCH",
                &url,
                with(&[("Upload-Offset", "0"), ("Content-Type", OFFSET_TYPE)]),
            ),
            ("DELETE", &url, with(&[])),
        ] {
            let response = tus.send(method, url, &headers, "abc");
            assert_eq!(response.status(), 412, "{method} {version:?}");
            assert_eq!(header(&response, "tus-version"), "1.0.0", "{method}");
        }
    }
    assert_eq!(tus.offset(&url), 0);
    assert_eq!(server.stored_files(), before);
}

#[test]
fn core_mo1_the_override_is_the_method() {
    let (_server, tus) = start(&[]);
    let url = tus.create(6);
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
    let delete = [("X-HTTP-Method-Override", "DELETE")];
    assert_eq!(tus.send("POST", &url, &delete, "").status(), 204);
    assert_eq!(tus.head(&url).status(), 404);
}

#[test]
fn opt_1_options_tell_what_is_served() {
    let (server, tus) = start(&["--max-file-size", "1000"]);
    for version in ["1.0.0", "9.9.9"] {
        let response = tus.send(
            "OPTIONS",
            &server.files(),
            &[("Tus-Resumable", version)],
            "",
        );
        assert_eq!(response.status(), 204);
        assert_eq!(header(&response, "tus-version"), "1.0.0");
        assert_eq!(header(&response, "tus-max-size"), "1000");
        let extensions = header(&response, "tus-extension");
        for extension in ["creation", "creation-with-upload", "termination"] {
            assert!(
                extensions.split(',').any(|name| name == extension),
                "{extensions}"
            );
        }
    }
    let (server, tus) = start(&[]);
    let response = tus.send("OPTIONS", &server.files(), &[], "");
    assert_eq!(header(&response, "tus-max-size"), "");
}

#[test]
fn head_1_to_5_an_upload_tells_its_state() {
    let (server, tus) = start(&[]);
    let url = tus.create(6);
    for (append, offset) in [(None, "0"), (Some("abc"), "3"), (Some("def"), "6")] {
        if let Some(body) = append {
            tus.patch(&url, tus.offset(&url), body);
        }
        let response = tus.head(&url);
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "upload-offset"), offset);
        assert_eq!(header(&response, "upload-length"), "6");
        assert_eq!(header(&response, "cache-control"), "no-store");
    }
    let missing = tus.head(&format!("{}/nowhere", server.files()));
    assert_eq!(missing.status(), 404);
    assert_eq!(header(&missing, "upload-offset"), "");
    assert_eq!(header(&missing, "cache-control"), "no-store");
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
    ] {
        let headers = [("Upload-Offset", "0"), ("Content-Type", kind)];
        assert_eq!(
            tus.send("PATCH", &url, &headers, "abc").status(),
            415,
            "{kind:?}"
        );
    }
    assert_eq!(tus.offset(&url), 0);
}

#[test]
fn patch_3_to_6_bytes_go_where_the_upload_stands() {
    let (server, tus) = start(&[]);
    let url = tus.create(6);
    let first = tus.patch(&url, 0, "abc");
    assert_eq!(first.status(), 204);
    assert_eq!(header(&first, "upload-offset"), "3");
    for offset in [0, 2, 4, 6, 7] {
        assert_eq!(tus.patch(&url, offset, "xyz").status(), 409, "{offset}");
    }
    let nothing = tus.patch(&url, 3, "");
    assert_eq!(header(&nothing, "upload-offset"), "3");
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new("def"));
    assert_eq!(header(&tus.patch(&url, 3, chunked), "upload-offset"), "6");
    assert_eq!(tus.get(&url).text().unwrap(), "abcdef");
    let nowhere = format!("{}/nowhere", server.files());
    assert_eq!(tus.patch(&nowhere, 0, "abc").status(), 404);
    // An answer that was lost on the way can be asked for again.
    assert_eq!(tus.patch(&url, 6, "").status(), 204);
}

#[test]
fn nothing_is_stored_past_the_length() {
    let (server, tus) = start(&[]);
    let url = tus.create(5);
    assert_eq!(tus.patch(&url, 0, "abcdef").status(), 413);
    assert_eq!(tus.offset(&url), 0);
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(vec![b'x'; 1_000_000]));
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
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(vec![0; 20]));
    assert_eq!(tus.patch(&url, 10, chunked).status(), 413);
    assert!(tus.offset(&url) <= 20);
}

#[test]
fn cre_2_to_3_a_creation_is_answered_with_where_it_is() {
    let (server, tus) = start(&[]);
    let response = tus.create_with(3, &[]);
    assert_eq!(response.status(), 201);
    assert_eq!(header(&response, "upload-offset"), "0");
    let location = header(&response, "location");
    assert!(
        location.starts_with(&format!("{}/", server.files())),
        "{location}"
    );
    assert_eq!(tus.head(location).status(), 200);
    // With a slash at the end too.
    let slash = Tus::new(format!("{}/", server.files()));
    assert_eq!(slash.create_with(3, &[]).status(), 201);
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
fn cre_7_and_8_metadata_that_is_none_is_refused() {
    let (server, tus) = start(&[]);
    for given in [
        "a !!!",
        "a YQ",
        "a YQ==,a YQ==",
        " YQ==",
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
    // Values that would break a header are no harm: they stay encoded.
    let pairs = [("filename", "a\r\nX-Evil: 1\0")];
    let response = tus.create_with(3, &pairs);
    assert_eq!(response.status(), 201);
    let head = tus.head(&tus.location(&response));
    assert_eq!(header(&head, "upload-metadata"), metadata(&pairs));
    assert_eq!(header(&head, "x-evil"), "");
}

#[test]
fn cwu_1_to_3_a_creation_takes_the_bytes_that_come_with_it() {
    let (_server, tus) = start(&[]);
    let post = |length, kind, body: &'static str| {
        let headers = [("Upload-Length", length), ("Content-Type", kind)];
        tus.send("POST", tus.files(), &headers, body)
    };
    for (body, offset) in [("", "0"), ("ab", "2"), ("abc", "3")] {
        let response = post("3", OFFSET_TYPE, body);
        assert_eq!(response.status(), 201);
        assert_eq!(header(&response, "upload-offset"), offset);
        assert_eq!(tus.offset(&tus.location(&response)).to_string(), offset);
    }
    assert_eq!(post("3", OFFSET_TYPE, "abcd").status(), 413);
    let other = post("3", "text/plain", "abc");
    assert!(other.status() == 415 || header(&other, "upload-offset") == "0");
}

#[test]
fn ter_1_and_2_a_removed_upload_is_gone() {
    let (server, tus) = start(&[]);
    for body in ["", "ab", "abc"] {
        let url = tus.create(3);
        tus.patch(&url, 0, body);
        assert_eq!(tus.delete(&url).status(), 204);
        assert!(server.stored_files().is_empty());
        assert_eq!(tus.head(&url).status(), 404);
        assert_eq!(tus.get(&url).status(), 404);
        assert_eq!(tus.delete(&url).status(), 404);
        assert_eq!(tus.patch(&url, 0, "abc").status(), 404);
    }
}

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
        let url = format!("{}/{id}", server.files());
        for method in ["HEAD", "GET", "DELETE"] {
            let status = tus.send(method, &url, &[], "").status().as_u16();
            assert!(matches!(status, 400 | 404 | 405), "{method} {id}: {status}");
        }
    }
    assert!(server.data_dir().join("foreign").exists());
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

#[test]
fn connections_are_kept_alive() {
    let (server, _tus) = start(&[]);
    let request = "OPTIONS /files HTTP/1.1\nHost: localhost\n";
    let mut wire = crate::harness::wire::Wire::open(server.address(), request, b"");
    wire.write(b"OPTIONS /files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let answers = wire.read_to_end();
    assert_eq!(answers.matches("HTTP/1.1 204").count(), 2, "{answers}");
}
