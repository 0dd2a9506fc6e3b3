//! Code in the documentation, beside what the Rust SDK's own tests compile: excerpts
//! are those of the files that they name, and Python runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::programs::is_there;

const PAGES: [&str; 3] = ["plugins.md", "capabilities.md", "languages.md"];

/// Runs a block, and calls each function that it defines with an event.
const RUN: &str = "\
import inspect, sys
from rustus_hook import EventKind, testing
testing.secrets({'token': 't'})
names = {'__name__': 'block'}
exec(compile(sys.stdin.read(), 'block', 'exec'), names)
hooks = [it for it in names.values() if inspect.isfunction(it) and it.__module__ == 'block']
assert hooks, 'no function'
for hook in hooks:
    for headers in ({}, {'x-owner': 'ann', 'x-token': 't'}):
        event = testing.event({'filename': 'a.txt', 'owner': 'ann'}, headers=headers)
        kind = [EventKind.POST_FINISH] * (len(inspect.signature(hook).parameters) - 1)
        hook(*kind, event)
";

fn docs() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs"))
}

/// The blocks of code of a page in these languages, each with the paragraph before it.
fn blocks<'a>(page: &'a str, languages: &[&str]) -> Vec<(&'a str, &'a str)> {
    let parts: Vec<&str> = page.split("```").collect();
    let pairs = parts.chunks_exact(2).filter_map(|pair| {
        let [before, block] = pair else { return None };
        let (language, code) = block.split_once('\n')?;
        let paragraph = before.trim_end().rsplit("\n\n").next()?;
        languages.contains(&language).then_some((paragraph, code))
    });
    pairs.collect()
}

/// The file that an excerpt is said to be from.
fn source(paragraph: &str) -> Option<&str> {
    let is_said = paragraph.contains("From [") || paragraph.contains("; from [");
    let link = paragraph.split("](").nth(1)?.split(')').next()?;
    is_said.then_some(link)
}

#[test]
fn excerpts_stand_in_the_files_that_they_are_from() {
    let mut checked = 0;
    for page in PAGES {
        let text = fs::read_to_string(docs().join(page)).unwrap();
        for (paragraph, code) in blocks(&text, &["python", "rust,ignore"]) {
            let Some(file) = source(paragraph) else {
                continue;
            };
            let whole = fs::read_to_string(docs().join(file)).unwrap();
            assert!(whole.contains(code), "{page}: not in {file}:\n{code}");
            checked += 1;
        }
    }
    assert!(checked >= 6, "{checked}");
}

#[test]
fn code_in_rust_that_is_not_compiled_is_an_excerpt() {
    for page in PAGES {
        let text = fs::read_to_string(docs().join(page)).unwrap();
        for (paragraph, code) in blocks(&text, &["rust,ignore"]) {
            assert!(source(paragraph).is_some(), "{page}:\n{code}");
        }
    }
}

#[test]
fn python_in_the_documentation_runs() {
    if !is_there("python3", "--version") {
        return;
    }
    let sdk = docs().parent().unwrap().join("sdk/python");
    let mut ran = 0;
    for page in PAGES {
        let text = fs::read_to_string(docs().join(page)).unwrap();
        for (paragraph, code) in blocks(&text, &["python"]) {
            if source(paragraph).is_some() {
                continue;
            }
            let directory = tempfile::tempdir().unwrap();
            let block = directory.path().join("block.py");
            fs::write(&block, code).unwrap();
            let output = Command::new("python3")
                .args(["-c", RUN])
                .stdin(fs::File::open(block).unwrap())
                .env("PYTHONPATH", &sdk)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{page}:\n{code}\n{said}");
            ran += 1;
        }
    }
    assert!(ran >= 8, "{ran}");
}
