//! Plugins are told what happened, in order, and can't disturb anything.

use std::fs;

use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;
use crate::harness::wire::Wire;

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

/// An append of ten bytes of which four have come.
fn half_of_an_append(server: &Server, url: &str) -> Wire {
    let path = url.strip_prefix(&server.origin()).unwrap();
    Wire::open(server.address(), &Wire::patch_head(path, 0, 10), b"abcd")
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[test]
fn the_events_of_an_upload_are_told_in_order() {
    let (server, tus) = hostile();
    let url = tus.location(&tus.create_with(6, &[]));
    // Later progress takes the place of what was not told yet.
    for (offset, bytes) in [(0, "ab"), (2, "cd")] {
        assert_eq!(tus.patch(&url, offset, bytes).status(), 204);
        crate::harness::eventually("the progress is told", || {
            heard(&server, id(&url)).contains(&format!("post-receive {}", offset + 2))
        });
    }
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
fn a_plugin_that_asks_for_it_is_told_again() {
    let (server, tus) = hostile();
    let url = tus.location(&tus.create_with(3, &[("behave-notify", "retry")]));
    crate::harness::eventually("it is told again", || heard(&server, id(&url)).len() > 3);
}

#[test]
fn a_plugin_that_traps_or_spins_on_a_notification_disturbs_nobody() {
    for harm in ["trap", "loop"] {
        let (server, tus) = hostile();
        let url = tus.location(&tus.create_with(3, &[("behave-notify", harm)]));
        assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
        let other = tus.location(&tus.create_with(3, &[]));
        crate::harness::eventually("the next is told", || {
            !heard(&server, id(&other)).is_empty()
        });
        server.wait_for_log("an event is a dead letter");
    }
}

#[test]
fn progress_is_told_while_an_append_runs() {
    let (server, tus) = hostile();
    let url = tus.create(10);
    let mut append = half_of_an_append(&server, &url);
    crate::harness::eventually("the progress is told", || {
        heard(&server, id(&url)).contains(&"post-receive 4".to_owned())
    });
    append.write(b"efghij").unwrap();
    assert!(append.read_head().starts_with("HTTP/1.1 204 "));
    crate::harness::eventually("the finish is told", || {
        heard(&server, id(&url)).contains(&"post-finish 10".to_owned())
    });
    assert_eq!(
        heard(&server, id(&url)),
        ["post-create 0", "post-receive 4", "post-finish 10"]
    );
}

#[test]
fn a_plugin_stops_an_upload_and_its_client_is_told_why() {
    let (server, tus) = hostile();
    let url = tus.location(&tus.create_with(10, &[("behave-notify", "stop")]));
    let mut append = half_of_an_append(&server, &url);
    assert!(append.read_head().starts_with("HTTP/1.1 422 "));
    assert!(append.read_to_end().starts_with("hostile stops it"));
    crate::harness::eventually("the upload is gone", || tus.head(&url).status() == 404);
    crate::harness::eventually("its end is told", || {
        heard(&server, id(&url)).last().map(String::as_str) == Some("post-terminate 4")
    });
}

#[test]
fn an_upload_that_is_stopped_between_two_appends_is_gone() {
    let (server, tus) = hostile();
    let url = tus.location(&tus.create_with(10, &[("behave-notify", "stop")]));
    assert_eq!(tus.patch(&url, 0, "abcd").status(), 204);
    crate::harness::eventually("the upload is gone", || tus.head(&url).status() == 404);
    drop(server);
}

#[test]
fn deliveries_give_way_to_requests() {
    let (server, _tus) = hostile();
    let tasks = format!("/proc/{}/task", server.pid());
    let niceness = |task: &std::path::Path| {
        let stat = fs::read_to_string(task.join("stat")).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.to_owned();
        fields.split_whitespace().nth(16).unwrap().to_owned()
    };
    let named = |name: &str| -> Vec<String> {
        let tasks = fs::read_dir(&tasks).unwrap();
        tasks
            .map(|task| task.unwrap().path())
            .filter(|task| fs::read_to_string(task.join("comm")).unwrap().trim() == name)
            .map(|task| niceness(&task))
            .collect()
    };
    assert_eq!(named("deliveries"), ["10"]);
    // Requests wait for this one.
    assert_eq!(named("outbox"), ["0"]);
}
