//! What builds a guest: a Rust toolchain for `wasm32-wasip2`, found or installed.
//!
//! 1. The toolchain that runs us, if it has the target's standard library.
//! 2. The same, after `rustup target add`.
//! 3. Where rustup can add nothing, Debian's `rustc-web` with the sources of its
//!    standard library, which each target folder then builds once, and `wasi-libc`.
//!    The linker still is that of the toolchain that runs us. Nothing outside of
//!    the packages is touched. Where they are installed already, rustup is not
//!    asked: without a network it would be asked in vain each time.
//! 4. Else one line that says what to install.
//!
//! `RUSTUS_GUEST_TOOLCHAIN=debian` skips the first two, to try the third.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{cargo, debian, process};

/// The target of every guest.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// How long `rustup target add` may take: a slow download of 20 MB, but not a
/// network that swallows packets.
const RUSTUP_PATIENCE: Duration = Duration::from_secs(120);

/// Where Debian's package puts the compiler, its sources and the libc.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBC: &str = "/usr/lib/wasm32-wasi";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];

/// A toolchain that builds guests.
pub(crate) struct Toolchain {
    environment: Vec<(&'static str, OsString)>,
}

impl Toolchain {
    /// Finds one, or installs one after saying so.
    pub(crate) fn find() -> Result<Self> {
        let debian_only = env::var("RUSTUS_GUEST_TOOLCHAIN").is_ok_and(|value| value == "debian");
        if !debian_only && has_target() {
            return Ok(Self {
                environment: Vec::new(),
            });
        }
        if has_debian() {
            return Self::debian();
        }
        if !debian_only && add_target() && has_target() {
            return Ok(Self {
                environment: Vec::new(),
            });
        }
        if debian::can_install() && debian::install(&DEBIAN_PACKAGES, "to build plugins").is_ok() {
            return Self::debian();
        }
        bail!(
            "the Rust target {TARGET} is missing: run `rustup target add {TARGET}`, or on Debian \
             `apt-get install {}`",
            DEBIAN_PACKAGES.join(" ")
        )
    }

    /// `cargo build` for guests; packages and profile are the caller's to add.
    pub(crate) fn build(&self) -> Command {
        let mut command = cargo::guest();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["build", "--target", TARGET]);
        command
    }

    /// What it is that another cargo would build guests with.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        let variables = self.environment.iter();
        variables.map(|(name, value)| (*name, value.as_os_str()))
    }

    fn debian() -> Result<Self> {
        let programs = linkers()?;
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [programs.clone(), programs.join("gcc-ld")];
        let path = env::join_paths(folders.into_iter().chain(env::split_paths(&path)))
            .context("the linkers' folder cannot be put on PATH")?;
        let environment = vec![
            ("RUSTC", DEBIAN_RUSTC.into()),
            // Lets a stable compiler build its own standard library.
            ("RUSTC_BOOTSTRAP", "1".into()),
            ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort".into()),
            (
                "CARGO_TARGET_WASM32_WASIP2_LINKER",
                programs.join("wasm-component-ld").into(),
            ),
            // rustc looks for libc and its start files in these folders as well.
            (
                "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
                format!("-Lnative={DEBIAN_LIBC}").into(),
            ),
            ("PATH", path),
        ];
        Ok(Self { environment })
    }
}

/// Whether the toolchain that runs us has the target's standard library.
fn has_target() -> bool {
    let folder =
        process::output(cargo::rustc().args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// Asks rustup for the target. Quiet and quick where it cannot be had.
fn add_target() -> bool {
    if process::find("rustup").is_none() {
        return false;
    }
    eprintln!("x: adding the target {TARGET} to the Rust toolchain (rustup target add {TARGET})");
    let mut rustup = Command::new("rustup");
    rustup
        .args(["--quiet", "target", "add", TARGET])
        .env("RUSTUP_MAX_RETRIES", "0");
    rustup.current_dir(process::repository());
    let done = succeeds_within(&mut rustup, RUSTUP_PATIENCE);
    if !done {
        eprintln!("x: rustup cannot add it here");
    }
    done
}

fn succeeds_within(command: &mut Command, patience: Duration) -> bool {
    let quiet = || std::process::Stdio::null();
    let Ok(mut child) = command
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn()
    else {
        return false;
    };
    let end = Instant::now() + patience;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => thread::sleep(Duration::from_millis(50)),
            Err(_) => break,
        }
    }
    // It has no more to say, whether it ended in the meantime or not.
    drop(child.kill());
    drop(child.wait());
    false
}

/// Whether Debian's packages are there: compiler, libc, and the sources for the
/// standard library of this very compiler.
fn has_debian() -> bool {
    if !Path::new(DEBIAN_RUSTC).is_file() {
        return false;
    }
    let Ok(sysroot) = process::output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]))
    else {
        return false;
    };
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    sources.is_file() && Path::new(DEBIAN_LIBC).join("libc.a").is_file()
}

/// The folder of the toolchain that runs us which holds `wasm-component-ld` and,
/// below `gcc-ld`, the `wasm-ld` that it calls.
fn linkers() -> Result<PathBuf> {
    let sysroot = process::output(cargo::rustc().args(["--print", "sysroot"]))?;
    let host = process::output(cargo::rustc().args(["--print", "host-tuple"]))?;
    let folder = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(host.trim())
        .join("bin");
    if !folder.join("wasm-component-ld").is_file() {
        bail!(
            "`wasm-component-ld` is missing in {}: install Rust with rustup",
            folder.display()
        );
    }
    Ok(folder)
}
