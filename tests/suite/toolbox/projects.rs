//! Projects: made, built, tested, and put into a running server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use super::{build, ended, plugin, project, run};
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

#[test]
fn a_new_project_is_built_checked_tested_and_refuses_an_upload() {
    let setup = Setup::new().with_hooks();
    let begun = Instant::now();
    let project = project(setup.path(), "no-programs");
    let shown = project.to_str().unwrap();

    // Before it is built, its cases say what to do.
    let (code, _, err) = run(&["test", shown]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains(&format!("rustus plugin build {shown}")),
        "{err}"
    );

    let (code, out, err) = ended(&build(&project));
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("$ cargo build --release"), "{err}");
    assert!(out.contains("answers  pre-create"), "{out}");
    let module = project.join("no-programs.wasm");
    let module_text = module.to_str().unwrap();
    let (code, out, err) = run(&["check", module_text]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("ok: the server would load it"), "{out}");
    let (code, out, err) = run(&["test", shown]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("test refuses-programs ... ok"), "{out}");
    assert!(out.contains("2 passed; 0 failed"), "{out}");

    let server = setup.start();
    let tus = Tus::new(server.files());
    fs::copy(&module, server.hooks_dir().join("no-programs.wasm")).unwrap();
    server.wait_for_log("plugin loaded");
    let refused = tus.create_with(5, &[("filename", "run.exe")]);
    assert_eq!(refused.status(), 415);
    assert_eq!(refused.text().unwrap(), "No programs, please.");
    eprintln!("from `new` to a refused upload: {:?}", begun.elapsed());
    assert_eq!(tus.create_with(5, &[("filename", "a.txt")]).status(), 201);
}

#[test]
fn a_build_says_what_to_install() {
    let directory = tempfile::tempdir().unwrap();
    let project = project(directory.path(), "my-hook");
    let shown = project.to_str().unwrap();

    let empty = tempfile::tempdir().unwrap();
    let without = |path: &Path| {
        let output = plugin(&["build", shown]).env("PATH", path).output();
        let (code, _, err) = ended(&output.unwrap());
        assert_eq!(code, Some(1));
        err
    };
    let err = without(empty.path());
    assert!(
        err.contains("cargo is not installed: install Rust"),
        "{err}"
    );

    // A toolchain without the target: rustc knows where it would be.
    for (name, script) in [
        ("cargo", "exit 9"),
        ("rustc", "echo /no/such/folder"),
        ("sh", "exec /bin/sh \"$@\""),
    ] {
        let file = empty.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let err = without(empty.path());
    assert!(err.contains("rustup target add wasm32-wasip2"), "{err}");
    assert!(!err.contains("cargo is not"), "{err}");

    let (code, _, err) = run(&["build", directory.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no plugin.toml"), "{err}");
}

#[test]
fn a_name_or_a_place_that_does_not_do_is_one_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let into = directory.path().to_str().unwrap();
    fs::create_dir(directory.path().join("taken")).unwrap();
    fs::write(directory.path().join("taken/file"), "x").unwrap();
    for (name, code, part) in [
        ("My_Hook", 1, "such as my-hook"),
        ("../up", 1, "such as my-hook"),
        ("taken", 1, "nothing is overwritten"),
    ] {
        let (found, _, err) = run(&["new", name, "--lang", "rust", "--into", into]);
        assert_eq!(found, Some(code), "{name}");
        assert!(err.contains(part), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    let (code, _, err) = run(&["new", "a", "--lang", "cobol", "--into", into]);
    assert_eq!(code, Some(2));
    assert!(err.contains("rust"), "{err}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
