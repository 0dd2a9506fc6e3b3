//! What the documentation and the help say of all this.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{BINARY, cases, compile_cache, ended, root, run, share_target, toolchain};
use crate::harness::guests::built;
use crate::harness::markdown::{quoted, rows, section};
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

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

/// The blocks of commands in a section of the guide.
fn blocks(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let guide = fs::read_to_string(root().join("docs/plugins.md")).unwrap();
    let setup = Setup::new().with_hooks();
    let server = setup.start();
    let bin = setup.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(BINARY, bin.join("rustus")).unwrap();
    let mut toolchain = toolchain();
    let path = toolchain
        .remove("PATH")
        .or_else(|| std::env::var("PATH").ok())
        .unwrap();
    let sh = |block: &str| {
        // The folder that the server of the guide watches is that of ours.
        let block = block.replace("HOOKS_DIR", server.hooks_dir().to_str().unwrap());
        let output = Command::new("/bin/sh")
            .args(["-e", "-c", &block])
            .current_dir(setup.path())
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("RUSTUS_COMPILE_CACHE_DIR", compile_cache())
            .env_remove("RUSTFLAGS")
            .envs(&toolchain)
            .output();
        let (code, out, err) = ended(&output.unwrap());
        (code, format!("{out}{err}"), block)
    };
    let mut all = blocks(section(&guide, "## First hook"));
    all.extend(blocks(section(&guide, "## Trying")));
    // What each block prints, in part, and how it ends.
    let expected = [
        ("Next:", 0),
        ("ok: the server would load it", 0),
        ("2 passed; 0 failed", 0),
        ("", 0),
        ("reject 415", 3),
        ("ok: the server would load it", 0),
        ("my-hook: loads", 0),
    ];
    assert_eq!(all.len(), expected.len(), "{all:#?}");
    for (block, (part, code)) in all.iter().zip(expected) {
        let (found, said, block) = sh(block);
        assert_eq!(found, Some(code), "{block}: {said}");
        assert!(said.contains(part), "{block}: {said}");
        if part == "Next:" {
            share_target(&setup.path().join("my-hook"));
        }
    }
    server.wait_for_log("plugin loaded");
    let refused = Tus::new(server.files()).create_with(5, &[("filename", "run.exe")]);
    assert_eq!(refused.status(), 415);
}

#[test]
fn a_hook_of_ones_own_is_made_as_the_readme_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let steps = section(&readme, "## Your first own hook in five minutes");
    let steps = blocks(steps.split("**5. Write your own.**").nth(1).unwrap());
    let [new, build] = &steps[..] else {
        panic!("{steps:#?}");
    };
    let setup = Setup::new().with_hooks();
    let server = setup.start();
    let checkout = setup.path().join("checkout");
    fs::create_dir(&checkout).unwrap();
    let sh = |block: &str| {
        let block = block
            .replace("target/debug/rustus", BINARY)
            .replace("target/demo/hooks", server.hooks_dir().to_str().unwrap());
        let output = Command::new("/bin/sh")
            .args(["-e", "-c", &block])
            .current_dir(&checkout)
            .env("RUSTUS_COMPILE_CACHE_DIR", compile_cache())
            .env_remove("RUSTFLAGS")
            .envs(toolchain())
            .output();
        let (code, out, err) = ended(&output.unwrap());
        assert_eq!(code, Some(0), "{block}: {out}{err}");
    };
    sh(new);
    share_target(&setup.path().join("my-hook"));
    sh(build);
    server.wait_for_log("plugin loaded");
    let refused = Tus::new(server.files()).create_with(5, &[("filename", "run.exe")]);
    assert_eq!(refused.status(), 415);
}

#[test]
fn a_case_as_the_guide_shows_it_is_one() {
    let guide = fs::read_to_string(root().join("docs/plugins.md")).unwrap();
    let shown = section(&guide, "## Testing");
    let shown = shown
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
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
