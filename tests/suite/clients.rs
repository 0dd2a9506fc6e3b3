//! Real clients: `tus-js-client` on Node and `tuspy`, accepted and refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

/// A client's program and script, if its packages are installed.
struct Client {
    name: &'static str,
    program: PathBuf,
    script: PathBuf,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The clients that this machine has. In CI (`CI` is set) a missing one fails
/// the test; elsewhere it is skipped by name.
fn clients() -> Vec<Client> {
    let node = root().join("tests/clients/node");
    let python = root().join("target/venv/bin/python");
    let all = [
        (
            node.join("node_modules/tus-js-client").exists(),
            "tus-js-client",
            "node".into(),
            node.join("upload.mjs"),
        ),
        (
            python.exists(),
            "tuspy",
            python,
            root().join("tests/clients/python/upload.py"),
        ),
    ];
    let mut present = Vec::new();
    for (there, name, program, script) in all {
        if there {
            present.push(Client {
                name,
                program,
                script,
            });
        } else {
            assert!(std::env::var_os("CI").is_none(), "{name} is not installed");
            eprintln!("skipped: {name} is not installed (`./x test` installs it)");
        }
    }
    present
}

impl Client {
    fn upload(&self, server: &Server, file: &Path, options: &[&str]) -> Value {
        let output = Command::new(&self.program)
            .arg(&self.script)
            .arg(format!("{}/", server.files()))
            .arg(file)
            .args(options)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let line = printed.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| {
            panic!(
                "{}: {error}: {printed}{}",
                self.name,
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }
}

#[test]
fn real_clients_upload_and_are_refused_by_the_example() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "refuse-meme", "refuse-meme");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let file = setup.path().join("holiday ü.bin");
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 253) as u8).collect();
    fs::write(&file, &content).unwrap();

    for client in clients() {
        for options in [&["meme=doge"][..], &["meme=doge", "--chunk", "700000"]] {
            let result = client.upload(&server, &file, options);
            assert_eq!(result["ok"], true, "{}: {result}", client.name);
            let url = result["url"].as_str().unwrap();
            assert_eq!(tus.get(url).bytes().unwrap(), content, "{}", client.name);
        }
        let result = client.upload(&server, &file, &["meme=pepe"]);
        assert_eq!(result["ok"], false, "{}: {result}", client.name);
        assert_eq!(result["status"], 400, "{}: {result}", client.name);
        assert_eq!(
            result["body"], "Pepe is not welcome here.",
            "{}",
            client.name
        );
    }
}

#[test]
fn an_empty_file_is_an_upload_too() {
    let setup = Setup::new();
    let server = setup.start();
    let file = setup.path().join("empty");
    fs::write(&file, "").unwrap();
    for client in clients() {
        let result = client.upload(&server, &file, &[]);
        assert_eq!(result["ok"], true, "{}: {result}", client.name);
    }
}

#[test]
fn parts_that_a_client_uploads_in_parallel_become_one_upload() {
    let setup = Setup::new().argument("--remove-parts");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let file = setup.path().join("parts.bin");
    let content: Vec<u8> = (0..2_000_003_u32).map(|n| (n % 253) as u8).collect();
    fs::write(&file, &content).unwrap();
    // tuspy cannot.
    for client in clients()
        .iter()
        .filter(|client| client.name == "tus-js-client")
    {
        let options = ["--parallel", "4", "--chunk", "300000"];
        let result = client.upload(&server, &file, &options);
        assert_eq!(result["ok"], true, "{result}");
        let url = result["url"].as_str().unwrap();
        assert!(tus.get(url).bytes().unwrap() == content);
        // One upload has bytes.
        let data: Vec<_> = server
            .stored_files()
            .into_iter()
            .filter(|name| !name.ends_with(".info"))
            .collect();
        assert_eq!(data.len(), 1, "{data:?}");
    }
}
