//! What authors of plugins have: projects, builds, checks, trial calls, cases. Tried
//! with the built binary, from the first command to a refused upload.

mod calls;
mod cases;
mod guide;
mod modules;
mod projects;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::project::{share_target, toolchain};

const BINARY: &str = env!("CARGO_BIN_EXE_rustus");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compile_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-cache")
}

/// `rustus plugin …`, in an environment of its own.
fn plugin(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .arg("plugin")
        .args(arguments)
        .env_clear()
        .env("RUSTUS_COMPILE_CACHE_DIR", compile_cache())
        .stdin(Stdio::null());
    command
}

/// How it ended, what it printed, and what it said on standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    ended(&plugin(arguments).output().unwrap())
}

fn ended(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn json_of(arguments: &[&str]) -> Value {
    let (_, out, err) = run(arguments);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

/// A project in Rust whose dependencies are compiled once for all tests.
fn project(into: &Path, name: &str) -> PathBuf {
    let into_text = into.to_str().unwrap();
    let (code, out, err) = run(&["new", name, "--lang", "rust", "--into", into_text]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("rustus plugin build"), "{out}");
    let project = into.join(name);
    share_target(&project);
    project
}

fn build(project: &Path) -> Output {
    Command::new(BINARY)
        .args(["plugin", "build"])
        .arg(project)
        .env("RUSTUS_COMPILE_CACHE_DIR", compile_cache())
        .env_remove("RUSTFLAGS")
        .envs(toolchain())
        .output()
        .unwrap()
}

/// A directory of cases.
fn cases(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}
