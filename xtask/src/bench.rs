//! What it costs: one decision, and the whole server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{cargo, clients, debian, guests, npm, process};

/// What is measured, and how.
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Only see that everything works: short counts, figures without meaning
    #[arg(long)]
    quick: bool,
    /// Turns that each server takes [default: 7]
    #[arg(long)]
    rounds: Option<usize>,
    /// Only these, separated by commas: decision (benches/decision.rs),
    /// blocking-http (benches/blocking_http.rs), events (benches/events: uploads
    /// whose events go to a broker), and of the whole
    /// server (benches/server) creates, head, patch-4k, patch-1m, patch, checksum, at-once,
    /// memory, start, reload
    #[arg(long, value_name = "FIGURES", value_delimiter = ',')]
    only: Vec<String>,
    /// A directory on the disk to measure [default: target/bench]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The figures that need no server, and the benchmarks that measure them.
const CALLS: [(&str, &str); 2] = [("decision", "decision"), ("blocking-http", BLOCKING_HTTP)];

/// The one that asks FastAPI too.
const BLOCKING_HTTP: &str = "blocking_http";

/// The figures that need brokers.
const EVENTS: &str = "events";

/// What builds the server.
const SERVER: [&str; 6] = [
    "build",
    "--release",
    "--package",
    "rustus",
    "--bin",
    "rustus",
];

/// What builds a publisher that does nothing else.
const PUBLISHER: [&str; 4] = ["bench", "--no-run", "--bench", "bare_publisher"];

/// What is compared with: a program, and the package that holds it.
const PEERS: [(&str, &str); 3] = [("nginx", "nginx-light"), ("node", "nodejs"), ("npm", "npm")];

/// Measures all that is wanted.
pub(crate) fn run(how: &Bench) -> Result<()> {
    let guests = guests::build_all()?;
    let everything = how.only.is_empty();
    let of_server: Vec<&str> = how
        .only
        .iter()
        .map(String::as_str)
        .filter(|figure| *figure != EVENTS && CALLS.iter().all(|(call, _)| call != figure))
        .collect();
    let wants = |figure: &str| everything || how.only.iter().any(|wanted| wanted == figure);
    for (figure, benchmark) in CALLS {
        if wants(figure) {
            calls(benchmark, how.quick)?;
        }
    }
    if wants(EVENTS) {
        events(how)?;
    }
    if everything || !of_server.is_empty() {
        server(how, &of_server, &guests)?;
    }
    Ok(())
}

/// Uploads whose events go to Kafka and to RabbitMQ.
fn events(how: &Bench) -> Result<()> {
    clients::prepare()?;
    if process::find("wrk").is_none() || process::find("nginx").is_none() {
        debian::install(
            &["wrk", "nginx-light"],
            "to make load, and to be told by HTTP",
        )?;
    }
    eprintln!("x: building the server for release");
    let rustus = release(&SERVER, "rustus")?;
    let publisher = release(&PUBLISHER, "bare_publisher")?;
    let mut command = Command::new("python3");
    command
        .arg(process::repository().join("benches/events/run.py"))
        .arg("--rustus")
        .arg(rustus)
        .arg("--publisher")
        .arg(publisher)
        .arg("--kafka")
        .arg(process::target().join("kafka"))
        .arg("--dir")
        .arg(
            how.dir
                .clone()
                .unwrap_or_else(|| process::target().join("bench-events")),
        );
    if how.quick {
        command.args(["--rounds", "1", "--seconds", "2"]);
    } else if let Some(rounds) = how.rounds {
        command.args(["--rounds", &rounds.to_string()]);
    }
    process::run(&mut command)
}

fn calls(benchmark: &str, quick: bool) -> Result<()> {
    let mut command = cargo::native();
    command.args(["bench", "--bench", benchmark]);
    if benchmark == BLOCKING_HTTP {
        match clients::fast_api() {
            Ok(python) => {
                command.env("RUSTUS_BENCH_PYTHON", python);
            }
            Err(error) => eprintln!("x: not measured with FastAPI: {error:#}"),
        }
    }
    if quick {
        command.args(["--", "--quick"]);
    }
    process::run(&mut command)
}

/// Of `figures`, or of all if there are none.
fn server(how: &Bench, figures: &[&str], guests: &Path) -> Result<()> {
    prepare_peers();
    eprintln!("x: building the server and its benchmark for release");
    // One after the other: built together, the server would get features of its
    // dependencies that only the benchmark asks for.
    let rustus = release(&SERVER, "rustus")?;
    let bench = release(
        &["build", "--release", "--package", "server-bench"],
        "server-bench",
    )?;

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
    if !figures.is_empty() {
        command.args(["--only", &figures.join(",")]);
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

/// Has cargo build for release. Returns the program `name`, wherever cargo put it.
fn release(how: &[&str], name: &str) -> Result<PathBuf> {
    let mut command = cargo::native();
    command.args(how);
    command.args(["--message-format", "json-render-diagnostics"]);
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
