//! Guests that misbehave hurt nobody: the request is refused, nothing is
//! created, the log says why, and the next request is answered as ever.

use std::fs;

use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header};

fn hostile(manifest: &str) -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    fs::write(setup.hooks_dir().join("hostile.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// Short limits, so that the tests are short.
const LIMITS: &str = "[limits]\ncpu-time-ms = 200\nwall-time-ms = 1000\n";

/// What a guest does, and what the log has to call it.
const MISBEHAVIOUR: [(&str, &str); 14] = [
    ("loop", "cpu-time"),
    ("allocate", "out-of-memory"),
    ("recurse", "stack-overflow"),
    ("trap", "trap"),
    ("print", "cpu-time"),
    ("log-flood", "cpu-time"),
    ("hoard", "trap"),
    ("sleep", "wall-time"),
    ("bad-status", "invalid-answer"),
    ("bad-header", "invalid-answer"),
    ("smuggle-header", "invalid-answer"),
    ("protocol-header", "invalid-answer"),
    ("bad-metadata", "invalid-answer"),
    ("huge-body", ""),
];

#[test]
fn a_guest_that_misbehaves_rejects_its_own_upload_and_no_other() {
    for instances in ["fresh", "reuse"] {
        let (server, tus) = hostile(&format!("instances = \"{instances}\"\n{LIMITS}"));
        for (behaviour, cause) in MISBEHAVIOUR {
            let mark = server.mark();
            let response = tus.create_with(3, &[("behave", behaviour)]);
            assert_eq!(response.status(), 503, "{instances}: {behaviour}");
            let body = response.text().unwrap();
            for internal in ["hostile", "wasm", "trap", "plugin", "limit"] {
                assert!(!body.contains(internal), "{behaviour}: {body}");
            }
            assert!(server.stored_files().is_empty(), "{instances}: {behaviour}");
            let line = server.wait_for_log_after(mark, "a plugin did not answer");
            assert!(line.contains(cause), "{behaviour}: {line}");
            assert!(line.contains("plugin=\"hostile\""), "{line}");

            let next = tus.create_with(3, &[]);
            assert_eq!(next.status(), 201, "{instances}: after {behaviour}");
            assert_eq!(tus.delete(&tus.location(&next)).status(), 204);
        }
    }
}

#[test]
fn on_error_allow_lets_the_upload_through_unchanged() {
    // Nothing is answered in between, and all of them are to be asked.
    let breaker = "[breaker]\nenabled = false\n";
    let (server, tus) = hostile(&format!("on-error = \"allow\"\n{LIMITS}{breaker}"));
    for (behaviour, _) in MISBEHAVIOUR {
        let mark = server.mark();
        let response = tus.create_with(3, &[("behave", behaviour)]);
        assert_eq!(response.status(), 201, "{behaviour}");
        assert_eq!(header(&response, "x-smuggled"), "");
        server.wait_for_log_after(mark, "a plugin did not answer");
    }
    // A rejection is an answer and no failure.
    assert_eq!(tus.create_with(3, &[("behave", "reject")]).status(), 403);
}

#[test]
fn errors_that_a_plugin_reports_refuse_the_upload_for_now() {
    let (server, tus) = hostile("");
    for (behaviour, retry_after) in [
        ("error-retry", "2"),
        ("error-permanent", ""),
        ("error-other", ""),
    ] {
        let response = tus.create_with(3, &[("behave", behaviour)]);
        assert_eq!(response.status(), 503, "{behaviour}");
        assert_eq!(header(&response, "retry-after"), retry_after, "{behaviour}");
        assert!(!response.text().unwrap().contains("hostile"));
    }
    server.wait_for_log("hostile: permanent");
    server.wait_for_log("hostile: other");
    assert!(server.stored_files().is_empty());
}

#[test]
fn a_guest_that_spins_does_not_hold_up_other_requests_of_its_thread() {
    let setup = Setup::new().with_hooks().arguments(&["--workers", "1"]);
    install(&setup.hooks_dir(), "hostile", "hostile");
    fs::write(
        setup.hooks_dir().join("hostile.toml"),
        "[limits]\ncpu-time-ms = 600000\nwall-time-ms = 600000\n",
    )
    .unwrap();
    let server = setup.start();
    let spinning = Tus::new(server.files());
    let handle = std::thread::spawn(move || {
        // Never answered: the server ends first.
        spinning
            .try_send("POST", &spinning_url(&spinning), &spin_headers(), "")
            .is_err()
    });
    let tus = Tus::new(server.files());
    server.wait_for_log("asked about an event");
    for _ in 0..20 {
        let response = tus.create_with(3, &[]);
        assert_eq!(response.status(), 201);
        assert_eq!(tus.patch(&tus.location(&response), 0, "abc").status(), 204);
    }
    server.kill();
    assert!(handle.join().unwrap());
}

fn spinning_url(tus: &Tus) -> String {
    tus.files().to_owned()
}

fn spin_headers() -> [(&'static str, &'static str); 2] {
    // `behave loop`
    [
        ("Upload-Length", "3"),
        ("Upload-Metadata", "behave bG9vcA=="),
    ]
}

#[test]
fn more_calls_than_may_run_at_once_wait_and_then_are_refused() {
    let (server, tus) =
        hostile("[limits]\nconcurrent-calls = 1\nwall-time-ms = 500\ncpu-time-ms = 10000\n");
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let tus = tus.clone();
            std::thread::spawn(move || tus.create_with(3, &[("behave", "sleep")]).status())
        })
        .collect();
    for thread in waiting {
        assert_eq!(thread.join().unwrap(), 503);
    }
    server.wait_for_log("cause=\"wall-time\"");
    server.wait_for_log("cause=\"busy\"");
    assert_eq!(tus.create_with(3, &[]).status(), 201);
}

#[test]
fn memory_that_reused_instances_leak_is_given_back_before_it_runs_out() {
    let (server, tus) = hostile("instances = \"reuse\"\n[limits]\nmemory-mib = 32\n");
    for round in 0..40 {
        let response = tus.create_with(0, &[("behave", "leak")]);
        assert_eq!(response.status(), 201, "round {round}");
    }
    assert!(!server.log().contains("a plugin did not answer"));
}

#[test]
fn output_goes_to_the_log_line_by_line_and_within_its_bound() {
    let (server, tus) = hostile("");
    assert_eq!(
        tus.create_with(3, &[("behave", "print-some")]).status(),
        201
    );
    let line = server.wait_for_log("stdout: ");
    assert!(line.contains("plugin=\"hostile\""), "{line}");
    server.wait_for_log("stderr: ");

    let (server, tus) = hostile("[limits]\noutput-kib = 1\ncpu-time-ms = 100\n");
    let mark = server.mark();
    assert_eq!(tus.create_with(3, &[("behave", "print")]).status(), 503);
    server.wait_for_log_after(mark, "the plugin's output exceeds its limit");
    let said: usize = server
        .log()
        .lines()
        .filter(|line| line.contains("stdout: "))
        .map(str::len)
        .sum();
    assert!(said < 256 * 1024, "{said} bytes of log for 1 KiB of output");
}

#[test]
fn traps_in_other_events_refuse_those_and_keep_the_upload() {
    let (_server, tus) = hostile(LIMITS);
    for harm in ["trap", "loop"] {
        let pairs = [
            ("behave-finish", harm),
            ("behave-get", harm),
            ("behave-terminate", harm),
        ];
        let url = tus.location(&tus.create_with(3, &pairs));
        assert_eq!(tus.patch(&url, 0, "abc").status(), 503);
        assert_eq!(tus.offset(&url), 3);
        assert_eq!(tus.delete(&url).status(), 503);
        assert_eq!(tus.offset(&url), 3);
    }
    let url = tus.location(&tus.create_with(3, &[("behave-get", "trap")]));
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.get(&url).status(), 503);
}

#[test]
fn where_address_space_is_short_plugins_work_without_a_pool() {
    let setup = Setup::new()
        .with_hooks()
        .address_space_kib(16 * 1024 * 1024);
    install(&setup.hooks_dir(), "refuse-meme", "refuse-meme");
    let server = setup.start();
    server.wait_for_log("too little address space");
    let tus = Tus::new(server.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
    assert_eq!(tus.create_with(5, &[]).status(), 201);
}
