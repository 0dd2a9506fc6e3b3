//! Modules that are looked at, alone and in a directory of hooks; whatever is in them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{ended, json_of, plugin, run};
use crate::harness::guests::{built, bytes, install};
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

#[test]
fn grants_are_named_by_what_a_module_imports() {
    for (guest, capabilities) in [
        ("http", &["http"][..]),
        ("fetch", &["http"]),
        ("amqp", &["amqp"]),
        ("kafka", &["kafka"]),
        ("grpc", &["grpc"]),
        ("refuse-meme", &[]),
    ] {
        let file = built(guest);
        let found = json_of(&["check", file.to_str().unwrap(), "--json"]);
        let grants = found["grants"].as_array().unwrap().iter();
        let names: Vec<_> = grants
            .map(|it| it["capability"].as_str().unwrap())
            .collect();
        assert_eq!(names, capabilities, "{guest}");
        assert_eq!(found["state"], "loads", "{found}");
        assert_eq!(found["size"], bytes(guest).len(), "{guest}");
        assert!(found["memory_at_start"].as_u64().unwrap() > 0, "{guest}");
    }
}

#[test]
fn a_plugin_that_reads_no_header_field_does_not_import_them() {
    for (guest, reads) in [
        ("refuse-meme", false),
        ("log-events", false),
        ("tag-upload", true),
        ("http", true),
    ] {
        let file = built(guest);
        let (code, out, err) = run(&["check", file.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{err}");
        let is_listed = out.contains("rustus:hooks/request-headers@0.1.0");
        assert_eq!(is_listed, reads, "{guest}: {out}");
    }
}

#[test]
fn a_granted_capability_is_shown_as_granted_and_a_wrong_manifest_is_said() {
    let directory = tempfile::tempdir().unwrap();
    install(directory.path(), "fetch", "fetch");
    let module = directory.path().join("fetch.wasm");
    let module = module.to_str().unwrap();
    let (code, out, _) = run(&["check", module]);
    assert_eq!(code, Some(0));
    assert!(out.contains("[allow.http]\nservers = "), "{out}");

    let manifest = directory.path().join("fetch.toml");
    fs::write(
        &manifest,
        "[allow.http]\nservers = [\"http://127.0.0.1:1\"]\n",
    )
    .unwrap();
    let found = json_of(&["check", module, "--json"]);
    assert_eq!(found["grants"][0]["granted"], true, "{found}");
    let (_, out, _) = run(&["inspect", module]);
    assert!(out.contains("granted  http"), "{out}");

    let other = directory.path().join("other.toml");
    fs::write(&other, "odrer = 1\n").unwrap();
    let (code, _, err) = run(&["check", module, "--config", other.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(err.contains("odrer"), "{err}");
}

/// Files that are no modules, each with a part of what is said of it.
fn hostile_files(directory: &Path) -> Vec<(PathBuf, &'static str)> {
    let at = |name: &str| directory.join(name);
    let whole = bytes("refuse-meme");
    fs::write(at("truncated.wasm"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("empty.wasm"), "").unwrap();
    fs::write(at("script.wasm"), "#!/bin/sh\n").unwrap();
    fs::write(at("library.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
    let foreign = r#"(component (import "wasi:keyvalue/store@0.2.0" (instance))
        (instance $i) (export "rustus:hooks/pre-create@0.1.0" (instance $i)))"#;
    fs::write(at("foreign.wasm"), wat::parse_str(foreign).unwrap()).unwrap();
    let huge = fs::File::create(at("huge.wasm")).unwrap();
    huge.set_len(65 << 20).unwrap();
    fs::create_dir(at("directory.wasm")).unwrap();
    let made = Command::new("mkfifo").arg(at("pipe.wasm")).status();
    assert!(made.unwrap().success());
    symlink("/dev/zero", at("device.wasm")).unwrap();
    symlink("nowhere", at("dangling.wasm")).unwrap();
    vec![
        (at("truncated.wasm"), "no valid module"),
        (at("empty.wasm"), "empty"),
        (at("script.wasm"), "a script"),
        (at("library.wasm"), "without `_start`"),
        (at("foreign.wasm"), "remove the import and rebuild"),
        (at("huge.wasm"), "`module-mib`"),
        (at("directory.wasm"), "a directory"),
        (at("pipe.wasm"), "a pipe"),
        (at("device.wasm"), "a device"),
        (at("dangling.wasm"), "No such file"),
        (at("not-there.wasm"), "No such file"),
    ]
}

#[test]
fn whatever_a_file_holds_is_answered_in_words() {
    let directory = tempfile::tempdir().unwrap();
    for (file, part) in hostile_files(directory.path()) {
        let file = file.to_str().unwrap();
        for arguments in [
            &["check", file][..],
            &["check", file, "--json"],
            &["inspect", file],
            &["run", file, "--event", "pre-create"],
        ] {
            let (code, out, err) = run(arguments);
            assert_eq!(code, Some(1), "{arguments:?}: {out}{err}");
            assert!(format!("{out}{err}").contains(part), "{out}{err}");
            assert!(!err.contains("panicked"), "{err}");
        }
    }
    // The same in a directory of hooks, where none keeps the others from being
    // listed.
    install(directory.path(), "refuse-meme", "good");
    let (code, out, err) = run(&["list", "--hooks-dir", directory.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("good: loads, plugin"), "{out}");
    for part in [
        "truncated: refused",
        "pipe.wasm: ignored",
        "device.wasm: ignored",
    ] {
        assert!(out.contains(part), "{out}");
    }
}

#[test]
fn a_pipe_among_the_hooks_does_not_stop_the_server() {
    let setup = Setup::new().with_hooks();
    let pipe = setup.hooks_dir().join("pipe.wasm");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    install(&setup.hooks_dir(), "refuse-meme", "refuse-meme");
    let server = setup.start();
    server.wait_for_log("only files are read");
    let refused = Tus::new(server.files()).create_with(5, &[("meme", "pepe")]);
    assert_eq!(refused.status(), 400);
}

#[test]
fn the_list_shows_what_the_server_would_load_and_in_which_order() {
    let setup = Setup::new().with_hooks();
    let directory = setup.hooks_dir();
    install(&directory, "refuse-meme", "last");
    install(&directory, "tag-upload", "first");
    install(&directory, "refuse-meme-rust", "no-event");
    install(&directory, "refuse-meme-rust", "pre-terminate");
    install(&directory, "refuse-meme", "wrong");
    fs::write(
        directory.join("first.toml"),
        "order = -1\n[config]\nsecret = \"xyzzy\"\n",
    )
    .unwrap();
    fs::write(directory.join("wrong.toml"), "order = \"x\"\n").unwrap();
    fs::write(directory.join("pre-create"), "#!/bin/sh\n").unwrap();
    let place = directory.to_str().unwrap();
    let (code, out, err) = run(&["list", "--hooks-dir", place, "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let rows: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let states: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["name"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("first", "loads"),
            ("last", "loads"),
            ("no-event", "refused"),
            ("pre-terminate", "loads"),
            ("wrong", "refused"),
            ("pre-create", "ignored"),
        ]
    );
    assert_eq!(rows[0]["asked"], json!(["pre-create"]));
    assert_eq!(rows[3]["asked"], json!(["pre-terminate"]));

    // The server says the same.
    let server = setup.start();
    for name in ["first", "last", "pre-terminate"] {
        let digest = rows.iter().find(|row| row["name"] == name).unwrap();
        let digest = digest["digest"].as_str().unwrap();
        let log = server.log();
        let line = log.lines().find(|line| {
            line.contains("plugin loaded") && line.contains(&format!("plugin=\"{name}\""))
        });
        assert!(line.unwrap().contains(digest), "{log}");
    }
    for name in ["no-event", "wrong"] {
        let log = server.log();
        let refused = log.lines().any(|line| {
            line.contains("plugin not loaded") && line.contains(&format!("plugin=\"{name}\""))
        });
        assert!(refused, "{log}");
    }

    let inspect = |name: &str| run(&["inspect", name, "--hooks-dir", place]);
    let (code, out, _) = inspect("first");
    assert_eq!(code, Some(0));
    assert!(
        out.contains("order -1") && out.contains("config   secret"),
        "{out}"
    );
    assert!(!out.contains("xyzzy"), "{out}");
    assert_eq!(inspect("no-event").0, Some(1));
    let (code, _, err) = inspect("nobody");
    assert_eq!(code, Some(1));
    assert!(err.contains("there are: first, last"), "{err}");
    let (code, _, err) = run(&["inspect", "nobody"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("--hooks-dir"), "{err}");
}

#[test]
fn a_cache_that_can_not_be_used_is_no_reason_to_fail() {
    let module = built("refuse-meme");
    let output = plugin(&["check", module.to_str().unwrap()])
        .env("RUSTUS_COMPILE_CACHE_DIR", "/proc/nowhere")
        .output();
    let (code, out, err) = ended(&output.unwrap());
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("compiled in"), "{out}");
}

#[test]
fn what_nobody_reads_is_no_panic() {
    let module = built("refuse-meme");
    let mut command = plugin(&["check", module.to_str().unwrap()]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let (code, _, err) = ended(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(1));
    assert!(!err.contains("panicked"), "{err}");
}
