//! What the documentation says is true: its flags and keys exist and none is
//! left out, its causes and log lines stand in the code, its links lead
//! somewhere. The examples in Rust are run by the SDK's doc tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::guests::{install, replace};
use crate::harness::markdown::{files_below, prose, quoted, rows, section, slug};
use crate::harness::server::Setup;
use crate::harness::tus::{Tus, header};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Everything in `text` that looks like a flag.
fn flags(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .map(str::to_owned)
        .collect()
}

/// Everything in `text` that looks like a variable of ours.
fn variables(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("RUSTUS_"))
        .map(str::to_owned)
        .collect()
}

fn help() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rustus"))
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_reference_has_every_flag_and_variable_and_no_other() {
    let reference = read("docs/reference.md");
    let table = section(&reference, "## Flags");
    let first: String = rows(table).map(|cells| cells[0].to_owned() + " ").collect();
    let help = help();
    assert_eq!(flags(&first), flags(&help));

    let documented: String = rows(table).map(|cells| cells[1].to_owned() + " ").collect();
    assert_eq!(variables(&documented), variables(&help));
}

#[test]
fn flags_that_help_does_not_show_are_there_as_the_reference_says() {
    for arguments in [
        &["--hooks-enabled-events", "pre-create", "--help"][..],
        &["--server-workers", "2", "--help"],
    ] {
        let status = Command::new(env!("CARGO_BIN_EXE_rustus"))
            .args(arguments)
            .output()
            .unwrap()
            .status;
        assert!(status.success(), "{arguments:?}");
    }
}

#[test]
fn defaults_in_the_reference_are_those_of_the_help() {
    let reference = read("docs/reference.md");
    let help = help();
    for cells in rows(section(&reference, "## Flags")) {
        let Some(default) = quoted(cells[2]).next().filter(|_| cells[2].ends_with('`')) else {
            continue;
        };
        // That of a switch is not shown.
        if default == "false" {
            continue;
        }
        let variable = quoted(cells[1]).next().unwrap();
        let line = help
            .lines()
            .find(|line| line.contains(&format!("{variable}=")))
            .unwrap();
        assert!(line.contains(&format!("[default: {default}]")), "{line}");
    }
}

/// The keys of `NAME.toml` in a table, with the default that stands there.
fn keys(text: &str, default_in: usize) -> Vec<(String, String)> {
    rows(text)
        .map(|cells| {
            let key = quoted(cells[0]).next().unwrap().to_owned();
            (key, cells[default_in].trim_matches('`').to_owned())
        })
        .collect()
}

#[test]
fn the_guide_and_the_reference_name_the_same_keys_and_defaults() {
    let reference = read("docs/reference.md");
    let operators = read("docs/operators.md");
    let mut table = keys(section(&reference, "## NAME.toml"), 2);
    for (key, _) in &mut table {
        *key = key
            .replace("config.*", "[config]")
            .replace("secrets.*", "[secrets]");
    }
    let mut guide = keys(section(&operators, "## NAME.toml"), 1);
    for (_, default) in &mut guide {
        *default = default.replace("all it exports", "all that it exports");
    }
    assert_eq!(table, guide);
}

#[test]
fn every_documented_key_of_name_toml_is_accepted_with_its_default() {
    let reference = read("docs/reference.md");
    let (mut top, mut tables) = (String::new(), String::new());
    for (key, default) in keys(section(&reference, "## NAME.toml"), 2) {
        let value = match default.as_str() {
            "all that it exports" => "[\"pre-create\"]",
            other => other,
        };
        match key.split_once('.') {
            Some(("config", _)) => tables += "[config]\nanything = [1, 2]\n",
            Some(("secrets", _)) => tables += "[secrets]\ntoken = { env = \"UPLOAD_TOKEN\" }\n",
            Some((table, key)) => {
                let head = format!("[{table}]\n");
                if !tables.contains(&head) {
                    tables += &head;
                }
                tables += &format!("{key} = {value}\n");
            }
            None => top += &format!("{key} = {value}\n"),
        }
    }
    let operators = read("docs/operators.md");
    let example = section(&operators, "## NAME.toml")
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();

    let setup = Setup::new().with_hooks().variable("UPLOAD_TOKEN", "x");
    install(&setup.hooks_dir(), "rule-a", "rule");
    let server = setup.start();
    for text in [&format!("{top}{tables}"), example] {
        let mark = server.mark();
        replace(&server.hooks_dir().join("rule.toml"), text.as_bytes());
        server.wait_for_log_after(mark, "plugin loaded");
    }
    assert!(!server.log().contains("not loaded"), "{}", server.log());
}

#[test]
fn every_cause_has_a_row_and_every_row_a_cause() {
    let code = read("src/plugins/failure.rs");
    let function = code
        .split("const fn cause(")
        .nth(1)
        .and_then(|rest| rest.split("\n    }\n").next())
        .unwrap();
    let causes: BTreeSet<&str> = function.split('"').skip(1).step_by(2).collect();
    assert!(causes.contains("trap"), "{causes:?}");

    let operators = read("docs/operators.md");
    let table = section(&operators, "### Causes");
    let documented: BTreeSet<&str> = rows(table)
        .map(|cells| quoted(cells[0]).next().unwrap())
        .collect();
    assert_eq!(documented, causes);
}

/// The code without the ends of lines that only break a string.
fn code_below(directory: &Path) -> String {
    let mut all = String::new();
    for file in files_below(directory, "rs") {
        for line in fs::read_to_string(file).unwrap().lines() {
            let line = line.trim();
            match line.strip_suffix('\\') {
                Some(begun) => all += begun,
                None => {
                    all += line;
                    all.push('\n');
                }
            }
        }
    }
    all
}

#[test]
fn log_lines_and_answers_in_the_reference_stand_in_the_code() {
    let reference = read("docs/reference.md");
    let code = code_below(&root().join("src"));
    let mut checked = 0;
    for cells in rows(section(&reference, "## Log lines")) {
        let message = quoted(cells[1]).next().unwrap();
        assert!(code.contains(message), "{message:?} is said nowhere");
        checked += 1;
    }
    for cells in rows(section(&reference, "## Answers")) {
        let [_, text, _] = cells[..] else { continue };
        let Some(text) = quoted(text).next() else {
            continue;
        };
        let text = text.replace("NAME ", "{} ");
        assert!(code.contains(&text), "{text:?} is answered nowhere");
        checked += 1;
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn refusals_at_load_in_the_guide_stand_in_the_code() {
    let guide = read("docs/plugins.md");
    let code = code_below(&root().join("src/plugins"))
        .replace("{PACKAGE}@{VERSION}", "rustus:hooks@0.1.0");
    for cells in rows(section(&guide, "## What is refused at load")) {
        let message = cells[0].trim_matches('`').trim();
        // Where something stands that differs from case to case.
        for part in message.split('…').map(str::trim) {
            assert!(code.contains(part), "{part:?} is said nowhere");
        }
    }
}

#[test]
fn events_in_the_reference_are_those_that_there_are() {
    let reference = read("docs/reference.md");
    let table: Vec<(&str, bool)> = rows(section(&reference, "## Events"))
        .map(|cells| (quoted(cells[0]).next().unwrap(), cells[1] == "yes"))
        .collect();
    let kinds: Vec<(&str, bool)> = rustus::hooks::EventKind::ALL
        .into_iter()
        .map(|kind| (kind.name(), kind.is_blocking()))
        .collect();
    assert_eq!(table, kinds);
}

#[test]
fn what_the_reference_calls_missing_is_missing() {
    let reference = read("docs/reference.md");
    let moving = section(&reference, "## Coming from rustus 1.1");
    let missing = moving
        .split("**Different in what is there:**")
        .next()
        .unwrap();
    let first: String = rows(missing)
        .map(|cells| cells[0].to_owned() + " ")
        .collect();
    let there = flags(&help());
    for flag in flags(&first) {
        // The flag is there; what used to lie in that directory is not taken.
        if flag == "--hooks-dir" {
            continue;
        }
        // `--s3-*` stands for all that begin so.
        let found = match flag.strip_suffix('-') {
            Some(_) => there.iter().any(|other| other.starts_with(&flag)),
            None => there.contains(&flag),
        };
        assert!(!found, "{flag} is there now: say so in docs/reference.md");
    }

    let server = Setup::new().start();
    let options = Tus::new(server.files()).send("OPTIONS", &server.files(), &[], "");
    let extensions = format!("`Tus-Extension: {}`", header(&options, "tus-extension"));
    assert!(reference.contains(&extensions), "{extensions}");
}

#[test]
fn a_record_looks_as_the_guide_shows_it() {
    let operators = read("docs/operators.md");
    let shown = operators
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let server = Setup::new().start();
    Tus::new(server.files()).create(5);
    let files = server.stored_files();
    let record = files.iter().find(|name| name.ends_with(".info")).unwrap();
    let written = fs::read_to_string(server.data_dir().join(record)).unwrap();
    let keys = |json: &str| -> BTreeSet<String> {
        let value: Value = serde_json::from_str(json).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(shown), keys(&written));
}

#[test]
fn the_tasks_in_the_documentation_are_those_of_x() {
    let code = read("xtask/src/main.rs");
    let tasks: BTreeSet<String> = code
        .split("enum Task {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next())
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| {
            let name = line.split(|c: char| !c.is_alphanumeric()).next().unwrap();
            name.to_ascii_lowercase()
        })
        .collect();
    assert!(tasks.contains("demo"), "{tasks:?}");
    for file in files_below(root(), "md") {
        let text = fs::read_to_string(&file).unwrap();
        for rest in text.split("./x ").skip(1) {
            let task = rest
                .split(|c: char| !c.is_ascii_lowercase())
                .next()
                .unwrap();
            let known = task == "help" || tasks.contains(task);
            assert!(known, "{}: there is no `./x {task}`", file.display());
        }
    }
}

#[test]
fn relative_links_lead_to_files_and_headings_that_there_are() {
    let mut checked = 0;
    for file in files_below(root(), "md") {
        let text = prose(&fs::read_to_string(&file).unwrap());
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{}: {link}", file.display());
            if !anchor.is_empty() {
                let text = prose(&fs::read_to_string(&target).unwrap());
                let found = text
                    .lines()
                    .any(|line| line.starts_with('#') && slug(line) == anchor);
                assert!(found, "{}: {link} has no such heading", file.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}
