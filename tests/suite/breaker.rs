//! A plugin that fails again and again is not asked for a while; then one call
//! shows whether it works.

use std::fs;

use crate::harness::eventually;
use crate::harness::guests::{install, replace};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header};

/// A pause that no test waits for.
const FOR_EVER: &str = "[breaker]\nfailures = 3\nopen-ms = 600000\nmax-open-ms = 600000\n";

/// A pause that is over soon.
const SHORT: &str = "[breaker]\nfailures = 3\nopen-ms = 10\nmax-open-ms = 40\n";

const OPENED: &str = "a plugin failed again and again and is not asked for a while";

fn hostile(manifest: &str) -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    fs::write(setup.hooks_dir().join("hostile.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// Nothing but the creation is asked about: of an empty upload its end would be too.
fn create(tus: &Tus, behave: &str) -> u16 {
    tus.create_with(3, &[("behave", behave)]).status().as_u16()
}

#[test]
fn after_failures_in_a_row_calls_are_refused_at_once_and_a_reload_ends_it() {
    for harm in ["trap", "allocate", "loop", "sleep"] {
        let limits = "[limits]\ncpu-time-ms = 100\nwall-time-ms = 500\n";
        let (server, tus) = hostile(&format!("{limits}{FOR_EVER}"));
        for _ in 0..2 {
            assert_eq!(create(&tus, harm), 503);
        }
        // An answer in between, of whatever kind, and it counts anew.
        assert_eq!(create(&tus, "reject"), 403);
        for _ in 0..3 {
            assert_eq!(create(&tus, harm), 503);
        }
        let line = server.wait_for_log(OPENED);
        for part in ["plugin=\"hostile\"", "failures=3", "milliseconds=600000"] {
            assert!(line.contains(part), "{line}");
        }
        let mark = server.mark();
        let refused = tus.create_with(3, &[("behave", "ok")]);
        assert_eq!(refused.status(), 503, "{harm}");
        let after: u64 = header(&refused, "retry-after").parse().unwrap();
        assert!((1..=600).contains(&after), "{after}");
        assert!(!refused.text().unwrap().contains("plugin"));
        server.wait_for_log_after(mark, "cause=\"circuit-open\"");

        let mark = server.mark();
        let manifest = format!("order = 1\n{limits}{FOR_EVER}");
        replace(
            &server.hooks_dir().join("hostile.toml"),
            manifest.as_bytes(),
        );
        server.wait_for_log_after(mark, "plugin loaded");
        assert_eq!(create(&tus, "ok"), 201, "{harm}");
    }
}

#[test]
fn after_the_pause_one_call_shows_whether_it_works() {
    let (server, tus) = hostile(SHORT);
    for _ in 0..3 {
        assert_eq!(create(&tus, "trap"), 503);
    }
    server.wait_for_log("milliseconds=10 ");
    // Each trial that fails doubles the pause, up to the bound.
    let said = |pause: &str| server.log().matches(pause).count();
    eventually("the pause is twice as long", || {
        assert_eq!(create(&tus, "trap"), 503);
        said("milliseconds=20 ") == 1 && said("milliseconds=40 ") >= 2
    });
    assert_eq!(said("milliseconds=80 "), 0);
    eventually("a trial that is answered ends it", || {
        create(&tus, "ok") == 201
    });
    server.wait_for_log("a plugin answers again");
    for _ in 0..2 {
        assert_eq!(create(&tus, "trap"), 503);
        assert_eq!(create(&tus, "trap"), 503);
        assert_eq!(create(&tus, "ok"), 201);
    }
}

#[test]
fn where_failures_are_allowed_uploads_go_on_and_are_told() {
    let (server, tus) = hostile(&format!("on-error = \"allow\"\n{FOR_EVER}"));
    for _ in 0..3 {
        assert_eq!(create(&tus, "trap"), 201);
    }
    let line = server.wait_for_log(OPENED);
    assert!(line.contains("allowed=true"), "{line}");
    let mark = server.mark();
    // The plugin's own refusal is not asked for, and notifications come as ever.
    assert_eq!(create(&tus, "reject"), 201);
    server.wait_for_log_after(mark, "cause=\"circuit-open\"");
    server.wait_for_log_after(mark, "hostile: notified");
}

#[test]
fn what_a_plugin_decides_or_reports_is_no_failure() {
    let (server, tus) = hostile("[breaker]\nfailures = 1\nopen-ms = 600000\n");
    for (behave, status) in [
        ("reject", 403),
        ("error-retry", 503),
        ("error-permanent", 503),
        ("error-other", 503),
        ("bad-status", 503),
        ("ok", 201),
    ] {
        assert_eq!(create(&tus, behave), status, "{behave}");
        assert_eq!(create(&tus, behave), status, "{behave}");
    }
    assert!(!server.log().contains(OPENED));
}

#[test]
fn switched_off_it_never_opens() {
    let (server, tus) = hostile("[breaker]\nenabled = false\nfailures = 1\n");
    for _ in 0..20 {
        assert_eq!(create(&tus, "trap"), 503);
    }
    assert_eq!(create(&tus, "ok"), 201);
    assert!(!server.log().contains(OPENED));
}

#[test]
fn one_plugin_that_is_not_asked_leaves_the_others_alone() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    install(&setup.hooks_dir(), "refuse-meme", "refuse");
    let manifest = format!("on-error = \"allow\"\n{FOR_EVER}");
    fs::write(setup.hooks_dir().join("hostile.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    for _ in 0..4 {
        assert_eq!(create(&tus, "trap"), 201);
    }
    server.wait_for_log(OPENED);
    assert_eq!(tus.create_with(0, &[("meme", "pepe")]).status(), 400);
}
