//! docs/languages.md and the READMEs of projects in other languages than Rust.
//!
//! What installs a compiler is not run again: `./x test` has installed the same
//! versions, and the rest is run with those.

use serde_json::Value;

use super::{page, read};
use crate::harness::markdown::section;
use crate::harness::project::{NAME, Project};
use crate::harness::transcript::{Block, Page};

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
        follow(language, title, steps);
    }
}

fn only_block(mut page: Page) -> Block {
    page.next("")
}

fn follow(language: &str, title: &str, steps: &str) {
    let Some(project) = Project::new(language) else {
        return;
    };
    let plugin: toml::Table = project.read("plugin.toml").parse().unwrap();
    let needs = plugin["build"]["needs"].as_array().unwrap();
    let install = |need: &toml::Value| need["install"].as_str().unwrap().to_owned();
    let installs: Vec<String> = needs.iter().map(install).collect();
    let pages = read("docs/languages.md");
    for install in &installs {
        let said =
            steps.contains(install) || section(&pages, &format!("## {title}")).contains(install);
        assert!(said, "{install}");
        installs_what_the_tests_do(&project, install);
    }
    for line in steps.lines() {
        match line {
            line if installs.iter().any(|install| install == line) => {}
            "rustus plugin build" => drop(project.component()),
            "rustus plugin test" => {
                let said = project.rustus(&["test"]);
                assert!(said.contains("3 passed; 0 failed"), "{said}");
            }
            line => project.shell(line),
        }
    }
}

/// The versions that the line installs are those that `./x test` does.
fn installs_what_the_tests_do(project: &Project, line: &str) {
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
        let theirs = versions(&project.read("package.json"));
        for (package, version) in theirs.as_object().unwrap() {
            assert_eq!(&ours[package], version, "{package}");
        }
    }
}
