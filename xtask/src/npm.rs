//! Packages from npm, as a lock file has them.

use std::process::Command;

use anyhow::Result;

use crate::{once::once, process};

/// Installs what the lock file in `folder` of the repository names into
/// `node_modules` beside it. `what` says it to people.
pub(crate) fn install(folder: &str, what: &str) -> Result<()> {
    let path = process::repository().join(folder);
    once(
        &path.join("package-lock.json"),
        &path.join("node_modules/.prepared"),
        || {
            eprintln!("x: installing {what} into {folder}/node_modules (npm ci)");
            process::run(
                Command::new("npm")
                    .args(["ci", "--silent"])
                    .current_dir(&path),
            )
        },
    )
}
