//! Measures the outbox, and the databases that it could stand on:
//!
//! ```sh
//! cd benches/outbox && cargo run --release            # all of it, ten minutes
//! cargo run --release -- --events 100000 --seconds 2  # a quick look
//! ```
//!
//! Results are printed as Markdown; `docs/BENCHMARKS.md` says what they mean.

#[allow(dead_code, unused_imports)]
#[path = "../../../src/hooks/outbox/mod.rs"]
mod outbox;

mod engine;
mod group;
mod whole;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use group::Load;

/// Those who wait for their event to be durable.
const PRODUCERS: usize = 64;

/// Events in a commit when only filling.
const BATCH: u64 = 1000;

struct Options {
    events: u64,
    within: Duration,
    rounds: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, name, directory, events] = arguments.as_slice()
        && mode == "fill"
    {
        return fill(name, Path::new(directory), events.parse()?);
    }
    let number = |name: &str, default: u64| -> Result<u64> {
        let at = arguments.iter().position(|argument| argument == name);
        let value = at.and_then(|at| arguments.get(at + 1));
        value.map_or(Ok(default), |value| value.parse().context("not a number"))
    };
    let options = Options {
        events: number("--events", 1_000_000)?,
        within: Duration::from_secs(number("--seconds", 5)?),
        rounds: usize::try_from(number("--rounds", 3)?)?,
    };
    rates(&options)?;
    recovery(&options)?;
    whole::measure(options.within, options.rounds, PRODUCERS)
}

fn rates(options: &Options) -> Result<()> {
    println!(
        "| durable events/s, {PRODUCERS} producers, 2 KiB | they stay | they go with the next commit |"
    );
    println!("| --- | ---: | ---: |");
    let loads = [Load::Backlog, Load::Steady];
    let mut rates = vec![[Vec::new(), Vec::new()]; engine::NAMES.len()];
    for _ in 0..options.rounds {
        for (name, rates) in engine::NAMES.into_iter().zip(&mut rates) {
            for (load, rates) in loads.into_iter().zip(rates) {
                let directory = directory()?;
                let mut engine = engine::open(name, directory.path())?;
                let rate = group::rate(&mut *engine, PRODUCERS, load, options.within)?;
                rates.push(rate);
            }
        }
    }
    for (name, [stay, go]) in engine::NAMES.into_iter().zip(rates) {
        println!("| {name} | {} | {} |", spread(stay), spread(go));
    }
    println!();
    Ok(())
}

fn recovery(options: &Options) -> Result<()> {
    let events = options.events;
    println!(
        "| after {events} events and a kill | first 1,000 read after | MiB | MiB when all are gone |"
    );
    println!("| --- | ---: | ---: | ---: |");
    for name in engine::NAMES {
        let directory = directory()?;
        let filled = Command::new(std::env::current_exe()?)
            .args(["fill", name])
            .arg(directory.path())
            .arg(events.to_string())
            .status()?;
        ensure!(!filled.success(), "the process that fills was to be killed");
        let size = size(directory.path())?;
        let begun = Instant::now();
        let mut engine = engine::open(name, directory.path())?;
        let read = engine.read(1000)?;
        let took = begun.elapsed();
        ensure!(read == 1000, "only {read} events are there");
        empty(&mut *engine, directory.path(), events)?;
        engine.shrink()?;
        drop(engine);
        drop(engine::open(name, directory.path())?);
        let empty = self::size(directory.path())?;
        println!(
            "| {name} | {:.0} ms | {size} | {empty} |",
            took.as_secs_f64() * 1e3
        );
    }
    println!();
    Ok(())
}

/// Fills a database and ends without closing it.
fn fill(name: &str, directory: &Path, events: u64) -> Result<()> {
    let mut engine = engine::open(name, directory)?;
    let mut ids = String::new();
    for first in (0..events).step_by(usize::try_from(BATCH)?) {
        let batch: Vec<_> = (first..first + BATCH).map(group::event).collect();
        for event in &batch {
            ids.push_str(&event.id);
            ids.push('\n');
        }
        engine.commit(&batch, &[])?;
    }
    std::fs::write(directory.with_extension("ids"), ids)?;
    std::process::abort()
}

fn empty(engine: &mut dyn engine::Engine, directory: &Path, events: u64) -> Result<()> {
    let file = directory.with_extension("ids");
    let ids = std::fs::read_to_string(&file)?;
    std::fs::remove_file(file)?;
    let all: Vec<_> = (0..events).zip(ids.lines().map(str::to_owned)).collect();
    for batch in all.chunks(usize::try_from(BATCH)?) {
        engine.commit(&[], batch)?;
    }
    Ok(())
}

/// Beside this crate: the temporary directory may be in memory.
fn directory() -> Result<TempDir> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::fs::create_dir_all(&target)?;
    Ok(TempDir::new_in(target)?)
}

/// In MiB.
fn size(path: &Path) -> Result<u64> {
    Ok(bytes(path)?.div_ceil(1 << 20))
}

fn bytes(path: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let file = path.metadata()?;
    if !file.is_dir() {
        // What it takes, which may be less than its length.
        return Ok(file.blocks() * 512);
    }
    path.read_dir()?
        .map(|entry| bytes(&entry?.path()))
        .sum::<Result<u64>>()
}

/// The median, with the least and the greatest.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    let (least, greatest) = (at(0), at(values.len().saturating_sub(1)));
    format!("{:.0} ({least:.0} to {greatest:.0})", at(values.len() / 2))
}
