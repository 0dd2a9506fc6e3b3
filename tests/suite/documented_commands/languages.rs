//! docs/languages.md and the READMEs of projects in other languages than Rust.
//!
//! Compilers are installed as the lines say, into each project, and nothing else
//! builds it. The other tests build with those of `./x test`: the same versions.

use std::fs;

use serde_json::Value;

use super::{page, read};
use crate::harness::markdown::section;
use crate::harness::programs::is_there;
use crate::harness::project::{NAME, one_compiler};
use crate::harness::transcript::{Block, Page, Shell};

#[test]
fn the_page_on_languages_and_the_readmes_of_projects_do_what_they_say() {
    let mut all = page("docs/languages.md");
    for (language, title, readme) in [
        ("python", "Python", page("sdk/python/template/README.md")),
        (
            "javascript",
            "JavaScript",
            page("sdk/javascript/template/README.md"),
        ),
        (
            "typescript",
            "TypeScript",
            page("sdk/typescript/template/README.md"),
        ),
        ("go", "Go", page("sdk/go/template/README.md")),
        ("c", "C", page("sdk/c/template/README.md")),
    ] {
        let new = format!("rustus plugin new {NAME} --lang {language} && cd {NAME}\n");
        let steps = all.next(&new);
        let steps = &steps.text[new.len()..];
        let readme = only_block(readme);
        assert_eq!(steps, readme.text, "the page and the README differ");
        follow(language, title, &new, steps);
    }
}

fn only_block(mut page: Page) -> Block {
    page.next("")
}

/// Runs the lines in a new project, each as it stands there.
fn follow(language: &str, title: &str, new: &str, steps: &str) {
    let there = match language {
        "python" | "c" => is_there("python3", "--version"),
        "javascript" | "typescript" => is_there("npm", "--version"),
        _ => is_there("go", "version"),
    };
    if !there {
        return;
    }
    let shell = Shell::new();
    shell.run(&Block::of_ours(new));
    let project = shell.at(NAME);
    let installs = installs(&project);
    let page = read("docs/languages.md");
    for install in &installs {
        let said =
            steps.contains(install) || section(&page, &format!("## {title}")).contains(install);
        assert!(said, "{install}");
        installs_what_the_tests_do(&project, install);
    }
    for line in steps.lines().map(Block::of_ours) {
        if installs.contains(&line.text) {
            if !install(&project, &line) {
                return;
            }
            continue;
        }
        let _one = one_compiler();
        let said = project.run(&line);
        let part = match (line.text.as_str(), language) {
            // A command is loaded under the name of an event.
            ("rustus plugin build", "go") => "--hooks-file",
            ("rustus plugin build", _) => "the server would load it",
            ("rustus plugin test", _) => "3 passed; 0 failed",
            _ => "",
        };
        assert!(said.contains(part), "{said}");
    }
}

/// What the project says where a compiler is missing.
fn installs(project: &Shell) -> Vec<String> {
    let plugin: toml::Table = in_project(project, "plugin.toml").parse().unwrap();
    let needs = plugin["build"]["needs"].as_array().unwrap();
    let install = |need: &toml::Value| need["install"].as_str().unwrap().to_owned();
    needs.iter().map(install).collect()
}

/// Whether it was installed. In CI it has to be; elsewhere a registry may be out of
/// reach.
fn install(project: &Shell, line: &Block) -> bool {
    let (code, said) = project.try_run(line);
    let done = code == Some(0);
    let in_ci = std::env::var_os("CI").is_some();
    assert!(done || !in_ci, "{}\n{said}", line.text);
    if !done {
        eprintln!("skipped: `{}` fails: {said}", line.text);
    }
    done
}

fn in_project(project: &Shell, file: &str) -> String {
    fs::read_to_string(project.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The versions that the line installs are those that `./x test` does.
fn installs_what_the_tests_do(project: &Shell, line: &str) {
    let ours = read("tests/clients/python/hooks.txt");
    for package in line.split(' ').filter(|word| word.contains("==")) {
        assert!(ours.lines().any(|line| line == package), "{package}");
    }
    if line == "npm install" {
        let versions = |manifest: &str| -> Value {
            let manifest: Value = serde_json::from_str(manifest).unwrap();
            manifest["devDependencies"].clone()
        };
        let ours = versions(&read("tests/clients/hooks/package.json"));
        let theirs = versions(&in_project(project, "package.json"));
        for (package, version) in theirs.as_object().unwrap() {
            assert_eq!(&ours[package], version, "{package}");
        }
    }
}
