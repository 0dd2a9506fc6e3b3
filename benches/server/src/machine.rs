//! What the figures were taken on, and with.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::place::Place;
use crate::servers::ask;

/// Prints it.
pub(crate) fn describe(place: &Place) -> Result<()> {
    let facts = [
        ("commit", commit()),
        ("processor", processor()?),
        ("memory", memory()?),
        ("kernel", kernel()?),
        ("file system", file_system(place.root())?),
        ("rustc", program("rustc", "--version")),
        ("nginx", program("nginx", "-v")),
        ("node", program("node", "--version")),
        ("@tus/server", package(place, "@tus/server")),
        ("@tus/file-store", package(place, "@tus/file-store")),
    ];
    println!("### The machine\n\n| | |\n| --- | --- |");
    for (name, fact) in facts {
        println!("| {name} | {fact} |");
    }
    println!();
    Ok(())
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// The value of the first line that begins with `name` and a colon.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(other, _)| other.trim() == name)?;
    Some(value.trim())
}

fn processor() -> Result<String> {
    let text = read("/proc/cpuinfo")?;
    let model = value(&text, "model name").unwrap_or(env::consts::ARCH);
    let cores = std::thread::available_parallelism().context("the number of processors")?;
    Ok(format!("{cores} x {model}"))
}

fn memory() -> Result<String> {
    let text = read("/proc/meminfo")?;
    let total = value(&text, "MemTotal").and_then(|total| total.strip_suffix(" kB"));
    let kib: u64 = total.unwrap_or_default().parse().context("MemTotal")?;
    Ok(format!("{:.1} GiB", kib as f64 / f64::from(1 << 20)))
}

fn kernel() -> Result<String> {
    Ok(read("/proc/sys/kernel/osrelease")?.trim().to_owned())
}

/// The type of the file system that `path` is on: that of the longest mount
/// point above it, the last one of them.
fn file_system(path: &Path) -> Result<String> {
    let path = path.canonicalize().context("the directory's path")?;
    let mounts = read("/proc/self/mounts")?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounts.filter(|(point, _)| path.starts_with(point));
    let found = above.max_by_key(|(point, _)| point.len());
    Ok(found.map_or("unknown", |(_, kind)| kind).to_owned())
}

fn program(name: &str, argument: &str) -> String {
    let said = ask(name, argument).unwrap_or_else(|_| "missing".to_owned());
    said.trim_start_matches("nginx version: ").to_owned()
}

fn package(place: &Place, name: &str) -> String {
    let path = place.programs().peer.join("node_modules").join(name);
    let version = || -> Option<String> {
        let text = fs::read(path.join("package.json")).ok()?;
        let package: serde_json::Value = serde_json::from_slice(&text).ok()?;
        Some(package.get("version")?.as_str()?.to_owned())
    };
    version().unwrap_or_else(|| "missing".to_owned())
}

fn commit() -> String {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let said = git.output().ok().filter(|output| output.status.success());
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.unwrap_or_else(|| "unknown".to_owned())
}
