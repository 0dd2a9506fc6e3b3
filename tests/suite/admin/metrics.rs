//! What is counted is what happened.

use std::time::Duration;

use super::{PEPE, start, with_a_rule};
use crate::harness::eventually;
use crate::harness::guests::{install, replace};
use crate::harness::server::Setup;
use crate::harness::wire::Wire;

#[test]
fn uploads_requests_and_calls_are_counted() {
    let (server, tus, admin) = with_a_rule();
    let url = tus.create(10);
    assert_eq!(tus.patch(&url, 0, "abcd").status(), 204);
    assert_eq!(tus.patch(&url, 4, "efghij").status(), 204);
    assert_eq!(tus.create_with(3, &PEPE).status(), 400);
    assert_eq!(tus.delete(&url).status(), 204);
    assert_eq!(tus.head(&url).status(), 404);
    assert_eq!(
        tus.get(&format!("{}/elsewhere", server.origin())).status(),
        404
    );
    tus.create(3);

    let metrics = admin.metrics();
    for (name, labels, expected) in [
        ("rustus_uploads_created_total", &[][..], 2.0),
        ("rustus_uploads_finished_total", &[], 1.0),
        ("rustus_uploads_terminated_total", &[], 1.0),
        ("rustus_uploads_expired_total", &[], 0.0),
        ("rustus_upload_received_bytes_total", &[], 10.0),
        (
            "rustus_requests_total",
            &[("route", "/files"), ("method", "POST"), ("status", "201")],
            2.0,
        ),
        (
            "rustus_requests_total",
            &[("route", "/files"), ("status", "400")],
            1.0,
        ),
        (
            "rustus_requests_total",
            &[("route", "/files/{id}"), ("method", "PATCH")],
            2.0,
        ),
        (
            "rustus_requests_total",
            &[("method", "HEAD"), ("status", "404")],
            1.0,
        ),
        (
            "rustus_requests_total",
            &[("route", "other"), ("method", "GET")],
            1.0,
        ),
        ("rustus_request_seconds_count", &[("method", "PATCH")], 2.0),
        (
            "rustus_request_seconds_bucket",
            &[("method", "PATCH"), ("le", "+Inf")],
            2.0,
        ),
        ("rustus_requests_in_flight", &[], 0.0),
        (
            "rustus_plugin_calls_total",
            &[
                ("plugin", "rule"),
                ("event", "pre-create"),
                ("outcome", "ok"),
            ],
            2.0,
        ),
        (
            "rustus_plugin_calls_total",
            &[("plugin", "rule"), ("outcome", "rejected")],
            1.0,
        ),
        (
            "rustus_plugin_call_seconds_count",
            &[("plugin", "rule")],
            3.0,
        ),
        ("rustus_plugin_generation", &[("plugin", "rule")], 1.0),
        ("rustus_plugin_loads_total", &[("plugin", "rule")], 1.0),
        ("rustus_plugin_disabled", &[("plugin", "rule")], 0.0),
        (
            "rustus_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1.0,
        ),
    ] {
        assert_eq!(
            metrics.get(name, labels),
            Some(expected),
            "{name} {labels:?}\n{}",
            metrics.0
        );
    }
    let held = metrics.sum("rustus_plugin_memory_peak_bytes", &[]);
    let limit = metrics.sum("rustus_plugin_memory_limit_bytes", &[]);
    assert!(held >= 65_536.0 && held < limit, "{held} of {limit}");
    // No upload has a label of its own.
    let id = url.rsplit('/').next().unwrap();
    assert!(!metrics.0.contains(id), "{}", metrics.0);
}

#[test]
fn what_is_under_way_and_what_was_given_up_is_counted() {
    let (server, tus, admin) = start(&Setup::new().with_admin());
    let url = tus.create(10);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let wire = Wire::open(server.address(), &Wire::patch_head(path, 0, 10), b"abcd");
    let in_flight = || admin.metrics().sum("rustus_requests_in_flight", &[]);
    eventually("it is under way", || in_flight() == 1.0);
    drop(wire);
    eventually("it is not", || in_flight() == 0.0);
    let received = || {
        admin
            .metrics()
            .sum("rustus_upload_received_bytes_total", &[])
    };
    eventually("what came is counted", || received() == 4.0);
}

#[test]
fn an_upload_that_expired_is_counted() {
    let setup = Setup::new().with_admin();
    let setup = setup.arguments(&["--expiration", "1h", "--expiration-interval", "1s"]);
    let (server, tus, admin) = start(&setup);
    let url = tus.create(10);
    server.age(&url, Duration::from_secs(7200));
    let expired = || admin.metrics().sum("rustus_uploads_expired_total", &[]);
    eventually("it is removed", || expired() == 1.0);
}

#[test]
fn each_way_in_which_a_plugin_fails_is_a_cause() {
    let setup = Setup::new().with_hooks().with_admin();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let limits = "[limits]\ncpu-time-ms = 100\nmemory-mib = 16\nwall-time-ms = 1000\n";
    replace(&setup.hooks_dir().join("hostile.toml"), limits.as_bytes());
    let (_server, tus, admin) = start(&setup);
    for (harm, cause) in [
        ("trap", "trap"),
        ("loop", "cpu-time"),
        ("allocate", "out-of-memory"),
        ("recurse", "stack-overflow"),
        ("sleep", "wall-time"),
        ("bad-status", "invalid-answer"),
        ("error-permanent", "permanent"),
    ] {
        let answer = tus.create_with(3, &[("behave", harm)]);
        assert_eq!(answer.status(), 503, "{harm}");
        let labels = [
            ("plugin", "hostile"),
            ("event", "pre-create"),
            ("outcome", cause),
        ];
        let calls = admin.metrics().sum("rustus_plugin_calls_total", &labels);
        assert_eq!(calls, 1.0, "{cause}");
    }
}

#[test]
fn loads_and_what_could_not_be_loaded_are_counted() {
    let setup = Setup::new().with_hooks().with_admin();
    install(&setup.hooks_dir(), "rule-a", "rule");
    let (server, _tus, admin) = start(&setup);
    let digest = admin.plugin("rule")["generation"]["digest"].clone();
    let mark = server.mark();
    replace(&server.hooks_dir().join("rule.wasm"), b"no module");
    server.wait_for_log_after(mark, "plugin not loaded");
    let name = |name: &'static str| (name, "rule");
    let metrics = admin.metrics();
    let failures = [name("plugin"), ("cause", "module")];
    assert_eq!(
        metrics.sum("rustus_plugin_load_failures_total", &failures),
        1.0
    );
    assert_eq!(metrics.sum("rustus_plugin_refused", &[name("plugin")]), 1.0);
    assert_eq!(
        metrics.sum("rustus_plugin_generation", &[name("plugin")]),
        1.0
    );

    let mark = server.mark();
    install(&server.hooks_dir(), "rule-b", "rule");
    server.wait_for_log_after(mark, "plugin loaded");
    let metrics = admin.metrics();
    assert_eq!(
        metrics.sum("rustus_plugin_generation", &[name("plugin")]),
        2.0
    );
    assert_eq!(
        metrics.sum("rustus_plugin_loads_total", &[name("plugin")]),
        2.0
    );
    assert_eq!(metrics.sum("rustus_plugin_refused", &[name("plugin")]), 0.0);
    let other = admin.plugin("rule")["generation"]["digest"].clone();
    assert_ne!(digest, other);
    let info = [name("plugin"), ("digest", other.as_str().unwrap())];
    assert_eq!(metrics.sum("rustus_plugin_info", &info), 1.0);
}

#[test]
fn a_name_that_would_break_the_text_does_not() {
    let setup = Setup::new().with_hooks().with_admin();
    install(
        &setup.hooks_dir(),
        "rule-a",
        "a\"} 1\nrustus_forged 1\n{x=\"",
    );
    let (_server, _tus, admin) = start(&setup);
    let metrics = admin.metrics();
    assert!(metrics.0.contains("rustus_plugin_generation"));
    assert!(
        !metrics
            .0
            .lines()
            .any(|line| line.starts_with("rustus_forged")),
        "{}",
        metrics.0
    );
}
