//! The whole server, measured against itself with other kinds of hooks and
//! against other servers, in one run on one machine. `./x bench server` builds
//! what it needs and runs it; `docs/BENCHMARKS.md` says what each figure is.
//!
//! What holds:
//! - Variants take turns, round after round, so that whatever else the machine
//!   does meets all of them. A ratio is taken within a round; what is printed is
//!   the median over the rounds.
//! - Every server is started here, on a free port of the loopback interface and
//!   with a directory of its own, and ended here.
//! - Every wait has an end. A server that cannot be had is named in the tables.

// It prints a document to stdout and its progress to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod answer;
mod big_patch;
mod child;
mod connection;
mod creates;
mod load;
mod machine;
mod memory;
mod place;
mod plan;
mod proc;
mod reload;
mod report;
mod servers;
mod stand_in;
mod statistics;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use place::{Place, Programs};
use plan::Plan;
use stand_in::StandIn;

#[derive(Parser)]
#[command(about = "Measures the whole server; `./x bench server` runs it")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure everything and print it as Markdown
    Run(Run),
    /// Create uploads on a server that runs, to look at it with other tools
    Load {
        /// Where it listens
        #[arg(long)]
        address: SocketAddr,
        /// How many
        #[arg(long, default_value_t = Plan::FULL.creates)]
        count: usize,
    },
    /// Be the server that decides in another way; started by `run`
    StandIn(StandIn),
    /// Be the service that answers 200 to every hook; started by `run`
    HookService {
        /// The port to listen on
        #[arg(long)]
        port: u16,
    },
}

#[derive(clap::Args)]
struct Run {
    #[command(flatten)]
    programs: Programs,
    /// Where the servers keep their files: a directory on the disk to measure
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Only see that everything works: short counts, figures without meaning
    #[arg(long)]
    quick: bool,
    /// Turns that each variant of creating and of sending takes
    #[arg(long)]
    rounds: Option<usize>,
    /// Only these figures
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Figure>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Figure {
    Creates,
    Patch,
    Memory,
    Reload,
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Run(run) => measure(run),
        Task::Load { address, count } => load::create(address, count).map(|took| {
            println!("{:.0} creates/s", count as f64 / took.as_secs_f64());
        }),
        Task::StandIn(stand_in) => stand_in.serve(),
        Task::HookService { port } => stand_in::serve_hooks(port),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(run: Run) -> Result<()> {
    let mut plan = if run.quick { Plan::QUICK } else { Plan::FULL };
    plan.rounds = run.rounds.unwrap_or(plan.rounds).max(1);
    let wanted = |figure| run.only.is_empty() || run.only.contains(&figure);
    let place = Place::new(run.programs, &run.dir)?;
    if run.quick {
        println!("**A quick run: it shows that the program works, and measures nothing.**\n");
    }
    machine::describe(&place)?;
    for (figure, run) in [
        (Figure::Creates, creates::run as fn(&Place, &Plan) -> _),
        (Figure::Patch, big_patch::run),
        (Figure::Memory, memory::run),
        (Figure::Reload, reload::run),
    ] {
        if wanted(figure) {
            run(&place, &plan)?;
        }
    }
    Ok(())
}
