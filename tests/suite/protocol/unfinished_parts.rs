//! A final upload is asked for before its parts are finished (tus 1.0.0,
//! "Concatenation": `concatenation-unfinished`).

use super::{client, setup, start};
use crate::harness::eventually;
use crate::harness::guests::install;
use crate::harness::server::Server;
use crate::harness::tus::{OFFSET_TYPE, Tus, header, metadata};

/// A part of which nothing is there yet.
fn part(tus: &Tus, length: &str) -> String {
    let response = tus.post(&[("Upload-Length", length), ("Upload-Concat", "partial")]);
    assert_eq!(response.status(), 201);
    tus.location(&response)
}

/// A part whose length is not known yet.
fn part_without_length(tus: &Tus) -> String {
    let deferred = [("Upload-Defer-Length", "1"), ("Upload-Concat", "partial")];
    let response = tus.post(&deferred);
    assert_eq!(response.status(), 201);
    tus.location(&response)
}

fn made_of(parts: &[&str]) -> String {
    format!("final;{}", parts.join(" "))
}

/// The final upload of `parts`, which are not all finished.
fn waiting(tus: &Tus, parts: &[&str]) -> String {
    let response = tus.post(&[("Upload-Concat", &made_of(parts))]);
    assert_eq!(response.status(), 201);
    assert!(!response.headers().contains_key("upload-offset"));
    tus.location(&response)
}

fn has_offset(tus: &Tus, url: &str) -> bool {
    tus.head(url).headers().contains_key("upload-offset")
}

/// What comes after that of all uploads in a URL, for another server.
fn path(url: &str) -> &str {
    &url[url.find("/files").unwrap() + "/files".len()..]
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[test]
fn cat_5_what_waits_for_its_parts_is_there_when_the_last_is_finished() {
    let (_server, tus) = start(&[]);
    let options = tus.send("OPTIONS", tus.files(), &[], "");
    let mut extensions = header(&options, "tus-extension").split(',');
    assert!(extensions.any(|name| name == "concatenation-unfinished"));

    let (a, b) = (part(&tus, "3"), part(&tus, "2"));
    assert_eq!(tus.patch(&a, 0, "abc").status(), 204);
    let whole = waiting(&tus, &[&a, &b, &a]);
    let head = tus.head(&whole);
    assert_eq!(head.status(), 200);
    assert!(!head.headers().contains_key("upload-offset"));
    assert_eq!(header(&head, "upload-length"), "8");
    assert_eq!(header(&head, "upload-concat"), made_of(&[&a, &b, &a]));
    assert_eq!(tus.get(&whole).status(), 409);
    assert_eq!(tus.patch(&whole, 0, "abc").status(), 403);

    assert_eq!(tus.patch(&b, 0, "d").status(), 204);
    assert!(!has_offset(&tus, &whole));
    assert_eq!(tus.patch(&b, 1, "e").status(), 204);
    // Without a look at it in between.
    assert_eq!(tus.get(&whole).text().unwrap(), "abcdeabc");
    assert_eq!(tus.offset(&whole), 8);
}

#[test]
fn cat_10_a_length_that_is_not_known_yet_is_not_told() {
    let (_server, tus) = start(&[]);
    let (a, b) = (part_without_length(&tus), part(&tus, "2"));
    let whole = waiting(&tus, &[&a, &b]);
    let head = tus.head(&whole);
    assert!(!head.headers().contains_key("upload-length"));
    assert_eq!(header(&head, "upload-defer-length"), "1");
    assert_eq!(tus.patch(&b, 0, "de").status(), 204);
    let headers = [
        ("Upload-Offset", "0"),
        ("Upload-Length", "3"),
        ("Content-Type", OFFSET_TYPE),
    ];
    assert_eq!(tus.send("PATCH", &a, &headers, "abc").status(), 204);
    let head = tus.head(&whole);
    assert_eq!(header(&head, "upload-length"), "5");
    assert_eq!(header(&head, "upload-offset"), "5");
    assert_eq!(tus.get(&whole).text().unwrap(), "abcde");
}

#[test]
fn two_uploads_can_wait_for_one_part() {
    let (_server, tus) = start(&[]);
    let (a, b) = (part(&tus, "1"), part(&tus, "1"));
    let (ab, ba) = (waiting(&tus, &[&a, &b]), waiting(&tus, &[&b, &a]));
    assert_eq!(tus.patch(&b, 0, "b").status(), 204);
    assert_eq!(tus.patch(&a, 0, "a").status(), 204);
    assert_eq!(tus.get(&ab).text().unwrap(), "ab");
    assert_eq!(tus.get(&ba).text().unwrap(), "ba");
}

#[test]
fn what_waits_is_put_together_after_a_kill_without_a_request_for_it() {
    let setup = setup();
    let server = setup.start();
    let tus = client(&server);
    let (a, b) = (part(&tus, "1"), part(&tus, "1"));
    let whole = waiting(&tus, &[&a, &b]);
    assert_eq!(tus.patch(&a, 0, "a").status(), 204);
    server.kill();

    let server = setup.start();
    let tus = client(&server);
    let at = |url: &str| format!("{}{}", tus.files(), path(url));
    // The part is finished as soon as the server has found what waits for it,
    // or before; neither may matter.
    assert_eq!(tus.patch(&at(&b), 0, "b").status(), 204);
    eventually("it is put together", || {
        server.stored_bytes(&whole) == b"ab"
    });
    assert_eq!(tus.get(&at(&whole)).text().unwrap(), "ab");
}

#[test]
fn a_part_that_another_server_finished_is_seen_by_who_looks() {
    let setup = setup();
    let (first, second) = (setup.start(), setup.start());
    let tus = Tus::new(first.files());
    let other = Tus::new(second.files());
    let a = part(&tus, "1");
    let whole = waiting(&tus, &[&a]);
    let same = format!("{}{}", other.files(), path(&a));
    assert_eq!(other.patch(&same, 0, "a").status(), 204);
    assert_eq!(tus.offset(&whole), 1);
    assert_eq!(tus.get(&whole).text().unwrap(), "a");
}

#[test]
fn parts_that_are_to_go_go_when_the_whole_is_there() {
    let (server, tus) = start(&["--remove-parts"]);
    let (a, b) = (part(&tus, "1"), part(&tus, "1"));
    let whole = waiting(&tus, &[&a, &b]);
    assert_eq!(tus.patch(&a, 0, "a").status(), 204);
    assert_eq!(tus.get(&a).text().unwrap(), "a");
    assert_eq!(tus.patch(&b, 0, "b").status(), 204);
    assert_eq!(tus.get(&whole).text().unwrap(), "ab");
    for part in [&a, &b] {
        assert_eq!(tus.head(part).status(), 404);
        assert!(!server.data_dir().join(id(part)).exists());
    }
}

#[test]
fn what_waits_for_a_part_that_is_gone_can_be_removed() {
    let (server, tus) = start(&[]);
    let (a, b) = (part(&tus, "1"), part(&tus, "1"));
    let whole = waiting(&tus, &[&a, &b]);
    assert_eq!(tus.delete(&a).status(), 204);
    assert_eq!(tus.patch(&b, 0, "b").status(), 204);
    assert!(!has_offset(&tus, &whole));
    assert_eq!(tus.delete(&whole).status(), 204);
    assert_eq!(tus.delete(&b).status(), 204);
    assert!(server.stored_files().is_empty());
}

#[test]
fn the_limit_holds_also_for_what_waits() {
    let (server, tus) = start(&["--max-file-size", "5"]);
    let (a, b) = (part(&tus, "3"), part_without_length(&tus));
    let before = server.stored_files();
    let concat = made_of(&[&a, &a]);
    let refused = tus.post(&[("Upload-Concat", &concat)]);
    assert_eq!(refused.status(), 413);
    assert_eq!(server.stored_files(), before);
    // Too long in the end: it is never put together.
    let whole = waiting(&tus, &[&a, &b]);
    let headers = [
        ("Upload-Offset", "0"),
        ("Upload-Length", "3"),
        ("Content-Type", OFFSET_TYPE),
    ];
    assert_eq!(tus.send("PATCH", &b, &headers, "abc").status(), 204);
    assert_eq!(tus.patch(&a, 0, "abc").status(), 204);
    assert!(!has_offset(&tus, &whole));
    server.wait_for_log("is not put together");
}

fn hostile() -> (Server, Tus) {
    let setup = setup().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.start();
    let tus = client(&server);
    (server, tus)
}

#[test]
fn plugins_are_told_of_the_creation_and_of_the_end() {
    let (server, tus) = hostile();
    let (a, b) = (part(&tus, "1"), part(&tus, "1"));
    let whole = waiting(&tus, &[&a, &b]);
    assert_eq!(tus.patch(&b, 0, "b").status(), 204);
    assert_eq!(tus.patch(&a, 0, "a").status(), 204);
    let heard = || {
        let log = server.log();
        let of_whole = format!("upload=\"{}\"", id(&whole));
        let lines = log.lines().filter(|line| line.contains(&of_whole));
        lines
            .filter(|line| line.contains("hostile: notified"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    eventually("it is told", || heard().len() == 2);
    assert!(heard()[0].contains("what=\"post-create\""), "{:?}", heard());
    assert!(heard()[1].contains("what=\"post-finish\""), "{:?}", heard());
}

#[test]
fn a_plugin_can_refuse_a_final_upload_before_it_waits() {
    let setup = setup().with_hooks();
    install(&setup.hooks_dir(), "refuse-meme", "refuse-meme");
    let server = setup.start();
    let tus = client(&server);
    let a = part(&tus, "1");
    let before = server.stored_files();
    let refused = tus.post(&[
        ("Upload-Concat", &made_of(&[&a])),
        ("Upload-Metadata", &metadata(&[("meme", "pepe")])),
    ]);
    assert_eq!(refused.status(), 400);
    assert_eq!(server.stored_files(), before);
}
