//! `--hooks-oci`: a server runs plugins straight from a registry.

use std::fs;

use super::{Author, cached, server};
use crate::harness::admin::Admin;
use crate::harness::docker_registry::DockerRegistry;
use crate::harness::eventually;
use crate::harness::guests::bytes;
use crate::harness::tus::Tus;

const FETCHED: &str = "plugin fetched from a registry";

#[test]
fn a_plugin_from_a_registry_is_asked_and_needs_no_registry_the_next_time() {
    let Some(mut registry) = DockerRegistry::start() else {
        return;
    };
    Author::new().push(&registry, "refuse-meme", "hooks/refuse:1");
    let reference = registry.reference("hooks/refuse:1");
    let host = registry.host();
    let setup = server(&host, &["--hooks-oci", &reference]);
    let running = setup.start();
    let line = running.wait_for_log(FETCHED);
    assert!(line.contains("plugin=\"refuse\""), "{line}");
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
    assert_eq!(tus.create_with(5, &[("meme", "doge")]).status(), 201);
    drop(running);

    registry.stop();
    let running = setup.start();
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
    drop(running);

    // With `always` it asks, and goes on with what it has.
    let running = setup.arguments(&["--oci-pull", "always"]).start();
    running.wait_for_log("going on with what the tag led to before");
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
}

#[test]
fn a_changed_file_in_the_cache_is_fetched_again_and_never_run() {
    let Some(mut registry) = DockerRegistry::start() else {
        return;
    };
    Author::new().push(&registry, "refuse-meme", "hooks/refuse:1");
    let reference = registry.reference("hooks/refuse:1");
    let host = registry.host();
    let setup = server(&host, &["--hooks-oci", &reference]);
    drop(setup.start());
    let module = cached(&setup, &bytes("refuse-meme"));
    fs::write(&module, bytes("log-events")).unwrap();

    let running = setup.start();
    running.wait_for_log("does not have the digest that it is named after");
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
    assert!(fs::read(&module).unwrap() == bytes("refuse-meme"));
    drop(running);

    registry.stop();
    fs::write(&module, bytes("log-events")).unwrap();
    let running = setup.start();
    running.wait_for_log("plugin not fetched");
    assert!(!running.log().contains(FETCHED));
}

#[test]
fn a_policy_of_never_makes_no_request() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    Author::new().push(&registry, "refuse-meme", "hooks/refuse:1");
    let reference = registry.reference("hooks/refuse:1");
    let before = registry.log();
    let setup = server(
        &registry.host(),
        &[
            "--hooks-oci",
            &reference,
            "--oci-pull",
            "never",
            "--oci-poll",
            "1s",
        ],
    );
    let running = setup.start();
    let line = running.wait_for_log("plugin not fetched");
    assert!(line.contains("the pull policy `never`"), "{line}");
    // It is not required, so uploads pass.
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 201);
    assert_eq!(registry.log(), before);
}

#[test]
fn what_is_required_is_waited_for_and_what_is_not_is_not() {
    let Some(mut registry) = DockerRegistry::start() else {
        return;
    };
    Author::new().push(&registry, "refuse-meme", "hooks/refuse:1");
    registry.stop();
    let reference = registry.reference("hooks/refuse:1");
    let setup = server(&registry.host(), &["--hooks-oci-file", "plugins.toml"]);
    let table = format!(
        "[plugins.memes]\nreference = \"{reference}\"\nrequired = true\n\
         events = [\"pre-create\"]\n[plugins.memes.config]\nstatus = 418\n"
    );
    fs::write(setup.path().join("plugins.toml"), table).unwrap();
    let running = setup.start();
    running.wait_for_log("plugin not fetched");
    let tus = Tus::new(running.files());
    let ready = format!("{}/health/ready", running.origin());
    assert_eq!(tus.create_with(5, &[]).status(), 503);
    assert_eq!(tus.get(&ready).status(), 503);

    registry.restart();
    eventually("it is ready", || tus.get(&ready).status() == 200);
    assert_eq!(tus.create_with(5, &[]).status(), 201);
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 418);
}

#[test]
fn a_tag_is_followed_once_unless_it_is_polled() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new();
    let reference = registry.reference("hooks/a:1");
    author.push(&registry, "refuse-meme", "hooks/a:1");
    let setup = server(&registry.host(), &["--hooks-oci", &reference]);
    drop(setup.start());

    author.push(&registry, "tag-upload", "hooks/a:1");
    let setup = setup.arguments(&["--oci-poll", "1s"]);
    let running = setup.start();
    let tus = Tus::new(running.files());
    // The lock file leads to the first, until the tag is looked at.
    let line = running.wait_for_log("generation=1");
    assert!(
        line.contains(&super::digest(&bytes("refuse-meme"))[7..]),
        "{line}"
    );
    let line = running.wait_for_log("generation=2");
    assert!(
        line.contains(&super::digest(&bytes("tag-upload"))[7..]),
        "{line}"
    );
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 201);

    // One that does not do leaves the one before, also after another start.
    let odd = wat::parse_str("(component)").unwrap();
    fs::write(author.path("odd.wasm"), odd).unwrap();
    let host = registry.host();
    author.does(&["push", "odd.wasm", &reference, "--oci-insecure", &host]);
    running.wait_for_log("plugin from a registry not loaded");
    drop(running);
    let mark = "plugin from a registry not loaded";
    let running = setup.start();
    let line = running.wait_for_log(FETCHED);
    assert!(!running.log().split(&line).next().unwrap().contains(mark));
}

#[test]
fn imports_that_are_not_granted_are_refused_before_the_module_is_fetched() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    Author::new().push(&registry, "http", "hooks/http:1");
    let reference = registry.reference("hooks/http:1");
    let setup = server(&registry.host(), &["--hooks-oci", &reference]);
    let running = setup.start();
    let line = running.wait_for_log("plugin not fetched");
    assert!(line.contains("write [allow.http]"), "{line}");
    assert!(!cached(&setup, &bytes("http")).exists());
}

#[test]
fn a_mirror_is_asked_first_and_the_registry_when_it_has_nothing() {
    let (Some(mirror), Some(registry)) = (DockerRegistry::start(), DockerRegistry::start()) else {
        return;
    };
    let author = Author::new();
    author.push(&mirror, "refuse-meme", "copies/hooks/refuse:1");
    author.push(&registry, "log-events", "hooks/log:1");
    let copies = format!("{}={}/copies", registry.host(), mirror.host());
    let setup = server(
        &registry.host(),
        &[
            "--oci-insecure",
            &mirror.host(),
            "--oci-mirror",
            &copies,
            "--hooks-oci",
            &registry.reference("hooks/refuse:1"),
            "--hooks-oci",
            &registry.reference("hooks/log:1"),
        ],
    );
    let running = setup.start();
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
    assert!(running.log().contains("a mirror did not have it"));
    let loaded = running.log();
    assert_eq!(loaded.matches(FETCHED).count(), 2, "{loaded}");
}

#[test]
fn names_are_used_once() {
    let setup = server("localhost:1", &["--hooks-oci", "h.b/x/a:1,h.b/y/a:1"]);
    let (status, log) = setup.run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("two plugins are called a"), "{log}");
    let setup = server("localhost:1", &["--hooks-oci", "limits:1"]);
    let (status, log) = setup.run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("expected HOST/NAME:TAG"), "{log}");
}

#[test]
fn what_runs_from_a_registry_is_shown_listed_and_loaded_again() {
    let Some(mut registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new();
    author.push(&registry, "refuse-meme", "hooks/refuse:1");
    let (reference, host) = (registry.reference("hooks/refuse:1"), registry.host());
    let missing = registry.reference("hooks/missing:1");
    let chosen = format!("{reference},{missing}");
    let setup = server(&host, &["--hooks-oci", &chosen]).with_admin();
    let running = setup.start();
    let admin = Admin::of(&running);
    let shown = admin.plugin("refuse");
    assert_eq!(shown["state"], "serving", "{shown}");
    assert_eq!(shown["reference"], reference.as_str());
    assert_eq!(shown["generation"]["number"], 1);
    assert_eq!(admin.plugin("missing")["state"], "refused");
    let metrics = admin.metrics();
    let fetch = [("plugin", "missing"), ("cause", "fetch")];
    assert!(metrics.sum("rustus_plugin_load_failures_total", &fetch) >= 1.0);

    // What is kept is enough for both.
    registry.stop();
    let (status, again) = admin.json("POST", "/plugins/refuse/reload");
    assert_eq!((status, &again["generation"]["number"]), (200, &2.into()));
    let cache = setup.path().join("oci");
    let cache = cache.to_str().unwrap();
    let arguments = ["list", "--hooks-oci", &chosen, "--oci-cache-dir", cache];
    let listed = author.does(&arguments);
    let line = |name: &str| listed.lines().find(|line| line.starts_with(name));
    let refuse = line("refuse: loads").unwrap_or_else(|| panic!("{listed}"));
    assert!(refuse.contains("answers pre-create"), "{refuse}");
    assert!(refuse.ends_with(&format!("from {reference}")), "{refuse}");
    assert!(line("missing: refused").is_some(), "{listed}");
}
