//! A plugin decides: it rejects, it changes, and what it may not change it
//! can't.

use std::fs;

use crate::harness::guests::{install, replace};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header, metadata};

/// A server with the guest that does what the metadata says.
fn hostile(manifest: &str) -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    fs::write(setup.hooks_dir().join("hostile.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

#[test]
fn the_example_refuses_the_one_and_lets_the_other_through() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "refuse-meme", "refuse-meme");
    let server = setup.start();
    let tus = Tus::new(server.files());

    let refused = tus.create_with(5, &[("meme", "pepe")]);
    assert_eq!(refused.status(), 400);
    assert_eq!(
        header(&refused, "content-type"),
        "text/plain; charset=utf-8"
    );
    assert_eq!(header(&refused, "tus-resumable"), "1.0.0");
    assert_eq!(refused.text().unwrap(), "Pepe is not welcome here.");
    assert!(
        server.stored_files().is_empty(),
        "a refused upload left files"
    );

    assert_eq!(tus.create_with(5, &[("meme", "doge")]).status(), 201);
    assert_eq!(tus.create_with(5, &[]).status(), 201);
}

#[test]
fn the_operator_chooses_status_and_message_in_the_manifest() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "refuse-meme", "refuse-meme");
    fs::write(
        setup.hooks_dir().join("refuse-meme.toml"),
        "[config]\nstatus = 418\nmessage = \"no\"\n",
    )
    .unwrap();
    let server = setup.start();
    let refused = Tus::new(server.files()).create_with(5, &[("meme", "pepe")]);
    assert_eq!(refused.status(), 418);
    assert_eq!(refused.text().unwrap(), "no");
}

#[test]
fn changed_metadata_is_what_the_upload_has() {
    let (_server, tus) = hostile("");
    let pairs = [("behave", "metadata:owner=ann"), ("filename", "ü.txt")];
    let url = tus.location(&tus.create_with(5, &pairs));
    let kept = tus.head(&url);
    let expected = metadata(&[
        ("behave", "metadata:owner=ann"),
        ("filename", "ü.txt"),
        ("owner", "ann"),
    ]);
    assert_eq!(header(&kept, "upload-metadata"), expected);
}

#[test]
fn a_plugin_chooses_the_id() {
    let (server, tus) = hostile("");
    let response = tus.create_with(0, &[("behave", "id:my-upload.1")]);
    assert_eq!(response.status(), 201);
    let url = tus.location(&response);
    assert!(url.ends_with("/files/my-upload.1"), "{url}");
    assert_eq!(tus.head(&url).status(), 200);
    assert!(server.data_dir().join("my-upload.1").exists());
}

#[test]
fn a_plugin_chooses_the_path_below_the_data_directory() {
    let (server, tus) = hostile("");
    let response = tus.create_with(3, &[("behave", "path:by-day/monday/a.bin")]);
    assert_eq!(response.status(), 201);
    let url = tus.location(&response);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    let stored = fs::read(server.data_dir().join("by-day/monday/a.bin")).unwrap();
    assert_eq!(stored, b"abc");
    assert_eq!(tus.delete(&url).status(), 204);
    assert!(!server.data_dir().join("by-day/monday/a.bin").exists());
}

#[test]
fn an_id_or_path_that_is_taken_is_a_conflict_and_changes_nothing() {
    let (server, tus) = hostile("");
    for choice in ["id:twice", "path:dir/twice"] {
        let first = tus.create_with(3, &[("behave", choice)]);
        assert_eq!(first.status(), 201, "{choice}");
        let url = tus.location(&first);
        assert_eq!(tus.patch(&url, 0, "ab").status(), 204);
        let before = server.stored_files();

        assert_eq!(tus.create_with(3, &[("behave", choice)]).status(), 409);
        assert_eq!(server.stored_files(), before, "{choice}");
        assert_eq!(tus.offset(&url), 2, "{choice}");
    }
}

#[test]
fn a_path_or_id_that_leaves_the_data_directory_is_refused() {
    let (server, tus) = hostile("");
    for choice in [
        "id:../escape",
        "id:a/b",
        "id:.hidden",
        "id:other.info",
        "id:",
        "path:../escape",
        "path:/tmp/rustus-escape",
        "path:a/../../escape",
        "path:.hidden",
        "path:a//b",
        "path:",
        "path:other.info",
    ] {
        let response = tus.create_with(3, &[("behave", choice)]);
        assert_eq!(response.status(), 503, "{choice}");
        let body = response.text().unwrap();
        assert!(!body.contains("escape"), "{choice}: {body}");
        assert!(server.stored_files().is_empty(), "{choice}");
        server.wait_for_log("invalid-answer");
    }
    assert!(!server.data_dir().join("../escape").exists());
}

#[test]
fn a_link_below_the_data_directory_leads_no_path_out_of_it() {
    let (server, tus) = hostile("");
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), server.data_dir().join("link")).unwrap();
    let response = tus.create_with(3, &[("behave", "path:link/escape")]);
    assert!(response.status().is_server_error() || response.status() == 409);
    assert!(fs::read_dir(outside.path()).unwrap().next().is_none());
}

#[test]
fn a_plugin_adds_headers_to_the_response() {
    let (_server, tus) = hostile("");
    let response = tus.create_with(3, &[("behave", "header:X-Quota=5 left")]);
    assert_eq!(response.status(), 201);
    assert_eq!(header(&response, "x-quota"), "5 left");
}

#[test]
fn plugins_are_asked_in_order_and_each_sees_what_those_before_changed() {
    let setup = Setup::new().with_hooks();
    let hooks = setup.hooks_dir();
    // By name `a` would come first; by order it comes last.
    install(&hooks, "refuse-meme", "a-refuse");
    fs::write(hooks.join("a-refuse.toml"), "order = 10").unwrap();
    install(&hooks, "hostile", "hostile");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let response = tus.create_with(3, &[("behave", "metadata:meme=pepe")]);
    assert_eq!(response.status(), 400);
    assert_eq!(response.text().unwrap(), "Pepe is not welcome here.");

    // The other way round, the second never runs: what it would do is not seen.
    let mark = server.mark();
    replace(&hooks.join("a-refuse.toml"), b"order = -10");
    server.wait_for_log_after(mark, "plugin loaded");
    let response = tus.create_with(3, &[("behave", "trap"), ("meme", "pepe")]);
    assert_eq!(response.status(), 400);
}

#[test]
fn a_rejected_finish_leaves_the_upload_complete_and_can_be_asked_again() {
    let (server, tus) = hostile("");
    let response = tus.create_with(3, &[("behave-finish", "reject")]);
    let url = tus.location(&response);
    let refused = tus.patch(&url, 0, "abc");
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.text().unwrap(), "hostile says no");
    assert_eq!(tus.offset(&url), 3);
    assert_ne!(
        tus.get(&url).status(),
        200,
        "an unfinished upload is served"
    );
    assert_eq!(tus.patch(&url, 3, "").status(), 403);

    // Without the plugin, nobody objects any more.
    let mark = server.mark();
    fs::remove_file(server.hooks_dir().join("hostile.wasm")).unwrap();
    server.wait_for_log_after(mark, "plugin removed");
    assert_eq!(tus.patch(&url, 3, "").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abc");
}

#[test]
fn a_plugin_shapes_the_response_that_finishes_an_upload() {
    let (_server, tus) = hostile("");
    let url = tus.location(&tus.create_with(3, &[("behave-finish", "body:done")]));
    let response = tus.patch(&url, 0, "abc");
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "upload-offset"), "3");
    assert_eq!(response.text().unwrap(), "done");

    let url = tus.location(&tus.create_with(3, &[("behave-finish", "header:X-Id=7")]));
    let response = tus.patch(&url, 0, "abc");
    assert_eq!(response.status(), 204);
    assert_eq!(header(&response, "x-id"), "7");
}

#[test]
fn reading_and_removing_can_be_rejected() {
    let (_server, tus) = hostile("");
    let pairs = [("behave-get", "reject"), ("behave-terminate", "reject")];
    let url = tus.location(&tus.create_with(3, &pairs));
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.get(&url).status(), 403);
    assert_eq!(tus.delete(&url).status(), 403);
    assert_eq!(tus.offset(&url), 3);
}

#[test]
fn a_disabled_event_is_nobodys() {
    let setup = Setup::new()
        .with_hooks()
        .arguments(&["--hooks", "pre-terminate"]);
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let pairs = [("behave", "reject"), ("behave-terminate", "reject")];
    let response = tus.create_with(3, &pairs);
    assert_eq!(response.status(), 201);
    assert_eq!(tus.delete(&tus.location(&response)).status(), 403);
}

#[test]
fn the_manifest_narrows_what_reaches_a_plugin() {
    let (_server, tus) = hostile("events = [\"pre-terminate\"]");
    let response = tus.create_with(3, &[("behave", "reject")]);
    assert_eq!(response.status(), 201);
}

#[test]
fn a_required_event_that_nobody_answers_is_refused() {
    let setup = Setup::new()
        .with_hooks()
        .arguments(&["--hooks-required", "pre-create"]);
    let server = setup.start();
    let tus = Tus::new(server.files());
    assert_eq!(tus.create_with(3, &[]).status(), 503);
    assert!(server.stored_files().is_empty());

    install(&server.hooks_dir(), "refuse-meme", "refuse-meme");
    server.wait_for_log("plugin loaded");
    assert_eq!(tus.create_with(3, &[]).status(), 201);
}

#[test]
fn a_guest_has_no_files_no_network_and_no_environment() {
    let setup = Setup::new().with_hooks().variable("SECRET", "x");
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.start();
    let response = Tus::new(server.files()).create_with(3, &[("behave", "env")]);
    assert_eq!(response.status(), 201);
    assert_eq!(header(&response, "x-env"), "0");
    assert!(header(&response, "x-files").starts_with("err "));
    assert_eq!(header(&response, "x-net"), "err access-denied");
}

#[test]
fn a_guest_reads_its_configuration_as_json() {
    let (_server, tus) = hostile("[config]\nlist = [1, 2]\nname = \"x\"\n");
    let response = tus.create_with(3, &[("behave", "config")]);
    assert_eq!(
        header(&response, "x-config"),
        r#"{"list":[1,2],"name":"x"}"#
    );
}

#[test]
fn fresh_instances_share_nothing_and_reused_ones_their_memory() {
    for (manifest, expected) in [
        ("", ["1", "1", "1"]),
        // A trial call would be the first, and a notification would have the
        // instance while the next creation comes.
        (
            "instances = \"reuse\"\ntrial = false\nevents = [\"pre-create\"]",
            ["1", "2", "3"],
        ),
    ] {
        let (_server, tus) = hostile(manifest);
        let counts = [(); 3].map(|()| {
            let response = tus.create_with(3, &[("behave", "count")]);
            header(&response, "x-count").to_owned()
        });
        assert_eq!(counts, expected, "{manifest}");
    }
}

#[test]
fn a_directory_without_plugins_decides_nothing() {
    let server = Setup::new().with_hooks().start();
    let tus = Tus::new(server.files());
    assert_eq!(tus.create_with(3, &[("meme", "pepe")]).status(), 201);
}
