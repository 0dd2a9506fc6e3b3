//! What a newcomer does in the first five minutes: copies the template, builds
//! it into the directory of a running server, edits it, builds it again.

use std::fs;
use std::path::Path;
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

/// A copy of the template outside of the repository.
fn copy_of_the_template(directory: &Path) {
    let template = root().join("sdk/rust/template");
    for file in ["Cargo.toml", "src/lib.rs"] {
        let target = directory.join(file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(template.join(file), target).unwrap();
    }
    let sdk = root().join("sdk/rust");
    edit(
        &directory.join("Cargo.toml"),
        "path = \"..\"",
        &format!("path = {sdk:?}"),
    );
}

#[test]
fn a_copy_of_the_template_is_built_into_a_running_server_and_edited() {
    let setup = Setup::new().with_hooks();
    let plugin = setup.path().join("plugin");
    copy_of_the_template(&plugin);
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
