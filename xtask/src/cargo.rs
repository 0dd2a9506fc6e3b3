//! Starting cargo and rustc from inside `cargo run`.
//!
//! The outer cargo describes its own build in the environment, and its user may
//! have settings meant for native builds there. An inner build starts without
//! them, but with the same toolchain (`RUSTUP_TOOLCHAIN`) and the same registry
//! settings.

use std::{env, process::Command};

use crate::process;

/// What is taken out of the environment: exact names, and prefixes ending in `_`.
const FOREIGN: [&str; 16] = [
    "CARGO_BIN_",
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "LD_LIBRARY_PATH",
    "OUT_DIR",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// What describes the outer build: build scripts look at some of it, and would run
/// again for every other caller.
const OUTER: [&str; 3] = ["CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR"];

/// The cargo that runs us, at the top of the repository, for a guest: without
/// whatever is meant for native builds.
pub(crate) fn guest() -> Command {
    let mut command = without(cargo(), &FOREIGN);
    command.current_dir(process::repository());
    command
}

/// The cargo that runs us, at the top of the repository, with its user's settings.
pub(crate) fn native() -> Command {
    let mut command = without(cargo(), &OUTER);
    command.current_dir(process::repository());
    command
}

/// The rustc of the same toolchain.
pub(crate) fn rustc() -> Command {
    let mut command = without("rustc".to_owned(), &FOREIGN);
    command.current_dir(process::repository());
    command
}

/// The cargo that runs us, with these flags for rustc and no others.
pub(crate) fn flagged(flags: &[&str]) -> Command {
    let mut command = guest();
    // Spaces in values stay what they are.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command
}

fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// `program` without these variables.
fn without(program: String, variables: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if variables.iter().any(|foreign| is_foreign(&name, foreign)) {
            command.env_remove(name);
        }
    }
    command
}

fn is_foreign(name: &str, foreign: &str) -> bool {
    name == foreign || (foreign.ends_with('_') && name.starts_with(foreign))
}

#[cfg(test)]
mod tests {
    use super::{FOREIGN, is_foreign};

    #[test]
    fn registry_settings_stay_and_the_outer_build_goes() {
        for (name, goes) in [
            ("CARGO_PKG_NAME", true),
            ("CARGO_TARGET_DIR", true),
            ("CARGO_BUILD_RUSTC_WRAPPER", true),
            ("RUSTFLAGS", true),
            ("CARGO_HOME", false),
            ("CARGO_HTTP_CAINFO", false),
            ("CARGO_REGISTRIES_CRATES_IO_PROTOCOL", false),
            ("RUSTUP_TOOLCHAIN", false),
            ("RUSTC_LOG", false),
        ] {
            let found = FOREIGN.iter().any(|foreign| is_foreign(name, foreign));
            assert_eq!(found, goes, "{name}");
        }
    }
}
