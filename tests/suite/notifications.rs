//! Plugins are told what happened, in order, and can't disturb anything.

use std::fs;

use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

fn hostile() -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let limits = "[limits]\ncpu-time-ms = 100\n";
    fs::write(setup.hooks_dir().join("hostile.toml"), limits).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// What the guest logged of an upload, in order.
fn heard(server: &Server, upload: &str) -> Vec<String> {
    server
        .log()
        .lines()
        .filter(|line| line.contains("hostile: notified") && line.contains(upload))
        .map(|line| {
            let value = |key: &str| {
                let rest = line.split(&format!("{key}=\"")).nth(1).unwrap();
                rest.split('"').next().unwrap().to_owned()
            };
            format!("{} {}", value("what"), value("offset"))
        })
        .collect()
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[test]
fn the_events_of_an_upload_are_told_in_order() {
    let (server, tus) = hostile();
    let url = tus.location(&tus.create_with(6, &[]));
    assert_eq!(tus.patch(&url, 0, "ab").status(), 204);
    assert_eq!(tus.patch(&url, 2, "cd").status(), 204);
    assert_eq!(tus.patch(&url, 4, "ef").status(), 204);
    assert_eq!(tus.delete(&url).status(), 204);
    crate::harness::eventually("all events are told", || {
        heard(&server, id(&url)).len() == 5
    });
    assert_eq!(
        heard(&server, id(&url)),
        [
            "post-create 0",
            "post-receive 2",
            "post-receive 4",
            "post-finish 6",
            "post-terminate 6",
        ]
    );
}

#[test]
fn a_creation_that_finishes_the_upload_tells_of_the_finish_only() {
    let (server, tus) = hostile();
    let url = tus.location(&tus.create_with(0, &[]));
    crate::harness::eventually("the finish is told", || {
        !heard(&server, id(&url)).is_empty()
    });
    assert_eq!(tus.delete(&url).status(), 204);
    crate::harness::eventually("the end is told", || heard(&server, id(&url)).len() == 2);
    assert_eq!(
        heard(&server, id(&url)),
        ["post-finish 0", "post-terminate 0"]
    );
}

#[test]
fn a_plugin_that_asks_for_it_is_told_again_and_at_last_given_up() {
    let (server, tus) = hostile();
    let url = tus.location(&tus.create_with(3, &[("behave-notify", "retry")]));
    server.wait_for_log("a notification is given up");
    assert_eq!(heard(&server, id(&url)).len(), 5);
}

#[test]
fn a_plugin_that_traps_or_spins_on_a_notification_disturbs_nobody() {
    for harm in ["trap", "loop"] {
        let (server, tus) = hostile();
        let url = tus.location(&tus.create_with(3, &[("behave-notify", harm)]));
        assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
        server.wait_for_log("a notification is given up");
        let other = tus.location(&tus.create_with(3, &[]));
        crate::harness::eventually("the next is told", || {
            !heard(&server, id(&other)).is_empty()
        });
    }
}

#[test]
fn what_is_queued_for_a_plugin_that_is_removed_is_given_up_in_the_log() {
    let (server, tus) = hostile();
    let first = tus.location(&tus.create_with(3, &[("behave-notify", "retry")]));
    crate::harness::eventually("the first is told", || {
        !heard(&server, id(&first)).is_empty()
    });
    let second = tus.location(&tus.create_with(3, &[]));
    fs::remove_file(server.hooks_dir().join("hostile.wasm")).unwrap();
    server.wait_for_log("plugin removed");
    crate::harness::eventually("both are accounted for", || {
        [&first, &second]
            .iter()
            .all(|url| !heard(&server, id(url)).is_empty() || server.log().contains("unsubscribed"))
    });
    server.wait_for_log("cause=\"unsubscribed\"");
}

#[test]
fn what_is_queued_at_the_end_is_still_told() {
    let (server, tus) = hostile();
    let urls: Vec<_> = (0..50).map(|_| tus.create(3)).collect();
    let log = server.terminate_and_read();
    for url in urls {
        assert!(log.contains(id(&url)), "{url} was not told");
    }
}
