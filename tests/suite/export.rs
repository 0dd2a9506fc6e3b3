//! The plugins that are part of the server can be taken out of it.

use std::fs;
use std::process::{Command, Output};

use crate::harness::guests::bytes;

fn export(name: &str, into: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rustus"))
        .args(["plugin", "export", name, "--into", into])
        .env_clear()
        .output()
        .unwrap()
}

#[test]
fn each_built_in_plugin_is_written_as_it_was_built() {
    let directory = tempfile::tempdir().unwrap();
    let into = directory.path().to_str().unwrap();
    for name in ["http", "grpc", "amqp", "kafka"] {
        let output = export(name, into);
        assert!(output.status.success(), "{output:?}");
        let file = directory.path().join(format!("{name}.wasm"));
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.trim_end(), file.to_str().unwrap());
        assert!(fs::read(file).unwrap() == bytes(name), "{name}");
    }
}

#[test]
fn what_cannot_be_exported_is_said() {
    for (name, into, parts) in [
        (
            "nats",
            ".",
            ["no built-in plugin nats", "http, grpc, amqp, kafka"],
        ),
        (
            "http",
            "/no/where",
            ["cannot write /no/where/http.wasm", "No such file"],
        ),
    ] {
        let output = export(name, into);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        for part in parts {
            assert!(said.contains(part), "{said}");
        }
    }
}
