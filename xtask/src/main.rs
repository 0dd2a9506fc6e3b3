//! The repository's tasks: `./x help` lists them.

// A task talks to the person who started it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod cargo;
mod ci;
mod clients;
mod debian;
mod demo;
mod fuzz;
mod go;
mod guests;
mod npm;
mod once;
mod place;
mod process;
mod smoke;
mod test;
mod tool;
mod toolchain;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "x",
    bin_name = "./x",
    about = "The tasks of this repository",
    version
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build all guests of the repository into target/guests
    Guests,
    /// Build one guest crate and put its component into a folder
    Plugin {
        /// The crate's folder, inside or outside this repository
        path: PathBuf,
        /// Where NAME.wasm goes [default: target/guests]
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Find or install what builds guests, and print the variables with which cargo
    /// does
    Toolchain,
    /// Build the server and one plugin, and start them
    Demo {
        /// The port to listen on
        #[arg(long, default_value_t = 1081)]
        port: u16,
        /// Send one upload that is refused and one that is not, and stop
        #[arg(long)]
        once: bool,
    },
    /// Set up what the tests need, and run them
    Test {
        /// Only tests whose name holds this
        filter: Option<String>,
    },
    /// Run the tests over sockets and the property tests with all repetitions, and the
    /// commands of the documentation that measure (about two hours)
    Soak {
        /// Only tests whose name holds this
        filter: Option<String>,
    },
    /// Search for inputs that what reads them cannot bear
    Fuzz {
        /// How long each target runs
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u32,
        /// Only this target
        target: Option<String>,
    },
    /// Measure one decision and the whole server (docs/BENCHMARKS.md)
    Bench(bench::Bench),
    /// Check formatting, lints, docs and dependencies, run the tests, build as the
    /// documentation says, fuzz a little
    Ci,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("x: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Guests => guests::build_all().map(drop),
        Task::Plugin { path, into } => guests::build_one(&path, into.as_deref()).map(drop),
        Task::Toolchain => toolchain::Toolchain::find().map(|found| {
            for (name, value) in found.environment() {
                println!("{name}={}", value.display());
            }
        }),
        Task::Demo { port, once } => demo::run(port, once),
        Task::Test { filter } => test::run(filter.as_deref()),
        Task::Soak { filter } => test::soak(filter.as_deref()),
        Task::Fuzz { seconds, target } => fuzz::run(seconds, target.as_deref()),
        Task::Bench(how) => bench::run(&how),
        Task::Ci => ci::run(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::error::ErrorKind;

    use super::*;

    /// What stands behind each `./x` of a page, up to the end of the line or code.
    fn commands(page: &str) -> impl Iterator<Item = &str> {
        page.split("./x ").skip(1).filter_map(|rest| {
            let end = rest.find(['\n', '`', '#'])?;
            rest.get(..end)
        })
    }

    #[test]
    fn every_task_that_the_documentation_names_is_there_with_its_flags() {
        let mut seen = 0;
        for folder in ["", "docs", "fuzz"] {
            let folder = process::repository().join(folder);
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none_or(|extension| extension != "md") {
                    continue;
                }
                let page = fs::read_to_string(&path).unwrap();
                for command in commands(&page) {
                    seen += 1;
                    let words = ["x"].into_iter().chain(command.split_whitespace());
                    let Err(error) = Cli::try_parse_from(words) else {
                        continue;
                    };
                    // Where a task is only named, what it needs may be left out.
                    let named = [ErrorKind::DisplayHelp, ErrorKind::MissingRequiredArgument];
                    let path = path.display();
                    assert!(named.contains(&error.kind()), "{path}: {command}: {error}");
                }
            }
        }
        assert!(seen >= 20, "{seen}");
    }
}
