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
mod soak;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::harness::guarded::free_port;
use crate::harness::markdown::files_below;
use crate::harness::transcript::{Block, Page, Shell, blocks};

/// Blocks that the tests of their pages leave out: the page, how each begins, and
/// the test of [`builds`] or [`soak`] that runs it.
const ELSEWHERE: [(&str, &str, &str); 5] = [
    (
        "README.md",
        "./x demo",
        "the_demo_of_the_readme_accepts_and_refuses",
    ),
    (
        "docs/BENCHMARKS.md",
        "./x bench",
        "every_figure_is_measured_by_the_commands_of_the_page",
    ),
    (
        "docs/BENCHMARKS.md",
        "cargo build --profile profiling",
        "a_profile_is_taken_by_the_commands_of_the_page",
    ),
    (
        "docs/BENCHMARKS.md",
        "cd benches/outbox",
        "the_outbox_is_compared_by_the_commands_of_the_page",
    ),
    (
        "fuzz/README.md",
        "mkdir -p corpus",
        "cargo_fuzz_runs_a_target_as_its_page_says",
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
        |(of, begin, _): &&(&str, &str, &str)| *of == page && block.text.starts_with(begin);
    ELSEWHERE.iter().any(|entry| is_this(&entry))
}

/// The port of the pages, unless somebody has it.
fn port_of_the_pages() -> u16 {
    const DOCUMENTED: u16 = 1081;
    match TcpListener::bind(("127.0.0.1", DOCUMENTED)) {
        Ok(_) => DOCUMENTED,
        Err(_) => free_port(),
    }
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
    for (name, begin, test) in ELSEWHERE {
        let stands =
            |(page, block): &(String, Block)| page == name && block.text.starts_with(begin);
        let count = left_out.iter().filter(|it| stands(it)).count();
        assert_eq!(count, 1, "{name}: {begin:?}");
        assert!(tests.contains(&format!("fn {test}()")), "{test}");
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

/// The commands of `rustus` that stand between backticks in running text.
fn inline_commands(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let text = page.split("```").step_by(2);
    let code = text.flat_map(|text| text.split('`').skip(1).step_by(2));
    let commands = code.filter_map(|code| code.strip_prefix("rustus "));
    commands.map(|command| command.split_whitespace().collect())
}

#[test]
fn commands_in_running_text_have_names_and_flags_that_there_are() {
    let is_name = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut helps = BTreeMap::new();
    let mut seen = 0;
    for file in files_below(root(), "md") {
        let page = fs::read_to_string(&file).unwrap();
        for command in inline_commands(&page) {
            // Names come first: two of them at most, then what is meant.
            let names: Vec<_> = command
                .iter()
                .take(2)
                .take_while(is_name)
                .copied()
                .collect();
            if names.is_empty() {
                continue;
            }
            seen += 1;
            let help = helps.entry(names.join(" ")).or_insert_with(|| {
                let asked = format!("rustus {} --help", names.join(" "));
                Shell::new().run(&Block::of_ours(asked))
            });
            for flag in command.iter().filter(|word| word.starts_with("--")) {
                let place = format!("{}: `rustus {}`", file.display(), command.join(" "));
                assert!(help.contains(flag), "{place}: {flag} is not in\n{help}");
            }
        }
    }
    assert!(seen >= 30, "{seen}");
}
