//! Plugins are replaced while the server runs, and nobody notices but by the
//! new rule.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::harness::guests::{bytes, install, replace};
use crate::harness::server::{Mark, Server, Setup};
use crate::harness::tus::{Tus, header};
use crate::harness::{eventually, rounds};

fn start() -> (Server, Tus) {
    let server = Setup::new().with_hooks().start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// The rule that a creation meets: `a`, `b`, or nothing.
fn rule(tus: &Tus) -> String {
    let response = tus.create_with(0, &[]);
    assert_eq!(response.status(), 201);
    header(&response, "x-rule").to_owned()
}

fn loaded(server: &Server, mark: Mark) {
    server.wait_for_log_after(mark, "plugin loaded");
}

#[test]
fn a_plugin_is_added_changed_renamed_and_removed() {
    let (server, tus) = start();
    let hooks = server.hooks_dir();
    assert_eq!(rule(&tus), "");

    install(&hooks, "rule-a", "rule");
    server.wait_for_log("plugin loaded");
    assert_eq!(rule(&tus), "a");

    let mark = server.mark();
    install(&hooks, "rule-b", "rule");
    loaded(&server, mark);
    assert_eq!(rule(&tus), "b");

    let mark = server.mark();
    fs::rename(hooks.join("rule.wasm"), hooks.join("other.wasm")).unwrap();
    server.wait_for_log_after(mark, "plugin=\"other\"");
    eventually("the old name is gone", || {
        server.log().contains("plugin removed")
    });
    assert_eq!(rule(&tus), "b");

    let mark = server.mark();
    fs::remove_file(hooks.join("other.wasm")).unwrap();
    server.wait_for_log_after(mark, "plugin removed");
    eventually("nothing answers", || rule(&tus).is_empty());
}

#[test]
fn a_file_copied_in_place_is_loaded_when_it_is_whole() {
    let (server, tus) = start();
    let hooks = server.hooks_dir();
    install(&hooks, "rule-a", "rule");
    server.wait_for_log("plugin loaded");

    // Half of it, and nothing more for as long as it takes to be refused.
    let whole = bytes("rule-b");
    let mark = server.mark();
    fs::write(hooks.join("rule.wasm"), &whole[..whole.len() / 2]).unwrap();
    server.wait_for_log_after(mark, "the generation before keeps serving");
    assert_eq!(rule(&tus), "a");
    let mark = server.mark();
    fs::write(hooks.join("rule.wasm"), &whole).unwrap();
    loaded(&server, mark);
    assert_eq!(rule(&tus), "b");
}

#[test]
fn a_broken_module_changes_nothing_and_is_refused_once() {
    let (server, tus) = start();
    let hooks = server.hooks_dir();
    install(&hooks, "rule-a", "rule");
    server.wait_for_log("plugin loaded");
    for broken in [&b""[..], b"\0asm", b"not wasm", &bytes("rule-b")[..5000]] {
        let mark = server.mark();
        replace(&hooks.join("rule.wasm"), broken);
        server.wait_for_log_after(mark, "the generation before keeps serving");
        assert_eq!(rule(&tus), "a");
    }
    // Later looks at the same file do not repeat it. Another plugin that is
    // loaded shows that there was one.
    let mark = server.mark();
    install(&hooks, "refuse-meme", "other");
    loaded(&server, mark);
    let refusals = server.log().matches("plugin=\"rule\" error").count();
    assert_eq!(refusals, 4, "{}", server.log());
}

#[test]
fn links_are_swapped_as_kubernetes_does() {
    let (server, tus) = start();
    let hooks = server.hooks_dir();
    let version = |name: &str, guest: &str| {
        fs::create_dir(hooks.join(name)).unwrap();
        fs::write(hooks.join(name).join("rule.wasm"), bytes(guest)).unwrap();
    };
    version("..one", "rule-a");
    symlink("..one", hooks.join("..data")).unwrap();
    symlink("..data/rule.wasm", hooks.join("rule.wasm")).unwrap();
    server.wait_for_log("plugin loaded");
    assert_eq!(rule(&tus), "a");

    let mark = server.mark();
    version("..two", "rule-b");
    symlink("..two", hooks.join("..data_tmp")).unwrap();
    fs::rename(hooks.join("..data_tmp"), hooks.join("..data")).unwrap();
    fs::remove_dir_all(hooks.join("..one")).unwrap();
    loaded(&server, mark);
    assert_eq!(rule(&tus), "b");
}

#[test]
fn the_directory_itself_may_be_a_link_that_is_swapped() {
    let setup = Setup::new();
    let at = |name: &str| setup.path().join(name);
    for (name, guest) in [("one", "rule-a"), ("two", "rule-b")] {
        fs::create_dir(at(name)).unwrap();
        install(&at(name), guest, "rule");
    }
    symlink("one", at("hooks")).unwrap();
    let setup = setup.with_hooks();
    let server = setup.start();
    let tus = Tus::new(server.files());
    assert_eq!(rule(&tus), "a");
    let mark = server.mark();
    symlink("two", setup.path().join("next")).unwrap();
    fs::rename(setup.path().join("next"), setup.path().join("hooks")).unwrap();
    loaded(&server, mark);
    assert_eq!(rule(&tus), "b");
}

#[test]
fn a_directory_that_comes_later_is_waited_for_and_one_that_goes_is_not_obeyed() {
    let setup = Setup::new();
    let hooks = setup.hooks_dir();
    let setup = setup
        .argument("--hooks-dir")
        .argument(hooks.to_str().unwrap());
    let server = setup.start();
    let tus = Tus::new(server.files());
    server.wait_for_log("the directory of plugins is not there");
    assert_eq!(rule(&tus), "");

    fs::create_dir(&hooks).unwrap();
    install(&hooks, "rule-a", "rule");
    server.wait_for_log("plugin loaded");
    assert_eq!(rule(&tus), "a");

    // A mount that is lost does not switch off the rules.
    let mark = server.mark();
    fs::rename(&hooks, hooks.with_file_name("gone")).unwrap();
    server.wait_for_log_after(mark, "the directory of plugins is not there");
    assert_eq!(rule(&tus), "a");
}

#[test]
fn a_manifest_is_reloaded_like_a_module() {
    let (server, tus) = start();
    let hooks = server.hooks_dir();
    install(&hooks, "refuse-meme", "refuse");
    server.wait_for_log("plugin loaded");
    let message = || tus.create_with(3, &[("meme", "pepe")]).text().unwrap();
    assert_eq!(message(), "Pepe is not welcome here.");
    for text in ["one", "two"] {
        let mark = server.mark();
        let manifest = format!("[config]\nmessage = \"{text}\"\n");
        replace(&hooks.join("refuse.toml"), manifest.as_bytes());
        loaded(&server, mark);
        assert_eq!(message(), text);
    }
    let mark = server.mark();
    fs::remove_file(hooks.join("refuse.toml")).unwrap();
    loaded(&server, mark);
    assert_eq!(message(), "Pepe is not welcome here.");
}

#[test]
fn the_same_content_is_compiled_once_even_over_restarts() {
    let setup = Setup::new().with_hooks();
    let cache = setup.path().join("cache");
    let setup = setup
        .argument("--compile-cache-dir")
        .argument(cache.to_str().unwrap());
    install(&setup.hooks_dir(), "rule-a", "one");
    let server = setup.start();
    assert!(
        server
            .wait_for_log("plugin loaded")
            .contains("compiled=true")
    );
    let mark = server.mark();
    install(&server.hooks_dir(), "rule-a", "two");
    assert!(
        server
            .wait_for_log_after(mark, "plugin loaded")
            .contains("compiled=false")
    );
    server.kill();
    let server = setup.start();
    assert!(
        server
            .wait_for_log("plugin loaded")
            .contains("compiled=false")
    );
}

#[test]
fn a_touched_file_is_no_new_generation() {
    let (server, tus) = start();
    let hooks = server.hooks_dir();
    install(&hooks, "rule-a", "rule");
    server.wait_for_log("plugin loaded");
    install(&hooks, "rule-a", "rule");
    install(&hooks, "refuse-meme", "other");
    server.wait_for_log("plugin=\"other\"");
    assert_eq!(server.log().matches("plugin loaded").count(), 2);
    assert_eq!(rule(&tus), "a");
}

/// The heart of it: versions alternate while clients create uploads without a
/// pause. A creation may meet the version that served when it began or one
/// that came until it ended, and no other; none may fail.
#[test]
fn reloads_under_load_fail_no_upload_and_each_answer_is_one_of_the_two() {
    let (server, tus) = start();
    let hooks = server.hooks_dir();
    install(&hooks, "rule-a", "rule");
    server.wait_for_log("plugin loaded");

    // Reload number n makes it rule a for even n and b for odd n.
    let begun = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let over = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| create_until(&tus, &begun, &done, &over)))
            .collect();
        for number in 1..=rounds(1000, 200) {
            let guest = if number.is_multiple_of(2) {
                "rule-a"
            } else {
                "rule-b"
            };
            reload(&server, &hooks, guest, number, &begun, &done);
        }
        over.store(true, Ordering::SeqCst);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum::<usize>()
    });
    assert!(answers > 0);
}

fn reload(
    server: &Server,
    hooks: &Path,
    guest: &str,
    number: usize,
    begun: &AtomicUsize,
    done: &AtomicUsize,
) {
    // Now and then something broken comes in between.
    if number.is_multiple_of(10) {
        let mark = server.mark();
        replace(&hooks.join("rule.wasm"), b"\0asm\x0d\0\x01\0 broken");
        server.wait_for_log_after(mark, "the generation before keeps serving");
    }
    let mark = server.mark();
    begun.store(number, Ordering::SeqCst);
    install(hooks, guest, "rule");
    let line = server.wait_for_log_after(mark, "plugin loaded");
    assert!(
        line.contains(&format!("generation={}", number + 1)),
        "{line}"
    );
    done.store(number, Ordering::SeqCst);
}

fn create_until(tus: &Tus, begun: &AtomicUsize, done: &AtomicUsize, over: &AtomicBool) -> usize {
    let mut answers = 0;
    while !over.load(Ordering::SeqCst) {
        let oldest = done.load(Ordering::SeqCst);
        let response = tus.create_with(0, &[]);
        let newest = begun.load(Ordering::SeqCst);
        assert_eq!(response.status(), 201);
        let rule = header(&response, "x-rule");
        let explained = (oldest..=newest)
            .any(|number| rule == if number.is_multiple_of(2) { "a" } else { "b" });
        assert!(explained, "{rule:?} between reloads {oldest} and {newest}");
        answers += 1;
    }
    answers
}

#[test]
fn a_call_that_is_under_way_ends_on_the_generation_that_it_began_on() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    fs::write(
        setup.hooks_dir().join("hostile.toml"),
        "on-error = \"allow\"\n[limits]\nwall-time-ms = 3000\n",
    )
    .unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let slow = {
        let tus = tus.clone();
        std::thread::spawn(move || tus.create_with(0, &[("behave", "sleep")]).status())
    };
    server.wait_for_log("asked about an event");
    let mark = server.mark();
    install(&server.hooks_dir(), "rule-b", "hostile");
    loaded(&server, mark);
    assert_eq!(rule(&tus), "b");
    // The old generation's own rule, on-error = "allow", decided the slow one.
    assert_eq!(slow.join().unwrap(), 201);
}
