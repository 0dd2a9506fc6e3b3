//! Parts become one upload (tus 1.0.0, "Concatenation"): CAT. Crashes in between
//! are in `crashes.rs`.

use super::{client, setup, start};
use crate::harness::guests::install;
use crate::harness::server::Server;
use crate::harness::tus::{OFFSET_TYPE, Tus, header, metadata};
use crate::harness::wire::Wire;

/// A finished part.
fn part(tus: &Tus, bytes: &'static str) -> String {
    let length = bytes.len().to_string();
    let headers = [
        ("Upload-Length", length.as_str()),
        ("Upload-Concat", "partial"),
        ("Content-Type", OFFSET_TYPE),
    ];
    let response = tus.send("POST", tus.files(), &headers, bytes);
    assert_eq!(response.status(), 201);
    tus.location(&response)
}

/// The value of `Upload-Concat` for these parts.
fn made_of(parts: &[&str]) -> String {
    format!("final;{}", parts.join(" "))
}

fn join(tus: &Tus, parts: &[&str]) -> reqwest::blocking::Response {
    tus.post(&[("Upload-Concat", &made_of(parts))])
}

/// The path of a URL.
fn path(url: &str) -> &str {
    let below_scheme = url.split_once("//").unwrap().1;
    &below_scheme[below_scheme.find('/').unwrap()..]
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[test]
fn cat_1_concatenation_is_told() {
    let (_server, tus) = start(&[]);
    let options = tus.send("OPTIONS", tus.files(), &[], "");
    let mut extensions = header(&options, "tus-extension").split(',');
    assert!(extensions.any(|name| name == "concatenation"));
}

#[test]
fn cat_2_who_is_told_of_a_part_can_see_that_it_is_one() {
    let setup = setup().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.start();
    let tus = client(&server);
    let part = part(&tus, "abc");
    let told = server.wait_for_log("what=\"post-finish\"");
    assert!(
        told.contains(id(&part)) && told.contains("kind=\"partial\""),
        "{told}"
    );
}

#[test]
fn cat_3_the_parts_stand_one_after_the_other_as_listed() {
    let (server, tus) = start(&[]);
    let (a, b, empty) = (part(&tus, "abc"), part(&tus, "de"), part(&tus, ""));
    for (parts, content) in [
        (&[&*a, &*b][..], "abcde"),
        (&[&*b, &*a], "deabc"),
        (&[&*empty, &*a, &*empty], "abc"),
        (&[&*empty], ""),
    ] {
        let response = join(&tus, parts);
        assert_eq!(response.status(), 201);
        let whole = tus.location(&response);
        assert_eq!(tus.get(&whole).text().unwrap(), content);
        assert_eq!(
            header(&tus.head(&whole), "upload-length"),
            content.len().to_string()
        );
    }
    // Large enough for several steps of copying in one part.
    let big: Vec<u8> = (0..70_000_001_u32).map(|n| (n % 251) as u8).collect();
    let length = big.len().to_string();
    let headers = [("Upload-Length", &*length), ("Upload-Concat", "partial")];
    let url = tus.location(&tus.post(&headers));
    assert_eq!(tus.patch(&url, 0, big.clone()).status(), 204);
    let whole = tus.location(&join(&tus, &[&a, &url, &b]));
    let stored = std::fs::read(server.data_dir().join(id(&whole))).unwrap();
    assert!(stored == [b"abc".as_slice(), &big, b"de"].concat());
}

#[test]
fn cat_4_a_final_upload_comes_without_length_and_without_bytes() {
    let (server, tus) = start(&[]);
    let a = part(&tus, "abc");
    let before = server.stored_files();
    let concat = made_of(&[&a]);
    for field in [("Upload-Length", "3"), ("Upload-Defer-Length", "1")] {
        let response = tus.post(&[("Upload-Concat", &concat), field]);
        assert_eq!(response.status(), 400, "{field:?}");
    }
    let headers = [("Upload-Concat", &*concat), ("Content-Type", OFFSET_TYPE)];
    let with_bytes = tus.send("POST", tus.files(), &headers, "abc");
    assert_eq!(with_bytes.status(), 400);
    assert_eq!(server.stored_files(), before);
}

#[test]
fn cat_5_parts_must_be_finished_parts_unless_it_is_told_otherwise() {
    let (server, tus) = start(&["--tus-extensions", "creation-with-upload,concatenation"]);
    let options = tus.send("OPTIONS", tus.files(), &[], "");
    assert!(!header(&options, "tus-extension").contains("unfinished"));
    let good = part(&tus, "abc");
    let unfinished =
        tus.location(&tus.post(&[("Upload-Length", "3"), ("Upload-Concat", "partial")]));
    tus.patch(&unfinished, 0, "ab");
    let whole = tus.create(0);
    let made = tus.location(&join(&tus, &[&good]));
    let nowhere = format!("{}/nowhere", tus.files());
    let before = server.stored_files();
    for (bad, status) in [
        (&unfinished, 409),
        (&whole, 400),
        (&made, 400),
        (&nowhere, 404),
    ] {
        for parts in [[&*good, bad], [bad, &good]] {
            assert_eq!(join(&tus, &parts).status(), status, "{bad}");
        }
    }
    assert_eq!(server.stored_files(), before);
    tus.patch(&unfinished, 2, "c");
    assert_eq!(join(&tus, &[&unfinished]).status(), 201);
}

#[test]
fn cat_6_nothing_that_is_said_of_a_part_is_said_of_the_whole() {
    let (_server, tus) = start(&[]);
    let response = tus.post(&[
        ("Upload-Length", "0"),
        ("Upload-Concat", "partial"),
        ("Upload-Metadata", "part cGFydA=="),
    ]);
    let part = tus.location(&response);
    let whole = tus.location(&join(&tus, &[&part]));
    assert_eq!(header(&tus.head(&whole), "upload-metadata"), "");
    let response = tus.post(&[
        ("Upload-Concat", &made_of(&[&part])),
        ("Upload-Metadata", "whole d2hvbGU="),
    ]);
    let whole = tus.location(&response);
    let head = tus.head(&whole);
    assert_eq!(header(&head, "upload-metadata"), "whole d2hvbGU=");
    let head = tus.head(&part);
    assert_eq!(header(&head, "upload-metadata"), "part cGFydA==");
}

#[test]
fn cat_7_a_part_may_be_used_several_times() {
    let (_server, tus) = start(&[]);
    let (a, b) = (part(&tus, "abc"), part(&tus, "de"));
    for _ in 0..2 {
        let whole = tus.location(&join(&tus, &[&a, &b, &a]));
        assert_eq!(tus.get(&whole).text().unwrap(), "abcdeabc");
    }
    // At the same time too.
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let (tus, a, b) = (&tus, &a, &b);
                let parts = if n % 2 == 0 { [a, b] } else { [b, a] };
                scope.spawn(move || join(tus, &parts.map(|url| &**url)).status())
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 201);
        }
    });
}

#[test]
fn cat_8_a_final_upload_cannot_be_added_to() {
    let (server, tus) = start(&[]);
    let whole = tus.location(&join(&tus, &[&part(&tus, "abc")]));
    let before = server.stored_files();
    for (offset, body) in [(3, ""), (3, "x"), (0, "xyz"), (7, "x")] {
        assert_eq!(tus.patch(&whole, offset, body).status(), 403, "{offset}");
    }
    assert_eq!(tus.get(&whole).text().unwrap(), "abc");
    assert_eq!(server.stored_files(), before);
}

#[test]
fn cat_9_a_final_upload_that_is_not_complete_has_no_offset() {
    // As a server leaves it behind that was killed in the middle.
    let (server, tus) = start(&[]);
    let whole = tus.location(&join(&tus, &[&part(&tus, "abc")]));
    let record = server.data_dir().join(format!("{}.info", id(&whole)));
    let text = std::fs::read_to_string(&record).unwrap();
    let unfinished = text.replace("\"finished\":true", "\"finished\":false");
    assert_ne!(unfinished, text);
    std::fs::write(&record, unfinished).unwrap();
    std::fs::write(server.data_dir().join(id(&whole)), "a").unwrap();
    let head = tus.head(&whole);
    assert_eq!(head.status(), 200);
    assert!(!head.headers().contains_key("upload-offset"));
    assert_eq!(header(&head, "upload-length"), "3");
    assert_eq!(tus.get(&whole).status(), 409);
    assert_eq!(tus.patch(&whole, 1, "bc").status(), 403);
    assert_eq!(tus.delete(&whole).status(), 204);
}

#[test]
fn cat_10_and_12_a_final_upload_is_as_long_as_its_parts_together() {
    let (_server, tus) = start(&[]);
    let whole = tus.location(&join(&tus, &[&part(&tus, "abc"), &part(&tus, "de")]));
    let head = tus.head(&whole);
    assert_eq!(header(&head, "upload-offset"), "5");
    assert_eq!(header(&head, "upload-length"), "5");
}

#[test]
fn cat_11_a_part_has_an_offset() {
    let (_server, tus) = start(&[]);
    let response = tus.post(&[("Upload-Length", "3"), ("Upload-Concat", "partial")]);
    let part = tus.location(&response);
    for (body, offset) in [("", "0"), ("ab", "2")] {
        tus.patch(&part, 0, body);
        assert_eq!(header(&tus.head(&part), "upload-offset"), offset);
    }
}

#[test]
fn cat_13_upload_concat_comes_back_as_it_was_given() {
    let (_server, tus) = start(&[]);
    let (a, b) = (part(&tus, "abc"), part(&tus, "de"));
    assert_eq!(header(&tus.head(&a), "upload-concat"), "partial");
    for given in [
        format!("final;{a} {b}"),
        format!("final; {}  {b}", path(&a)),
        format!("final;{}/", path(&a)),
    ] {
        let response = tus.post(&[("Upload-Concat", &given)]);
        assert_eq!(response.status(), 201, "{given}");
        let head = tus.head(&tus.location(&response));
        assert_eq!(header(&head, "upload-concat"), given);
    }
    assert_eq!(header(&tus.head(&tus.create(3)), "upload-concat"), "");
}

#[test]
fn cat_14_parts_are_named_by_paths_or_by_urls_of_this_server() {
    let (server, tus) = start(&[]);
    let a = part(&tus, "abc");
    let here = path(&a).to_owned();
    assert_eq!(join(&tus, &[&a, &here]).status(), 201);
    let before = server.stored_files();
    for bad in [
        a.replace("127.0.0.1", "example.org"),
        format!("http://example.org{here}"),
        format!("//example.org{here}"),
        here.replace("/files/", "/other/"),
        id(&a).to_owned(),
        format!("{here}?query"),
        "/files/../etc/passwd".to_owned(),
    ] {
        assert_eq!(join(&tus, &[&bad]).status(), 400, "{bad}");
    }
    for bad in ["", "final", "final;", "Partial", "partial, partial"] {
        let headers = [("Upload-Concat", bad), ("Upload-Length", "3")];
        assert_eq!(tus.post(&headers).status(), 400, "{bad:?}");
    }
    assert_eq!(server.stored_files(), before);
    // Under the name by which the client calls the server, whatever it is.
    let head = format!(
        "POST /files HTTP/1.1\nHost: Example.org\nTus-Resumable: 1.0.0\n\
         Upload-Concat: final;https://example.org:443{here}\nConnection: close\n"
    );
    let answer = Wire::open(server.address(), &head, b"").read_to_end();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn a_final_upload_is_not_longer_than_the_limit() {
    let (server, tus) = start(&["--max-file-size", "5"]);
    let (a, b) = (part(&tus, "abc"), part(&tus, "de"));
    let before = server.stored_files();
    assert_eq!(join(&tus, &[&a, &a]).status(), 413);
    assert_eq!(server.stored_files(), before);
    assert_eq!(join(&tus, &[&a, &b]).status(), 201);
}

fn hostile(arguments: &[&str]) -> (Server, Tus) {
    let setup = setup().with_hooks().arguments(arguments);
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.start();
    let tus = client(&server);
    (server, tus)
}

#[test]
fn plugins_see_what_a_final_upload_is_made_of() {
    let (server, tus) = hostile(&[]);
    let (a, b) = (part(&tus, "abc"), part(&tus, "de"));
    let response = tus.post(&[
        ("Upload-Concat", &made_of(&[&a, &b, &a])),
        ("Upload-Metadata", &metadata(&[("behave", "kind")])),
    ]);
    let kind = format!("final {} {} {}", id(&a), id(&b), id(&a));
    assert_eq!(header(&response, "x-kind"), format!("{kind} 8"));
    let whole = tus.location(&response);
    let heard = || {
        let log = server.log();
        let lines = log
            .lines()
            .filter(|line| line.contains("hostile: notified"));
        lines
            .filter(|line| line.contains(&format!("upload=\"{}\"", id(&whole))))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(tus.delete(&whole).status(), 204);
    crate::harness::eventually("the end is told", || heard().len() == 2);
    let heard = heard();
    assert!(heard[0].contains("what=\"post-finish\""), "{heard:?}");
    assert!(heard[0].contains(&format!("kind=\"{kind}\"")), "{heard:?}");
    assert!(heard[1].contains("what=\"post-terminate\""), "{heard:?}");
}

#[test]
fn nothing_is_left_of_a_final_upload_that_a_plugin_refuses() {
    for arguments in [&[][..], &["--remove-parts"]] {
        let (server, tus) = hostile(arguments);
        let a = part(&tus, "abc");
        let before = server.stored_files();
        for (key, value) in [
            ("behave", "reject"),
            ("behave-finish", "reject"),
            // The id of a part.
            ("behave", &format!("id:{}", id(&a))),
        ] {
            let response = tus.post(&[
                ("Upload-Concat", &made_of(&[&a])),
                ("Upload-Metadata", &metadata(&[(key, value)])),
            ]);
            assert!(response.status().is_client_error(), "{key} {value}");
            assert_eq!(server.stored_files(), before, "{key} {value}");
            assert_eq!(tus.offset(&a), 3);
        }
        let asked = server.log().matches("kind=pre-create").count();
        assert_eq!(join(&tus, &[&a, "/files/nowhere"]).status(), 404);
        assert_eq!(server.log().matches("kind=pre-create").count(), asked);
        assert_eq!(join(&tus, &[&a]).status(), 201);
    }
}

#[test]
fn parts_are_removed_after_the_whole_is_finished_if_so_wanted() {
    let (server, tus) = start(&["--remove-parts"]);
    let (a, b) = (part(&tus, "abc"), part(&tus, "de"));
    let whole = tus.location(&join(&tus, &[&a, &b, &a]));
    assert_eq!(tus.get(&whole).text().unwrap(), "abcdeabc");
    for gone in [&a, &b] {
        assert_eq!(tus.head(gone).status(), 404);
        assert_eq!(tus.get(gone).status(), 404);
        assert!(!server.data_dir().join(id(gone)).exists());
    }
    assert_eq!(tus.delete(&whole).status(), 204);
    assert!(server.stored_files().is_empty());
}

#[test]
fn a_final_request_that_is_sent_again_does_not_make_a_second_upload() {
    let (server, tus) = hostile(&["--remove-parts"]);
    let (a, b) = (part(&tus, "abc"), part(&tus, "de"));
    let concat = made_of(&[&a, &b]);
    let send =
        |metadata: &str| tus.post(&[("Upload-Concat", &concat), ("Upload-Metadata", metadata)]);
    let first = send("name YQ==");
    let whole = tus.location(&first);
    let before = server.stored_files();
    let asked = server.log().matches("kind=pre-create").count();
    for _ in 0..2 {
        let again = send("name YQ==");
        assert_eq!(again.status(), 201);
        assert_eq!(tus.location(&again), whole);
        assert_eq!(header(&again, "upload-offset"), "5");
    }
    assert_eq!(server.log().matches("kind=pre-create").count(), asked);
    // Another request is another one, and its parts are gone.
    assert_eq!(send("name Yg==").status(), 404);
    assert_eq!(join(&tus, &[&b, &a]).status(), 404);
    assert_eq!(join(&tus, &[&a]).status(), 404);
    assert_eq!(server.stored_files(), before);
    assert_eq!(tus.delete(&whole).status(), 204);
    assert_eq!(send("name YQ==").status(), 404);
    assert!(server.stored_files().is_empty());
}
