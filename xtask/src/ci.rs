//! What a change must pass.

use std::process::Command;

use anyhow::Result;

use crate::{cargo, process, test};

/// Formatting, lints, docs, dependencies, tests; the cheap ones first.
pub fn run() -> Result<()> {
    step(
        "formatting",
        cargo::native().args(["fmt", "--all", "--check"]),
    )?;
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
    step("dependencies", &mut deny()?)?;
    eprintln!("x: tests");
    test::run(None)
}

fn step(name: &str, command: &mut Command) -> Result<()> {
    eprintln!("x: {name}");
    process::run(command)
}

/// cargo-deny, from `PATH` or built into `target/tools`.
fn deny() -> Result<Command> {
    let own = process::target().join("tools");
    let mut deny = match process::find("cargo-deny") {
        Some(program) => Command::new(program),
        None => {
            if !own.join("bin/cargo-deny").is_file() {
                eprintln!("x: building cargo-deny into target/tools (some minutes, once)");
                let install = ["install", "--locked", "--quiet", "cargo-deny", "--root"];
                process::run(cargo::native().args(install).arg(&own))?;
            }
            Command::new(own.join("bin/cargo-deny"))
        }
    };
    deny.args(["check"]).current_dir(process::repository());
    Ok(deny)
}
