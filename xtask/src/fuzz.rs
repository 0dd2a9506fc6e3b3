//! Fuzzing of what reads the input of strangers (`fuzz/README.md`).

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{cargo, process, tool};

/// The targets in `fuzz/targets`.
const TARGETS: [&str; 4] = ["metadata", "manifest", "headers", "paths"];

/// Enough to find what a change broke grossly; a search takes longer.
const CI_SECONDS: u32 = 5;

/// Runs all targets, or the one that is named, for some seconds each.
pub(crate) fn run(seconds: u32, only: Option<&str>) -> Result<()> {
    if !has_nightly() {
        bail!("fuzzing needs a nightly toolchain: `rustup toolchain install nightly`");
    }
    if let Some(name) = only.filter(|name| !TARGETS.contains(name)) {
        bail!(
            "there is no target `{name}`; there are {}",
            TARGETS.join(", ")
        );
    }
    let program = tool::find_or_build("cargo-fuzz")?;
    let fuzz = process::repository().join("fuzz");
    // The versions that the server is built with.
    fs::copy(
        process::repository().join("Cargo.lock"),
        fuzz.join("Cargo.lock"),
    )
    .context("Cargo.lock cannot be copied to fuzz/")?;
    for target in TARGETS {
        if only.is_none_or(|name| name == target) {
            fuzz_one(&program, &fuzz, target, seconds)?;
        }
    }
    Ok(())
}

/// The same for a few seconds, where it can be done.
pub(crate) fn for_ci() -> Result<()> {
    if has_nightly() {
        return run(CI_SECONDS, None);
    }
    eprintln!("x: skipped: fuzzing (there is no nightly toolchain)");
    Ok(())
}

fn fuzz_one(program: &Path, fuzz: &Path, target: &str, seconds: u32) -> Result<()> {
    eprintln!("x: fuzzing {target} for {seconds} s");
    // What is found is kept here, what is given there.
    let corpus = fuzz.join("corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("{}", corpus.display()))?;
    let mut command = cargo::nightly(program);
    command
        // Nothing that is tried here is `unsafe`.
        .args(["fuzz", "run", "--sanitizer", "none", "--target-dir"])
        .arg(process::target().join("fuzz"))
        .arg(target)
        .arg(&corpus)
        .arg(fuzz.join("seeds").join(target))
        .args(["--", "-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-max_total_time={seconds}"))
        .current_dir(fuzz);
    process::run(&mut command)
}

fn has_nightly() -> bool {
    process::succeeds(&mut cargo::nightly_rustc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_run_and_has_seeds() {
        let fuzz = process::repository().join("fuzz");
        let mut names: Vec<String> = fs::read_dir(fuzz.join("targets"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        let mut expected = TARGETS.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected);
        for target in TARGETS {
            assert!(fuzz.join("seeds").join(target).is_dir(), "{target}");
        }
    }
}
