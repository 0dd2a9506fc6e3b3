//! `--hooks-oci-file` changes while a server runs.

use std::fs;

use super::{Author, server};
use crate::harness::admin::Admin;
use crate::harness::docker_registry::DockerRegistry;
use crate::harness::eventually;
use crate::harness::guests::{install, replace};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

const TAKEN_OVER: &str = "the file of plugins in registries was taken over";
const REFUSED: &str = "the file of plugins in registries is not taken over";

/// A server with the file, which says this at first.
fn start(setup: &Setup, text: &str) -> Server {
    write(setup, text);
    setup.start()
}

fn setup(registry: &DockerRegistry) -> Setup {
    server(&registry.host(), &["--hooks-oci-file", "plugins.toml"])
}

fn write(setup: &Setup, text: &str) {
    replace(&setup.path().join("plugins.toml"), text.as_bytes());
}

fn plugin(name: &str, reference: &str, more: &str) -> String {
    format!("[plugins.{name}]\nreference = \"{reference}\"\n{more}\n")
}

#[test]
fn what_is_added_changed_and_taken_out_is_so_without_another_start() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new();
    author.push(&registry, "refuse-meme", "a/refuse:1");
    author.push(&registry, "tag-upload", "a/tag:1");
    let (refuse, tag) = (
        registry.reference("a/refuse:1"),
        registry.reference("a/tag:1"),
    );
    let setup = setup(&registry).with_admin();
    let memes = plugin("memes", &refuse, "");
    let running = start(&setup, &memes);
    let tus = Tus::new(running.files());
    let status = || tus.create_with(5, &[("meme", "pepe")]).status();
    assert_eq!(status(), 400);

    let mark = running.mark();
    write(&setup, &(memes.clone() + &plugin("tags", &tag, "")));
    let line = running.wait_for_log_after(mark, TAKEN_OVER);
    assert!(line.contains("fetched=\"tags\" removed=\"\""), "{line}");
    running.wait_for_log("plugin=\"tags\" generation=1");
    // What stays as it is is not loaded again.
    let admin = Admin::of(&running);
    assert_eq!(admin.plugin("memes")["generation"]["number"], 1);
    assert_eq!(status(), 400);

    let configured = plugin("memes", &refuse, "config = { status = 418 }");
    write(&setup, &configured);
    let line = running.wait_for_log("plugin removed");
    assert!(line.contains("plugin=\"tags\""), "{line}");
    eventually("the new configuration counts", || status() == 418);

    // What can't be had leaves what serves, and the operator sees it.
    let missing = registry.reference("a/none:1");
    write(&setup, &plugin("memes", &missing, ""));
    let line = running.wait_for_log("plugin not fetched");
    assert!(line.contains("has no a/none"), "{line}");
    eventually("what is wrong is shown", || {
        admin.plugin("memes")["refused"].is_string()
    });
    assert_eq!(status(), 418);
    write(&setup, &memes);
    eventually("the old configuration counts", || status() == 400);

    write(&setup, "");
    eventually("it is not asked any more", || status() == 201);
    running.terminate();
}

#[test]
fn a_file_that_is_wrong_or_gone_changes_nothing_and_what_is_wrong_is_said() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    Author::new().push(&registry, "refuse-meme", "a/refuse:1");
    let reference = registry.reference("a/refuse:1");
    let setup = setup(&registry).with_hooks();
    install(&setup.hooks_dir(), "tag-upload", "tags");
    let memes = plugin("memes", &reference, "");
    let running = start(&setup, &memes);
    let tus = Tus::new(running.files());
    let status = || tus.create_with(5, &[("meme", "pepe")]).status();
    assert_eq!(status(), 400);
    for (text, said) in [
        ("[plugins.memes".to_owned(), "it is no TOML"),
        ("[plugins.memes]\n".to_owned(), "`reference` is missing"),
        (plugin("memes", &reference, "odrer = 1"), "odrer"),
        // Another plugin that serves is called so.
        (
            plugin("tags", &reference, ""),
            "two plugins are called tags",
        ),
    ] {
        let mark = running.mark();
        write(&setup, &text);
        let line = running.wait_for_log_after(mark, REFUSED);
        assert!(line.contains(said), "{line}");
        assert_eq!(status(), 400);
    }
    fs::remove_file(setup.path().join("plugins.toml")).unwrap();
    running.wait_for_log("the file of plugins in registries can't be found");
    assert_eq!(status(), 400);
    assert!(!running.log().contains(TAKEN_OVER));

    write(&setup, &plugin("others", &reference, ""));
    let line = running.wait_for_log(TAKEN_OVER);
    assert!(
        line.contains("fetched=\"others\" removed=\"memes\""),
        "{line}"
    );
    running.wait_for_log("plugin=\"others\" generation=1");
    assert_eq!(status(), 400);
    drop(running);

    write(&setup, "[plugins.memes");
    let (status, log) = setup.run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(
        log.contains("--hooks-oci-file plugins.toml: it is no TOML"),
        "{log}"
    );
}

#[test]
fn a_plugin_that_is_required_is_so_from_the_moment_in_which_the_file_says_it() {
    let Some(mut registry) = DockerRegistry::start() else {
        return;
    };
    Author::new().push(&registry, "refuse-meme", "a/refuse:1");
    registry.stop();
    let setup = setup(&registry);
    // A file without a plugin is followed as well.
    let running = start(&setup, "");
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[]).status(), 201);
    let required = "required = true\nevents = [\"pre-create\"]";
    let reference = registry.reference("a/refuse:1");
    write(&setup, &plugin("memes", &reference, required));
    running.wait_for_log(TAKEN_OVER);
    eventually("it is refused", || tus.create_with(5, &[]).status() == 503);
    registry.restart();
    eventually("it is there", || tus.create_with(5, &[]).status() == 201);
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
}

#[test]
fn a_name_that_another_plugin_has_is_taken_over_when_that_one_goes() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    Author::new().push(&registry, "refuse-meme", "a/refuse:1");
    let memes = plugin("memes", &registry.reference("a/refuse:1"), "");
    let setup = setup(&registry).with_hooks();
    install(&setup.hooks_dir(), "tag-upload", "memes");
    let running = start(&setup, "");
    write(&setup, &memes);
    let line = running.wait_for_log(REFUSED);
    assert!(line.contains("two plugins are called memes"), "{line}");
    // The directory is looked at once more, and the file with it.
    install(&setup.hooks_dir(), "log-events", "others");
    running.wait_for_log("plugin=\"others\" generation=1");

    fs::remove_file(setup.hooks_dir().join("memes.wasm")).unwrap();
    let line = running.wait_for_log(TAKEN_OVER);
    assert!(line.contains("fetched=\"memes\""), "{line}");
    let tus = Tus::new(running.files());
    eventually("it is asked", || {
        tus.create_with(5, &[("meme", "pepe")]).status() == 400
    });
    assert_eq!(running.log().matches(REFUSED).count(), 1);
}
