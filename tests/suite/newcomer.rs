//! What a newcomer does in the first five minutes: makes a project, builds it into
//! the directory of a running server, edits it, builds it again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::server::Setup;
use crate::harness::tus::Tus;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `./x plugin CRATE --into DIRECTORY`
fn build(plugin: &Path, directory: &Path) {
    let output = Command::new(root().join("x"))
        .arg("plugin")
        .arg(plugin)
        .arg("--into")
        .arg(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from:?}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}

/// A project outside of the repository.
fn new_project(into: &Path) -> PathBuf {
    let status = Command::new(env!("CARGO_BIN_EXE_rustus"))
        .args(["plugin", "new", "my-hook", "--lang", "rust", "--into"])
        .arg(into)
        .status()
        .unwrap();
    assert!(status.success());
    into.join("my-hook")
}

#[test]
fn a_new_project_is_built_into_a_running_server_and_edited() {
    let setup = Setup::new().with_hooks();
    let plugin = new_project(setup.path());
    let server = setup.start();
    let tus = Tus::new(server.files());
    let refusal = || {
        let response = tus.create_with(5, &[("filename", "run.exe")]);
        (response.status().as_u16(), response.text().unwrap())
    };
    assert_eq!(refusal().0, 201);

    build(&plugin, &server.hooks_dir());
    server.wait_for_log("plugin loaded");
    let (status, message) = refusal();
    assert!((400..500).contains(&status), "{status}: {message}");
    assert_eq!(tus.create_with(5, &[("filename", "a.txt")]).status(), 201);

    let mark = server.mark();
    edit(
        &plugin.join("src/lib.rs"),
        &message,
        "Now with other words.",
    );
    build(&plugin, &server.hooks_dir());
    server.wait_for_log_after(mark, "plugin loaded");
    assert_eq!(refusal(), (status, "Now with other words.".to_owned()));
}
