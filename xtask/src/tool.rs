//! Programs for cargo that a task needs.

use std::path::PathBuf;

use anyhow::Result;

use crate::{cargo, process};

/// `name`, from `PATH` or built into `target/tools`.
pub(crate) fn find_or_build(name: &str) -> Result<PathBuf> {
    if let Some(program) = process::find(name) {
        return Ok(program);
    }
    build(name)
}

/// `name` in `target/tools`, built there once.
pub(crate) fn build(name: &str) -> Result<PathBuf> {
    let folder = process::target().join("tools");
    let program = folder.join("bin").join(name);
    if !program.is_file() {
        eprintln!("x: building {name} into target/tools (some minutes, once)");
        let install = ["install", "--locked", "--quiet", name, "--root"];
        process::run(cargo::native().args(install).arg(&folder))?;
    }
    Ok(program)
}
