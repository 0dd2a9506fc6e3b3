//! The whole server, measured against itself with other kinds of hooks and
//! against other servers, in one run on one machine. `./x bench` builds what it
//! needs and runs it; `docs/BENCHMARKS.md` says what each figure is.
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
mod bodies;
mod body;
mod checksums;
mod child;
mod connection;
mod contest;
mod creates;
mod full;
mod goals;
mod heads;
mod load;
mod machine;
mod memory;
mod patches;
mod place;
mod plan;
mod prepared;
mod proc;
mod reload;
mod report;
mod servers;
mod stand_in;
mod statistics;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use goals::Goal;
use place::{Place, Programs};
use plan::Plan;
use stand_in::StandIn;

#[derive(Parser)]
#[command(about = "Measures the whole server; `./x bench` runs it")]
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
    /// Turns that each variant takes
    #[arg(long)]
    rounds: Option<usize>,
    /// Only these figures
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Figure>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Figure {
    /// POSTs per second
    Creates,
    /// HEADs per second
    Head,
    /// PATCHes of 4 KiB per second
    #[value(name = "patch-4k")]
    Patch4K,
    /// PATCHes of 1 MiB per second
    #[value(name = "patch-1m")]
    Patch1M,
    /// One large PATCH
    Patch,
    /// One large PATCH with a checksum
    Checksum,
    /// Many PATCHes at once
    AtOnce,
    /// Memory while bodies come
    Memory,
    /// A start with many uploads
    Start,
    /// From a plugin's change to its first answer
    Reload,
}

/// All of them, in the order of the report.
const FIGURES: [(Figure, Measure); 10] = [
    (Figure::Creates, creates::run),
    (Figure::Head, heads::run),
    (Figure::Patch4K, patches::small),
    (Figure::Patch1M, patches::large),
    (Figure::Patch, bodies::one),
    (Figure::Checksum, checksums::run),
    (Figure::AtOnce, bodies::at_once),
    (Figure::Memory, memory::run),
    (Figure::Start, full::run),
    (Figure::Reload, reload::run),
];

/// Measures, prints, and returns the goals and how far they were reached.
type Measure = fn(&Place, &Plan) -> Result<Vec<Goal>>;

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Run(run) => measure(run),
        Task::Load { address, count } => load::create(address, count).map(|created| {
            println!("{:.0} creates/s", count as f64 / created.took.as_secs_f64());
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
    open_many_files()?;
    let place = Place::new(run.programs, &run.dir)?;
    if run.quick {
        println!("**A quick run: it shows that the program works, and measures nothing.**\n");
    }
    machine::describe(&place)?;
    let mut reached = Vec::new();
    for (figure, run) in FIGURES {
        if wanted(figure) {
            reached.extend(run(&place, &plan)?);
        }
    }
    if !reached.is_empty() {
        goals::print(&reached);
    }
    Ok(())
}

/// Lets this process and the servers, which inherit it, have as many files open
/// as may be: a thousand uploads at once are more than the usual limit.
fn open_many_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, most).context("the limit of open files")
}
