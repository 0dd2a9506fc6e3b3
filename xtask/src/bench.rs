//! What it costs: one decision, and the whole server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::Value;

use crate::{cargo, debian, guests, npm, process};

/// Which of the two.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// One decision of a small plugin, without a server (benches/decision.rs)
    Decision,
    /// The whole server, against other hooks and other servers (benches/server)
    Server(Server),
}

/// How the whole server is measured.
#[derive(clap::Args, Default)]
pub(crate) struct Server {
    /// Only see that everything works: short counts, figures without meaning
    #[arg(long)]
    quick: bool,
    /// Turns that each variant takes [default: 7]
    #[arg(long)]
    rounds: Option<usize>,
    /// Only these: creates, patch, memory, reload
    #[arg(long, value_name = "FIGURES")]
    only: Option<String>,
    /// A directory on the disk to measure [default: target/bench]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What is compared with: a program, and the package that holds it.
const PEERS: [(&str, &str); 3] = [("nginx", "nginx-light"), ("node", "nodejs"), ("npm", "npm")];

/// Measures one of the two, or both.
pub(crate) fn run(which: Option<Bench>) -> Result<()> {
    let guests = guests::build_all()?;
    match which {
        Some(Bench::Decision) => decision(),
        Some(Bench::Server(how)) => server(&how, &guests),
        None => {
            decision()?;
            server(&Server::default(), &guests)
        }
    }
}

fn decision() -> Result<()> {
    process::run(cargo::native().args(["bench", "--bench", "decision"]))
}

fn server(how: &Server, guests: &Path) -> Result<()> {
    prepare_peers();
    eprintln!("x: building the server and its benchmark for release");
    // One after the other: built together, the server would get features of its
    // dependencies that only the benchmark asks for.
    let rustus = release(&["--package", "rustus", "--bin", "rustus"], "rustus")?;
    let bench = release(&["--package", "server-bench"], "server-bench")?;

    let mut command = Command::new(bench);
    command.arg("run").arg("--rustus").arg(rustus);
    command.arg("--guests").arg(guests);
    let peer = process::repository().join("benches/server/peer");
    command.arg("--peer").arg(peer);
    let default = || process::target().join("bench");
    command
        .arg("--dir")
        .arg(how.dir.clone().unwrap_or_else(default));
    if how.quick {
        command.arg("--quick");
    }
    if let Some(rounds) = how.rounds {
        command.args(["--rounds", &rounds.to_string()]);
    }
    if let Some(figures) = &how.only {
        command.args(["--only", figures]);
    }
    process::run(&mut command)
}

/// Installs what is missing where that is possible. What cannot be had, the
/// benchmark names in its tables.
fn prepare_peers() {
    let is_there = |program: &str| process::find(program).is_some();
    let missing: Vec<&str> = PEERS
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        let installed =
            debian::can_install() && debian::install(&missing, "to compare with").is_ok();
        if !installed {
            eprintln!(
                "x: not compared with what is missing: {}",
                missing.join(", ")
            );
        }
    }
    if let Err(error) = npm::install("benches/server/peer", "@tus/server") {
        eprintln!("x: not compared with @tus/server: {error:#}");
    }
}

/// Builds for release. Returns the program `name`, wherever cargo put it.
fn release(what: &[&str], name: &str) -> Result<PathBuf> {
    let mut command = cargo::native();
    command.args(["build", "--release", "--message-format"]);
    command.arg("json-render-diagnostics").args(what);
    let messages = process::output(&mut command)?;
    let mut programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let program = message.pointer("/executable")?.as_str()?;
        let target = message.pointer("/target/name")?.as_str()?;
        (target == name).then(|| PathBuf::from(program))
    });
    programs
        .next_back()
        .with_context(|| format!("cargo did not say where {name} is"))
}
