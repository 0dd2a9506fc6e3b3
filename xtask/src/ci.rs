//! What a change must pass.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{cargo, fuzz, guests, process, test, tool};

/// Formatting, lints, docs, dependencies, tests, builds, fuzzing; the cheap ones first.
pub(crate) fn run() -> Result<()> {
    step(
        "formatting",
        cargo::native().args(["fmt", "--all", "--check"]),
    )?;
    // The server embeds some of them.
    eprintln!("x: guests");
    guests::build_all()?;
    let lints = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    step("lints", cargo::native().args(lints))?;
    let docs = ["doc", "--no-deps", "--workspace"];
    step(
        "docs",
        cargo::native()
            .args(docs)
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    dependencies()?;
    eprintln!("x: tests");
    test::run(None)?;
    eprintln!("x: builds of the documentation");
    test::builds()?;
    eprintln!("x: fuzzing");
    fuzz::for_ci()
}

fn step(name: &str, command: &mut Command) -> Result<()> {
    eprintln!("x: {name}");
    process::run(command)
}

/// Licences, sources and bans always; known vulnerabilities where their database can
/// be fetched.
fn dependencies() -> Result<()> {
    let deny = tool::find_or_build("cargo-deny")?;
    let check = ["check", "bans", "licenses", "sources"];
    step("dependencies", at_top(&deny).args(check))?;
    if !process::succeeds(at_top(&deny).args(["fetch", "db"])) {
        eprintln!("x: skipped: advisories (their database on github.com cannot be fetched)");
        return Ok(());
    }
    step("advisories", at_top(&deny).args(["check", "advisories"]))
}

fn at_top(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(process::repository());
    command
}
