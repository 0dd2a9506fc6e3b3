//! A command hook for the server's tests: it does what the upload's metadata
//! says, `behave` for `pre-create`, `behave-pre-finish` for `pre-finish`, and
//! so on. Without such a word it agrees.

// What it writes is what is tested, and misbehaviour is what it is for.
#![allow(clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::hint::black_box;
use std::io::{Read, Write};
use std::process::exit;
use std::time::Duration;
use std::{env, io, thread};

use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let json = arguments.last().map_or("", String::as_str);
    let body: Value = serde_json::from_str(json).unwrap_or_default();
    let event = match arguments.as_slice() {
        [_, event, _] => event.as_str(),
        [program, ..] => program.trim_end_matches(".wasm"),
        [] => "",
    };
    let key = match event {
        "pre-create" => "behave".to_owned(),
        other => format!("behave-{other}"),
    };
    let behaviour = metadata(&body, &key).unwrap_or_default();
    let (word, rest) = behaviour.split_once(':').unwrap_or((behaviour, ""));
    match word {
        "exit" => {
            eprint!("{rest}");
            exit(1);
        }
        "answer" => print!("{rest}"),
        "echo" => echo(&arguments),
        "lines" => lines(),
        "flood" => flood(),
        "loop" => spin(),
        "allocate" => allocate(),
        "trap" => panic!("as it was told"),
        "sleep" => thread::sleep(Duration::from_secs(3600)),
        _ => {}
    }
}

/// Where the formats have the metadata.
fn metadata<'json>(body: &'json Value, key: &str) -> Option<&'json str> {
    const PLACES: [&str; 4] = [
        "/upload/metadata",
        "/Upload/MetaData",
        "/Event/Upload/MetaData",
        "/data/upload/metadata",
    ];
    let mut places = PLACES.iter().filter_map(|place| body.pointer(place));
    places.next()?.get(key)?.as_str()
}

/// Says in a rejection all that it was given.
fn echo(arguments: &[String]) {
    let mut stdin = String::new();
    let read = io::stdin().read_to_string(&mut stdin);
    let variables: Vec<(String, String)> = env::vars().collect();
    eprint!(
        "{}",
        json!({
            "arguments": arguments,
            "variables": variables,
            "stdin": stdin,
            "read": read.is_ok(),
            "files": std::fs::read_dir("/").is_ok(),
        })
    );
    exit(1);
}

/// A line on each stream, and half a line.
fn lines() {
    println!("one\ntwo");
    eprint!("three\nfour");
}

/// Writes to stderr for ever.
fn flood() {
    let line = [b'x'; 1024];
    loop {
        // Denied or not, it goes on.
        drop(io::stderr().write_all(&line));
    }
}

/// Uses the processor for ever and calls nobody.
fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Takes memory until it is denied.
fn allocate() {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
}
