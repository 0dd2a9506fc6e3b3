//! Programs that come from Debian's packages.

use std::process::Command;

use anyhow::Result;

use crate::process;

/// Whether packages can be installed here: apt, as root.
pub(crate) fn can_install() -> bool {
    let id = || process::output(Command::new("id").arg("-u"));
    process::find("apt-get").is_some() && id().is_ok_and(|id| id.trim() == "0")
}

/// Installs packages, after saying so and why.
///
/// # Errors
/// When apt fails: no network, or a package that this release does not have.
pub(crate) fn install(packages: &[&str], purpose: &str) -> Result<()> {
    eprintln!(
        "x: installing the Debian packages {} ({purpose})",
        packages.join(" ")
    );
    process::run(apt(&["update"]).arg("-qq"))?;
    process::run(apt(&["install", "--no-install-recommends"]).args(packages))
}

/// What apt has to say belongs to stderr, and it must not ask.
fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["-y", "-qq", "-o", "Dpkg::Use-Pty=0"])
        .args(arguments);
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(std::io::stderr());
    command
}
