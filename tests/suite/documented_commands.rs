//! The commands in the documentation are run, taken from the pages themselves: who
//! copies them line by line gets what the page says.
//!
//! A test opens a page and runs all of its blocks, with few words replaced: an
//! address, a port, an id. A test here looks for pages that none opens.

mod builds;
mod languages;
mod operators;
mod plugins;
mod readme;
mod registries;
mod shell_hooks;
mod sinks;

use std::fs;
use std::path::Path;

use crate::harness::markdown::files_below;
use crate::harness::transcript::{Block, Page, blocks};

/// Who runs a block that the test of its page leaves out.
enum Runner {
    /// A test of [`builds`] with this name, which `./x ci` runs after the others.
    Ci(&'static str),
    /// Nobody but who reads it, and why.
    Reader(&'static str),
}

/// Blocks that the tests of their pages leave out: the page, and how each begins.
const ELSEWHERE: [(&str, &str, Runner); 6] = [
    (
        "README.md",
        "./x demo",
        Runner::Ci("the_demo_of_the_readme_accepts_and_refuses"),
    ),
    (
        "docs/BENCHMARKS.md",
        "./x bench",
        Runner::Reader("measures for half an hour, on a machine that does nothing else"),
    ),
    (
        "docs/BENCHMARKS.md",
        "cargo build --profile profiling",
        Runner::Reader("compiles everything anew, and perf needs rights that few machines give"),
    ),
    (
        "docs/BENCHMARKS.md",
        "cd benches/outbox",
        Runner::Reader("measures for ten minutes, with 5 GiB of disk"),
    ),
    (
        "fuzz/README.md",
        "cargo fuzz run",
        Runner::Reader("is for who has cargo-fuzz; `./x fuzz` runs the same targets without it"),
    ),
    (
        "docs/shell-hooks.md",
        "#!/bin/bash",
        Runner::Reader("is what the reader comes with, for another server; nothing here runs it"),
    ),
];

/// A page of which all is to be run but what is [`ELSEWHERE`].
fn page(name: &'static str) -> Page {
    Page::open(name, |block| is_elsewhere(name, block))
}

/// The blocks of a page that begin in one of these ways.
fn part_of(name: &'static str, begins: &[&str]) -> Page {
    let is_part = |block: &Block| begins.iter().any(|begin| block.text.starts_with(begin));
    Page::open(name, |block| !is_part(block))
}

fn is_elsewhere(page: &str, block: &Block) -> bool {
    let is_this =
        |(of, begin, _): &&(&str, &str, Runner)| *of == page && block.text.starts_with(begin);
    ELSEWHERE.iter().any(|entry| is_this(&entry))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_block_of_commands_in_the_documentation_is_run_or_said_not_to_be() {
    let tests: String = files_below(&root().join("tests/suite/documented_commands"), "rs")
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let (mut run, mut left_out) = (0, Vec::new());
    for file in files_below(root(), "md") {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap();
        for block in blocks(&fs::read_to_string(&file).unwrap()) {
            if is_elsewhere(name, &block) {
                left_out.push((name.to_owned(), block));
                continue;
            }
            // A page that is opened is run to its end.
            let opened = tests.contains(&format!("page(\"{name}\")"));
            assert!(opened, "{name}: nobody runs\n{}", block.text);
            run += 1;
        }
    }
    assert!(run >= 40, "{run}");
    for (name, begin, runner) in ELSEWHERE {
        let stands =
            |(page, block): &(String, Block)| page == name && block.text.starts_with(begin);
        let count = left_out.iter().filter(|it| stands(it)).count();
        let who = match runner {
            Runner::Ci(test) => {
                assert!(tests.contains(&format!("fn {test}()")), "{test}");
                format!("which {test} runs")
            }
            Runner::Reader(why) => format!("which {why}"),
        };
        assert_eq!(count, 1, "{name}: {begin:?}, {who}");
    }
}

#[test]
#[should_panic(expected = "nobody ran")]
fn a_block_that_is_left_over_is_a_failure() {
    drop(page("docs/http-hooks.md"));
}

#[test]
#[should_panic(expected = "has no \"localhost:1\" any more")]
fn a_word_to_replace_that_is_not_there_is_a_failure() {
    page("docs/http-hooks.md").replace("localhost:1", "localhost:2");
}
