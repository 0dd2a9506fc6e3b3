//! A command hook: a program with a `main`, and nothing of ours in it.
//!
//! It refuses uploads whose metadata says `meme = pepe`: exit code 0 lets an
//! upload through, any other refuses it with what was written to stderr.

// What a command says, it says so.
#![allow(clippy::print_stderr)]

use std::process::ExitCode;

use serde_json::Value;

fn main() -> ExitCode {
    // The JSON is the last argument, and also on stdin. Before it stands the
    // event's name, if the module is called for all events.
    let json = std::env::args().next_back().unwrap_or_default();
    let event: Value = match serde_json::from_str(&json) {
        Ok(event) => event,
        Err(error) => {
            eprintln!("The event is no JSON: {error}");
            return ExitCode::FAILURE;
        }
    };
    let meme = event.pointer("/upload/metadata/meme");
    if meme.and_then(Value::as_str) == Some("pepe") {
        eprintln!("This meme isn't allowed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
