//! What is wrong is said once, in words that help, and the server goes on where
//! it can.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::guests::{install, replace};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

#[test]
fn flags_with_bad_values_end_the_start_with_code_2_and_say_what_was_expected() {
    for (arguments, parts) in [
        (&["--port", "65536"][..], &["--port", "65536"][..]),
        (&["--port", "x"], &["--port", "invalid"]),
        (&["--workers", "0"], &["--workers", "0"]),
        (&["--max-file-size=-1"], &["--max-file-size"]),
        (&["--max-file-size", "1G"], &["--max-file-size", "1G"]),
        (
            &["--hooks", "pre-crate"],
            &["pre-crate", "pre-create, post-create"],
        ),
        (
            &["--hooks-required", "post-create"],
            &["post-create", "pre-create"],
        ),
        (&["--log-level", "loud"], &["--log-level", "loud"]),
        (&["--dir-structure", "{century}"], &["{century}", "{year}"]),
        (&["--dir-structure", "../x"], &["--dir-structure"]),
        (&["--url", "files?x"], &["--url"]),
        (&["--no-such-flag"], &["--no-such-flag"]),
        (&["--force-fsync=maybe"], &["--force-fsync", "maybe"]),
        (&["--data-dir", "/proc/nope"], &["--data-dir", "/proc/nope"]),
        (&["--info-dir", "/dev/null"], &["--info-dir", "/dev/null"]),
    ] {
        let (status, log) = Setup::new().arguments(arguments).run();
        assert_eq!(status.code(), Some(2), "{arguments:?}: {log}");
        for part in parts {
            assert!(log.contains(part), "{arguments:?} without {part:?}: {log}");
        }
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[test]
fn variables_are_held_to_the_same_rules_as_flags() {
    for (name, value) in [
        ("RUSTUS_MAX_FILE_SIZE", "much"),
        ("RUSTUS_HOOKS", "nothing-of-this"),
        ("RUSTUS_FORCE_FSYNC", "maybe"),
        ("RUSTUS_WORKERS", "-1"),
    ] {
        let (status, log) = Setup::new().variable(name, value).run();
        assert_eq!(status.code(), Some(2), "{name}: {log}");
        assert!(log.contains(value), "{name}: {log}");
    }
}

#[test]
fn a_variable_that_would_set_up_hooks_and_means_nothing_ends_the_start() {
    let setup = Setup::new().variable("RUSTUS_HOOKS_NATS_URLS", "nats://localhost/");
    let (status, log) = setup.run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("RUSTUS_HOOKS_NATS_URLS"), "{log}");
    assert!(log.contains("RUSTUS_HOOKS_DIR"), "{log}");

    let server = Setup::new()
        .variable("RUSTUS_PORT", "tcp://10.0.0.1:1081")
        .start();
    let line = server.wait_for_log("mean nothing here");
    assert!(line.contains("RUSTUS_PORT"), "{line}");
}

#[test]
fn an_event_that_is_required_and_disabled_ends_the_start() {
    let flags = ["--hooks", "pre-get", "--hooks-required", "pre-create"];
    let (status, log) = Setup::new().arguments(&flags).run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(
        log.contains("pre-create") && log.contains("--hooks leaves out"),
        "{log}"
    );
}

#[test]
fn blocking_events_that_nobody_answers_are_named_at_the_start() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "refuse-meme", "refuse");
    let line = setup
        .start()
        .wait_for_log("no plugin answers these blocking events");
    assert!(
        line.contains("pre-finish, pre-get, pre-terminate"),
        "{line}"
    );
    let empty = Setup::new()
        .with_hooks()
        .arguments(&["--hooks", ""])
        .start();
    empty.wait_for_log("--hooks is an empty list");
}

#[test]
fn a_file_where_the_directory_of_plugins_should_be_is_said() {
    let setup = Setup::new();
    fs::write(setup.hooks_dir(), "").unwrap();
    let path = setup.hooks_dir();
    let server = setup
        .argument("--hooks-dir")
        .argument(path.to_str().unwrap())
        .start();
    server.wait_for_log("the directory of plugins can't be read");
    assert_eq!(Tus::new(server.files()).create_with(0, &[]).status(), 201);
}

#[test]
fn variables_and_a_dotenv_file_set_what_flags_set() {
    let setup = Setup::new().variable("RUSTUS_URL", "/uploads");
    fs::write(setup.path().join(".env"), "RUSTUS_MAX_FILE_SIZE=10\n").unwrap();
    let server = setup.start();
    let tus = Tus::new(format!("{}/uploads", server.origin()));
    assert_eq!(tus.create_with(11, &[]).status(), 413);
    assert_eq!(tus.create_with(10, &[]).status(), 201);
}

#[test]
fn a_port_that_is_taken_is_said() {
    let server = Setup::new().start();
    let port = server.address().port().to_string();
    // The later flag would be an error of its own; the variable gives way to it.
    let (status, log) = Setup::new().with_port(&port).run();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains(&port), "{log}");
}

/// A server whose directory gets this one file while it runs, and the line that
/// answers it.
fn refusal(server: &Server, name: &str, content: &[u8]) -> String {
    let mark = server.mark();
    replace(&server.hooks_dir().join(name), content);
    let line = server.wait_for_log_after(mark, "plugin not loaded");
    fs::remove_file(server.hooks_dir().join(name)).unwrap();
    line
}

#[test]
fn a_module_that_does_not_fit_is_refused_in_words_and_the_server_goes_on() {
    let server = Setup::new().with_hooks().start();
    let tus = Tus::new(server.files());
    let fixture = |name: &str| {
        let path = format!("{}/tests/fixtures/{name}.wat", env!("CARGO_MANIFEST_DIR"));
        wat::parse_file(path).unwrap()
    };
    let elf = fs::read(env!("CARGO_BIN_EXE_rustus")).unwrap()[..4096].to_vec();
    for (content, parts) in [
        (vec![], &["no WebAssembly module", "empty"][..]),
        (elf, &["native executable", "nothing native is ever run"]),
        (b"#!/bin/sh\nexit 0\n".to_vec(), &["a script"]),
        (fixture("core-module"), &["core module", "wasm32-wasip2"]),
        (
            fixture("exports-nothing"),
            &["exports none of", "rustus:hooks/pre-create@0.1.0"],
        ),
        (
            fixture("another-version"),
            &[
                "rustus:hooks/pre-create@0.2.0",
                "offers rustus:hooks@0.1.0",
                "rebuild",
            ],
        ),
        (
            fixture("imports-unknown"),
            &["acme:store/kv@1.0.0", "does not offer", "remove the import"],
        ),
        (fixture("wrong-type"), &["do not fit", "rebuild"]),
        (fixture("needs-much-memory"), &["125 MiB", "`memory-mib`"]),
        (fixture("traps-at-start"), &["unreachable"]),
    ] {
        let line = refusal(&server, "bad.wasm", &content);
        for part in parts {
            assert!(line.contains(part), "without {part:?}: {line}");
        }
        assert_eq!(tus.create_with(0, &[]).status(), 201);
    }
}

#[test]
fn a_manifest_that_is_wrong_is_refused_in_words_and_the_old_one_goes_on() {
    let server = Setup::new().with_hooks().start();
    let hooks = server.hooks_dir();
    install(&hooks, "refuse-meme", "refuse");
    server.wait_for_log("plugin loaded");
    for (text, parts) in [
        ("order = ", &["line 1"][..]),
        ("odrer = 1", &["odrer", "order"]),
        ("on-error = \"ignore\"", &["ignore", "reject", "allow"]),
        ("events = [\"pre-crate\"]", &["pre-crate", "pre-create"]),
        ("events = [\"pre-get\"]", &["leaves nothing", "pre-create"]),
        (
            "[limits]\nmemory-mib = 0",
            &["memory-mib", "between 1 and 1024"],
        ),
        (
            "[limits]\nmemory-mib = 2000",
            &["memory-mib", "between 1 and 1024"],
        ),
        ("[limits]\ncpu-time-ms = 1", &["cpu-time-ms", "between 10"]),
        ("[limits]\nmemory-mib = 1", &["MiB", "memory-mib"]),
    ] {
        let mark = server.mark();
        replace(&hooks.join("refuse.toml"), text.as_bytes());
        let line = server.wait_for_log_after(mark, "the generation before keeps serving");
        for part in parts {
            assert!(line.contains(part), "{text:?} without {part:?}: {line}");
        }
        let refused = Tus::new(server.files()).create_with(3, &[("meme", "pepe")]);
        assert_eq!(refused.status(), 400);
    }
    let mark = server.mark();
    replace(&hooks.join("refuse.toml"), &[0xff, 0xfe]);
    assert!(
        server
            .wait_for_log_after(mark, "keeps serving")
            .contains("UTF-8")
    );
}

#[test]
fn a_module_that_is_too_large_is_not_even_read() {
    let server = Setup::new().with_hooks().start();
    let path = server.hooks_dir().join("large.wasm");
    let file = fs::File::create(server.hooks_dir().join(".large")).unwrap();
    file.set_len(65 << 20).unwrap();
    fs::rename(server.hooks_dir().join(".large"), path).unwrap();
    let line = server.wait_for_log("plugin not loaded");
    assert!(
        line.contains("65 MiB") && line.contains("`module-mib`"),
        "{line}"
    );
}

#[test]
fn an_executable_where_a_module_should_be_is_refused_with_what_to_do_instead() {
    let server = Setup::new().with_hooks().start();
    let path = server.hooks_dir().join("pre-create");
    fs::write(&path, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let line = server.wait_for_log("pre-create");
    server.wait_for_log("nothing native is ever run");
    assert!(!line.contains("panicked"));
    assert_eq!(Tus::new(server.files()).create_with(0, &[]).status(), 201);
}

#[test]
fn a_plugin_that_is_broken_at_the_start_does_not_keep_the_server_from_serving() {
    let setup = Setup::new().with_hooks();
    fs::write(setup.hooks_dir().join("bad.wasm"), "nonsense").unwrap();
    install(&setup.hooks_dir(), "refuse-meme", "good");
    let server = setup.start();
    server.wait_for_log("nothing answers in its place");
    let tus = Tus::new(server.files());
    assert_eq!(tus.create_with(3, &[("meme", "pepe")]).status(), 400);
}
