//! What was acknowledged is told, whatever happens to the server or to who is
//! told.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header};
use crate::harness::{eventually, rounds};

/// A server with one plugin, `ear`, that never takes an event of an upload whose
/// metadata says so.
fn setup() -> Setup {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "ear");
    setup
}

/// Puts a plugin into `ear`'s place that takes every event, and logs it.
fn open_the_ear(setup: &Setup) {
    install(&setup.hooks_dir(), "log-events", "ear");
}

fn deaf(tus: &Tus, length: u64) -> String {
    tus.location(&tus.create_with(length, &[("behave-notify", "retry")]))
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// The events of an upload that `log-events` took, in order, with their ids.
fn taken(server: &Server, upload: &str) -> Vec<(String, String)> {
    let log = server.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("plugin=\"ear\"") && line.contains("fields="))
        .filter(|line| line.contains(upload) && !line.contains("hostile:"));
    let event = |line: &str| {
        let rest = line.split("event=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let what = |line: &str| {
        [
            "post-create",
            "post-receive",
            "post-finish",
            "post-terminate",
        ]
        .into_iter()
        .find(|kind| line.contains(kind))
        .unwrap_or_else(|| panic!("no event in {line:?}"))
        .to_owned()
    };
    lines.map(|line| (what(line), event(line))).collect()
}

fn kinds(taken: &[(String, String)]) -> Vec<&str> {
    taken.iter().map(|(kind, _)| kind.as_str()).collect()
}

/// What `rustus outbox` prints.
fn outbox(server: &Server, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rustus"))
        .arg("outbox")
        .args(arguments)
        .arg("--info-dir")
        .arg(server.data_dir())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The deliveries in a state.
fn listed(server: &Server, state: &str) -> Vec<Value> {
    outbox(server, &["list", "--json", "--state", state])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_was_acknowledged_is_told_after_a_kill() {
    let setup = setup();
    for _ in 0..rounds(20, 2) {
        install(&setup.hooks_dir(), "hostile", "ear");
        let server = setup.start();
        let tus = Tus::new(server.files());
        let finished: Vec<_> = (0..20).map(|_| deaf(&tus, 3)).collect();
        for url in &finished {
            assert_eq!(tus.patch(url, 0, "abc").status(), 204);
        }
        assert_eq!(tus.delete(&finished[0]).status(), 204);
        let begun: Vec<_> = (0..20).map(|_| deaf(&tus, 3)).collect();
        server.kill();
        open_the_ear(&setup);
        let server = setup.start();
        eventually("all is told", || {
            finished
                .iter()
                .all(|url| taken(&server, id(url)).len() >= 2)
                && begun.iter().all(|url| !taken(&server, id(url)).is_empty())
                && taken(&server, id(&finished[0])).len() >= 3
        });
        for url in &finished[1..] {
            let taken = taken(&server, id(url));
            assert_eq!(kinds(&taken), ["post-create", "post-finish"]);
        }
        let removed = taken(&server, id(&finished[0]));
        assert_eq!(
            kinds(&removed),
            ["post-create", "post-finish", "post-terminate"]
        );
        server.kill();
    }
}

#[test]
fn an_event_keeps_its_id_and_later_ones_wait_for_it() {
    let setup = setup();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = deaf(&tus, 3);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    eventually("it is told again and again", || {
        server.log().matches("hostile: notified").count() > 3
    });
    assert!(!server.log().contains("post-finish\""), "the finish waits");
    let pending = listed(&server, "pending");
    open_the_ear(&setup);
    eventually("both are told", || taken(&server, id(&url)).len() == 2);
    let taken = taken(&server, id(&url));
    assert_eq!(kinds(&taken), ["post-create", "post-finish"]);
    for (delivery, (kind, event)) in pending.iter().zip(&taken) {
        assert_eq!(delivery["kind"], kind.as_str());
        assert_eq!(delivery["event"], event.as_str());
    }
    eventually("nothing waits any more", || {
        listed(&server, "pending").is_empty()
    });
}

#[test]
fn a_deaf_plugin_delays_no_other() {
    let setup = setup();
    install(&setup.hooks_dir(), "log-events", "other");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let urls: Vec<_> = (0..50).map(|_| deaf(&tus, 0)).collect();
    eventually("the other hears of all", || {
        let log = server.log();
        urls.iter().all(|url| {
            log.lines()
                .any(|line| line.contains("plugin=\"other\"") && line.contains(id(url)))
        })
    });
}

#[test]
fn dead_letters_are_listed_shown_replayed_and_dropped() {
    let setup = setup();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let give_up = || tus.location(&tus.create_with(3, &[("behave-notify", "permanent")]));
    let (first, second) = (give_up(), give_up());
    eventually("both are given up", || listed(&server, "dead").len() == 2);
    let dead = listed(&server, "dead");
    assert_eq!(dead[0]["upload"], id(&first));
    assert_eq!(dead[0]["sink"], "ear");
    assert_eq!(dead[0]["cause"], "permanent");
    let shown: Value = serde_json::from_str(&outbox(
        &server,
        &["show", dead[0]["event"].as_str().unwrap()],
    ))
    .unwrap();
    assert_eq!(shown["event"]["upload"]["id"], id(&first));

    let dropped = outbox(&server, &["drop", dead[1]["event"].as_str().unwrap()]);
    assert_eq!(dropped, "dead letters dropped: 1\n");
    open_the_ear(&setup);
    server.wait_for_log("generation=2");
    let replayed = outbox(&server, &["replay", "--all", "--sink", "ear"]);
    assert_eq!(replayed, "dead letters that are delivered again: 1\n");
    eventually("the first is told", || {
        taken(&server, id(&first)).len() == 1
    });
    assert_eq!(taken(&server, id(&second)), []);
    assert!(listed(&server, "dead").is_empty());
}

#[test]
fn what_no_plugin_takes_in_time_is_a_dead_letter() {
    let setup = setup().arguments(&["--hooks-outbox-deadline", "1s"]);
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = deaf(&tus, 3);
    let line = server.wait_for_log("an event is a dead letter");
    assert!(
        line.contains("plugin=ear") && line.contains(id(&url)),
        "{line}"
    );
    assert!(line.contains("rustus outbox list"), "{line}");
}

#[test]
fn a_full_outbox_refuses_what_it_could_not_tell_of_and_loses_nothing() {
    let setup = setup().arguments(&["--hooks-outbox-max-size", "1048576"]);
    let server = setup.start();
    let tus = Tus::new(server.files());
    let unfinished = tus.create(3);
    let large = "x".repeat(6000);
    let fill = || tus.create_with(3, &[("behave-notify", "retry"), ("large", &large)]);
    let refused = (0..2000)
        .map(|_| fill())
        .find(|answer| answer.status() != 201);
    let refused = refused.expect("it is full at some time");
    assert_eq!(refused.status(), 503);
    assert_eq!(header(&refused, "retry-after"), "10");
    let stored = server.stored_files().len();
    assert_eq!(fill().status(), 503);
    assert_eq!(server.stored_files().len(), stored, "nothing is left of it");
    // Its bytes are stored, but it is not finished before that can be told.
    assert_eq!(tus.patch(&unfinished, 0, "abc").status(), 503);
    assert_eq!(tus.get(&unfinished).status(), 409);
    open_the_ear(&setup);
    eventually("there is room again", || fill().status() == 201);
    assert_eq!(tus.patch(&unfinished, 3, "").status(), 204);
    assert_eq!(tus.get(&unfinished).status(), 200);
}

#[test]
fn a_plugin_that_comes_back_hears_of_what_happened_meanwhile() {
    let setup = setup();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = deaf(&tus, 3);
    fs::remove_file(setup.hooks_dir().join("ear.wasm")).unwrap();
    server.wait_for_log("plugin removed");
    open_the_ear(&setup);
    eventually("it is told", || taken(&server, id(&url)).len() == 1);
}

#[test]
fn a_command_on_an_outbox_that_is_not_there_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_rustus"))
        .args(["outbox", "list", "--hooks-outbox-dir", "/nowhere/at/all"])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("/nowhere/at/all"), "{text}");
}
