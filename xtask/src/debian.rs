//! Programs that come from Debian's packages.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    process::Command,
};

use anyhow::{Context, Result};

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
    let _quiet = NoServices::begin()?;
    process::run(apt(&["install", "--no-install-recommends"]).args(packages))
}

/// What packages ask before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// As long as it lives, packages do not start the services that they bring: the
/// tests start servers of their own, and leave none behind.
struct NoServices {
    /// Whether the policy is ours. Where the machine has one already, it stays.
    ours: bool,
}

impl NoServices {
    fn begin() -> Result<Self> {
        let made = OpenOptions::new().write(true).create_new(true).open(POLICY);
        let mut file = match made {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Ok(Self { ours: false });
            }
            Err(error) => return Err(error).with_context(|| format!("cannot write {POLICY}")),
        };
        let policy = Self { ours: true };
        file.write_all(b"#!/bin/sh\nexit 101\n")
            .and_then(|()| file.set_permissions(Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {POLICY}"))?;
        Ok(policy)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours && fs::remove_file(POLICY).is_err() {
            eprintln!("x: cannot remove {POLICY}: as long as it is there, no service starts");
        }
    }
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
