//! What is built with Go: command hooks that are written in it, and programs of
//! others that the tests use.
//!
//! Nothing else here needs Go, so a machine without it goes without these, and
//! their tests are skipped by name.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{place, process};

/// The first release that builds for `GOOS=wasip1`.
const OLDEST: (u32, u32) = (1, 21);

/// Builds the command in `path` into `folder/name.wasm`, if Go is there.
pub(crate) fn build(path: &Path, folder: &Path, name: &str) -> Result<()> {
    if let Err(missing) = check() {
        eprintln!("x: {name}.wasm is not built: {missing}; install Go 1.21 or newer (go.dev/dl)");
        return Ok(());
    }
    let built = process::target().join("go").join(format!("{name}.wasm"));
    let mut go = Command::new("go");
    go.current_dir(path)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        // The one that is there, not another that it would download.
        .env("GOTOOLCHAIN", "local")
        .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(&built)
        .arg(".");
    process::run(&mut go)?;
    let placed = place::atomically(&built, folder, &format!("{name}.wasm"))?;
    eprintln!("x: {}", placed.display());
    Ok(())
}

/// Builds a program of somebody else's into `target/tools/bin`, unless it is
/// there. A Go that is too old for it fetches the one that it needs.
pub(crate) fn install(name: &str, package: &str) -> Result<()> {
    let folder = process::target().join("tools/bin");
    if folder.join(name).is_file() {
        return Ok(());
    }
    check()?;
    eprintln!("x: building {name} into target/tools/bin (some minutes, once)");
    let mut go = Command::new("go");
    process::run(go.args(["install", package]).env("GOBIN", folder))
}

/// Whether a Go is there that knows the target.
fn check() -> Result<()> {
    if process::find("go").is_none() {
        bail!("there is no `go`");
    }
    let version = process::output(Command::new("go").args(["env", "GOVERSION"]))?;
    match release(version.trim()) {
        Some(release) if release < OLDEST => bail!("{} is too old", version.trim()),
        _ => Ok(()),
    }
}

/// 1 and 26 of `go1.26.8`; `None` of a development version.
fn release(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.strip_prefix("go")?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, release};

    #[test]
    fn releases_are_compared_as_numbers() {
        for (version, enough) in [("go1.19.8", false), ("go1.21rc2", true), ("go1.100", true)] {
            assert_eq!(release(version).unwrap() >= OLDEST, enough, "{version}");
        }
        assert_eq!(release("devel +abc"), None);
    }
}
