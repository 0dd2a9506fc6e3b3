//! The programs and clients that the tests use: Debian's packages, tus-js-client,
//! Uppy, tuspy. What cannot be had is named; the tests that need it say so as well.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{debian, npm, once::once, process};

/// A program, how to see that it works, and the packages that hold it.
struct Program {
    name: &'static str,
    check: &'static [&'static str],
    packages: &'static [&'static str],
}

const PROGRAMS: [Program; 7] = [
    Program {
        name: "node",
        check: &["--version"],
        packages: &["nodejs"],
    },
    Program {
        name: "npm",
        check: &["--version"],
        packages: &["npm"],
    },
    Program {
        name: "python3",
        // Debian ships the module venv without what it needs.
        check: &["-c", "import venv, ensurepip"],
        packages: &["python3", "python3-venv"],
    },
    Program {
        name: "nginx",
        check: &["-v"],
        packages: &["nginx-light"],
    },
    Program {
        name: "curl",
        check: &["--version"],
        packages: &["curl"],
    },
    Program {
        name: "chromium",
        check: &["--version"],
        packages: &["chromium"],
    },
    Program {
        name: "strace",
        check: &["-V"],
        packages: &["strace"],
    },
];

/// Installs what is missing where that is possible, after saying so.
pub(crate) fn prepare() -> Result<()> {
    install_programs();
    prepare_or_say("tus-js-client and Uppy", node());
    prepare_or_say("tuspy", python());
    Ok(())
}

impl Program {
    fn is_there(&self) -> bool {
        process::succeeds(Command::new(self.name).args(self.check))
    }
}

fn install_programs() {
    let missing: Vec<&Program> = PROGRAMS
        .iter()
        .filter(|program| !program.is_there())
        .collect();
    if missing.is_empty() {
        return;
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|program| program.packages)
        .copied()
        .collect();
    if debian::can_install() && debian::install(&packages, "for the tests").is_ok() {
        return;
    }
    let names: Vec<&str> = missing.iter().map(|program| program.name).collect();
    eprintln!(
        "x: tests are skipped that need {}: install them to run all",
        names.join(", ")
    );
}

fn prepare_or_say(client: &str, prepared: Result<()>) {
    if let Err(error) = prepared {
        eprintln!("x: tests are skipped that need {client}: {error:#}");
    }
}

/// `node_modules` beside the client's package.
fn node() -> Result<()> {
    npm::install("tests/clients/node", "tus-js-client and Uppy")
}

/// A virtual environment of its own, `target/venv`.
fn python() -> Result<()> {
    let requirements = process::repository().join("tests/clients/python/requirements.txt");
    let venv: PathBuf = process::target().join("venv");
    once(&requirements, &venv.join(".prepared"), || {
        eprintln!("x: installing tuspy into target/venv (pip install)");
        process::run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
        )?;
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        process::run(pip.arg("--requirement").arg(&requirements))
    })
}
