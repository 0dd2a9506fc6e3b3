//! Other tools read what `rustus plugin push` writes, and the other way round.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Author;
use super::signatures::key_pair;
use crate::harness::docker_registry::DockerRegistry;
use crate::harness::guests::{built, bytes};
use crate::harness::programs::{installed, is_there};

/// A program that `./x test` builds.
pub(super) fn tool(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let program = folder.join(name);
    installed(name, program.is_file()).then_some(program)
}

fn run(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str], directory: &Path) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory);
    let output = command.env("HOME", directory).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Pushes a plugin with a signature by the key `mine`. Returns its reference, and
/// what was said.
fn push_signed(author: &Author, registry: &DockerRegistry) -> (String, String) {
    key_pair(author, "mine");
    let file = built("log-events");
    let signed = registry.reference("a/signed:1");
    let host = registry.host();
    let file = file.to_str().unwrap();
    let push = ["push", file, &signed, "--sign", "mine.key"];
    let pushed = author.does(&[&push[..], &["--oci-insecure", &host]].concat());
    (signed, pushed)
}

#[test]
fn skopeo_looks_at_copies_and_archives_a_plugin() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    if !is_there("skopeo", "--version") {
        return;
    }
    let author = Author::new();
    let home = author.home.path();
    let pushed = author.push(&registry, "refuse-meme", "a/one:1");
    let at = pushed.split_once('@').unwrap().1.to_owned();
    let host = registry.host();
    let url = |name: &str| format!("docker://{host}/{name}");
    let raw = ["inspect", "--raw", "--tls-verify=false", &url("a/one:1")];
    let manifest: Value = serde_json::from_str(&run("skopeo", &raw, home)).unwrap();
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");

    let copy = [
        "copy",
        "--insecure-policy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &url("a/one:1"),
        &url("a/two:2"),
    ];
    run("skopeo", &copy, home);
    let pulled = author.does(&[
        "pull",
        &registry.reference("a/two:2"),
        "-o",
        "two.wasm",
        "--oci-insecure",
        &host,
    ]);
    assert!(pulled.ends_with(&at), "{pulled}");
    assert!(fs::read(author.path("two.wasm")).unwrap() == bytes("refuse-meme"));

    // What `save` writes is an OCI archive to it.
    let reference = registry.reference("a/one:1");
    author.does(&["save", &reference, "-o", "set.tar", "--oci-insecure", &host]);
    let copy = [
        "copy",
        "--insecure-policy",
        "--dest-tls-verify=false",
        "oci-archive:set.tar",
        &url("a/three:3"),
    ];
    run("skopeo", &copy, home);
    let three = registry.reference("a/three:3");
    let pulled = author.does(&["pull", &three, "--oci-insecure", &host]);
    assert!(pulled.ends_with(&at), "{pulled}");

    // With signatures in it, the plugin is named.
    let insecure = ["--oci-insecure", &host];
    let (signed, pushed) = push_signed(&author, &registry);
    author.does(&[&["save", &signed, "-o", "signed.tar"][..], &insecure].concat());
    let copy = [
        "copy",
        "--insecure-policy",
        "--dest-tls-verify=false",
        &format!("oci-archive:signed.tar:{signed}"),
        &url("a/four:4"),
    ];
    run("skopeo", &copy, home);
    let four = registry.reference("a/four:4");
    let pulled = author.does(&[&["pull", &four][..], &insecure].concat());
    let at = pushed.split_once('@').unwrap().1;
    assert!(pulled.ends_with(at), "{pulled}");
}

#[test]
fn wkg_pulls_what_was_pushed_and_pushes_what_is_pulled() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let Some(wkg) = tool("wkg") else {
        return;
    };
    let author = Author::new();
    let home = author.home.path();
    let host = registry.host();
    author.push(&registry, "refuse-meme", "a/one:1");
    let one = registry.reference("a/one:1");
    let pull = ["oci", "pull", "--insecure", &host, &one, "-o", "one.wasm"];
    run(&wkg, &pull, home);
    assert!(fs::read(author.path("one.wasm")).unwrap() == bytes("refuse-meme"));

    let two = registry.reference("a/two:2");
    let push = ["oci", "push", "--insecure", &host, &two, "one.wasm"];
    run(&wkg, &push, home);
    author.does(&["pull", &two, "-o", "two.wasm", "--oci-insecure", &host]);
    assert!(fs::read(author.path("two.wasm")).unwrap() == bytes("refuse-meme"));
}

#[test]
fn oras_pulls_what_was_pushed_and_pushes_what_is_pulled() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let Some(oras) = tool("oras") else {
        return;
    };
    let author = Author::new();
    let home = author.home.path();
    let host = registry.host();
    let one = registry.reference("a/one:1");
    author.push(&registry, "refuse-meme", "a/one:1");
    let fetch = ["manifest", "fetch", "--plain-http", &one];
    let manifest: Value = serde_json::from_str(&run(&oras, &fetch, home)).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let blob = format!("{host}/a/one@{layer}");
    run(
        &oras,
        &["blob", "fetch", "--plain-http", "-o", "one.wasm", &blob],
        home,
    );
    assert!(fs::read(author.path("one.wasm")).unwrap() == bytes("refuse-meme"));

    // A copy takes its signatures along.
    let insecure = ["--oci-insecure", &host];
    let (signed, _) = push_signed(&author, &registry);
    let copied = registry.reference("b/copied:1");
    let plain = ["--from-plain-http", "--to-plain-http"];
    run(
        &oras,
        &[&["copy", "-r", &signed, &copied][..], &plain].concat(),
        home,
    );
    let verify = ["verify", &copied, "--oci-key", "mine.pub"];
    author.does(&[&verify[..], &insecure].concat());

    fs::copy(built("refuse-meme"), author.path("two.wasm")).unwrap();
    fs::write(
        author.path("config.json"),
        r#"{"architecture":"wasm","os":"wasip2"}"#,
    )
    .unwrap();
    let two = registry.reference("a/two:2");
    let push = [
        "push",
        "--plain-http",
        "--config",
        "config.json:application/vnd.wasm.config.v0+json",
        &two,
        "two.wasm:application/wasm",
    ];
    run(&oras, &push, home);
    author.does(&["pull", &two, "-o", "got.wasm", "--oci-insecure", &host]);
    assert!(fs::read(author.path("got.wasm")).unwrap() == bytes("refuse-meme"));
}
