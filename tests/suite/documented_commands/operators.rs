//! docs/operators.md: one server, with a plugin that refuses events for good and a
//! service for the sink `http`.

use std::fs;

use serde_json::Value;

use super::page;
use crate::harness::eventually;
use crate::harness::guests::built;
use crate::harness::programs::is_there;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::transcript::{Block, Shell};

/// The ids of the events that are dead letters.
fn dead_letters(shell: &Shell) -> Vec<String> {
    let list = Block::of_ours("rustus outbox list --state dead --json");
    let lines = shell.run(&list);
    let events = lines.lines().map(|line| {
        let delivery: Value = serde_json::from_str(line).unwrap();
        delivery["event"].as_str().unwrap().to_owned()
    });
    events.collect()
}

#[test]
fn the_page_for_operators_does_what_it_says() {
    if !is_there("curl", "--version") {
        return;
    }
    let service = Receiver::start(|_| Answer::status(204));
    let shell = Shell::new().variable("RUSTUS_HOOKS_HTTP_URLS", service.url("/hooks"));
    let mut page = page("docs/operators.md");
    // Cargo has built it for the tests; `builds` does what the lines say.
    let building = "./x guests\ncargo build --release --bin rustus\ntarget/release/";
    page.replace(building, "");
    fs::create_dir(shell.path("hooks")).unwrap();
    let server = shell.serve(&page.next("rustus --data-dir"));

    fs::copy(built("hostile"), shell.path("my-hook.wasm")).unwrap();
    shell.run(&page.next("cp my-hook.wasm"));
    eventually("the plugin is loaded", || {
        let loaded = |line: &str| line.contains("plugin loaded") && line.contains("my-hook");
        server.log().lines().any(loaded)
    });

    let refused = [("behave-notify", "permanent")];
    assert_eq!(server.tus().create_with(3, &refused).status(), 201);
    eventually("there is a dead letter", || dead_letters(&shell).len() == 1);
    let event = dead_letters(&shell).remove(0);
    page.replace("0192f0c4-…", &event);
    let [list, show, replay, drop] = &page.next("rustus outbox list").lines()[..] else {
        panic!("other commands than these four");
    };
    assert!(shell.run(list).contains(&event));
    assert!(shell.run(show).contains("post-create"));
    let replayed = shell.run(replay);
    assert_eq!(replayed, "dead letters that are delivered again: 1\n");
    eventually("it is refused again", || dead_letters(&shell).len() == 1);
    assert_eq!(shell.run(drop), "dead letters dropped: 1\n");
    assert!(dead_letters(&shell).is_empty());

    page.replace("127.0.0.1:1082", server.admin());
    let [plugins, disable] = &page.next("curl").lines()[..] else {
        panic!("other commands than these two");
    };
    assert!(shell.run(plugins).contains("my-hook"));
    assert!(shell.run(disable).contains("disabled"));
    server.stop();
}
