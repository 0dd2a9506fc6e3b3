//! What the documentation and the help say of all this.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{BINARY, cases, ended, root, run};
use crate::harness::guests::built;
use crate::harness::markdown::{code, quoted, rows, section};

#[test]
fn completions_know_the_commands_and_the_languages() {
    for (shell, sign) in [
        ("bash", "complete -F _rustus"),
        ("zsh", "#compdef rustus"),
        ("fish", "complete -c rustus"),
    ] {
        let output = Command::new(BINARY)
            .args(["completions", shell])
            .env_clear()
            .output();
        let (code, out, err) = ended(&output.unwrap());
        assert_eq!(code, Some(0), "{err}");
        for part in [sign, "inspect", "hooks-dir", "rust"] {
            assert!(out.contains(part), "{shell}: {part}");
        }
    }
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let script = Command::new(BINARY)
        .args(["completions", "bash"])
        .env_clear()
        .output();
    bash.stdin
        .take()
        .unwrap()
        .write_all(&script.unwrap().stdout)
        .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_read_enough_is_no_trouble() {
    let mut command = Command::new(BINARY);
    command
        .args(["completions", "bash"])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    drop(running.stdout.take());
    let (code, _, err) = ended(&running.wait_with_output().unwrap());
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

/// Every command below `rustus COMMAND`, with its help.
fn commands(command: &[&str]) -> Vec<(String, String)> {
    let help = Command::new(BINARY)
        .args(command)
        .arg("--help")
        .env_clear()
        .output();
    let (code, help, err) = ended(&help.unwrap());
    assert_eq!(code, Some(0), "{err}");
    let list = help
        .split("Commands:\n")
        .nth(1)
        .map(|rest| rest.split("\n\n").next().unwrap());
    let names = list.unwrap_or_default().lines();
    let names = names.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let mut all = Vec::new();
    for name in names.filter(|name| *name != "help") {
        let below = [command, &[name]].concat();
        let help = Command::new(BINARY)
            .args(&below)
            .arg("--help")
            .env_clear()
            .output();
        let (_, help, _) = ended(&help.unwrap());
        match help.contains("\nCommands:\n") {
            true => all.extend(commands(&below)),
            false => all.push((below.join(" "), help)),
        }
    }
    all
}

#[test]
fn the_reference_has_every_command_and_no_other() {
    let reference = fs::read_to_string(root().join("docs/reference.md")).unwrap();
    let table = section(&reference, "## Commands");
    let documented: Vec<String> = rows(table)
        .map(|cells| quoted(cells[0]).next().unwrap())
        .map(|usage| {
            let words = usage.split(' ').skip(1);
            let is_name = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
            words.take_while(is_name).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let there = commands(&[]);
    let there: Vec<_> = there.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(documented, there);
}

#[test]
fn the_help_of_what_authors_do_has_examples() {
    for (name, help) in commands(&["plugin"]) {
        let own = ["new", "build", "check", "run", "test", "list", "inspect"];
        if own.iter().any(|own| name == format!("plugin {own}")) {
            assert!(help.contains(&format!("\n  rustus {name}")), "{help}");
        }
    }
}

#[test]
fn a_case_as_the_guide_shows_it_is_one() {
    let guide = fs::read_to_string(root().join("docs/plugins.md")).unwrap();
    let shown = code(section(&guide, "## Testing"), "toml");
    let directory = cases(&[("shown.toml", shown)]);
    let module = built("refuse-meme");
    let place = directory.path().to_str().unwrap();
    let found = run(&[
        "test",
        place,
        "--plugin",
        module.to_str().unwrap(),
        "--json",
    ]);
    let first: Value = serde_json::from_str(found.1.lines().next().unwrap()).unwrap();
    // It was read and put to a module, whatever that answered.
    assert!(first["decision"].is_string(), "{first}");
    assert!(found.2.is_empty(), "{}", found.2);
}
