//! Fuzzing of what reads the input of strangers (`fuzz/README.md`).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{cargo, debian, process};

/// The targets in `fuzz/targets`.
const TARGETS: [&str; 12] = [
    "checksum",
    "chunked",
    "concat",
    "conditional",
    "disposition",
    "forwarded",
    "framing",
    "headers",
    "manifest",
    "metadata",
    "paths",
    "range",
];

/// Enough to find what a change broke grossly; a search takes longer.
const CI_SECONDS: u32 = 3;

/// Counters at every edge, which libFuzzer follows: what `cargo fuzz` asks rustc
/// for when no sanitizer is wanted. The stable compiler can do it.
const FLAGS: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
    "--cfg",
    "fuzzing",
];

/// Runs all targets, or the one that is named, for some seconds each.
pub(crate) fn run(seconds: u32, only: Option<&str>) -> Result<()> {
    if let Some(name) = only.filter(|name| !TARGETS.contains(name)) {
        bail!(
            "there is no target `{name}`; there are {}",
            TARGETS.join(", ")
        );
    }
    let fuzz = process::repository().join("fuzz");
    let programs = build(&fuzz)?;
    for target in TARGETS {
        if only.is_none_or(|name| name == target) {
            fuzz_one(&programs.join(target), &fuzz, target, seconds)?;
        }
    }
    Ok(())
}

/// The same for a few seconds.
pub(crate) fn for_ci() -> Result<()> {
    run(CI_SECONDS, None)
}

/// Builds all targets, and gives the folder in which they are.
fn build(fuzz: &Path) -> Result<PathBuf> {
    require_cpp()?;
    // The versions that the server is built with.
    fs::copy(
        process::repository().join("Cargo.lock"),
        fuzz.join("Cargo.lock"),
    )
    .context("Cargo.lock cannot be copied to fuzz/")?;
    // With a target named, what runs during the build has no counters in it.
    let host = process::output(cargo::rustc().args(["--print", "host-tuple"]))?;
    let host = host.trim();
    let folder = process::target().join("fuzz");
    let mut command = cargo::flagged(&FLAGS);
    command
        .args(["build", "--quiet", "--release", "--bins", "--target", host])
        .arg("--target-dir")
        .arg(&folder)
        .current_dir(fuzz);
    eprintln!("x: building the fuzz targets");
    process::run(&mut command)?;
    Ok(folder.join(host).join("release"))
}

/// libFuzzer is C++.
fn require_cpp() -> Result<()> {
    if process::find("c++").is_some() {
        return Ok(());
    }
    if debian::can_install() {
        return debian::install(&["g++"], "to build libFuzzer");
    }
    bail!("fuzzing needs a C++ compiler: install g++")
}

fn fuzz_one(program: &Path, fuzz: &Path, target: &str, seconds: u32) -> Result<()> {
    eprintln!("x: fuzzing {target} for {seconds} s");
    // What is found is kept here, what is given there.
    let folders = ["corpus", "artifacts"].map(|name| fuzz.join(name).join(target));
    for folder in &folders {
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    let [corpus, artifacts] = folders;
    let mut command = Command::new(program);
    command
        .arg(&corpus)
        .arg(fuzz.join("seeds").join(target))
        .args(["-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .current_dir(fuzz);
    process::run(&mut command).with_context(|| {
        format!(
            "a finding lies in {}; {} FILE repeats it",
            artifacts.display(),
            program.display()
        )
    })
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
        assert_eq!(names, TARGETS);
        for target in TARGETS {
            let seeds = fs::read_dir(fuzz.join("seeds").join(target)).unwrap();
            assert!(seeds.count() > 0, "{target}");
        }
    }
}
