//! The system calls of a server, written down by strace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is written down: whatever makes bytes, names or answers.
const CALLS: &str = "trace=fsync,fdatasync,rename,renameat,renameat2,linkat,unlink,unlinkat,\
                     pwritev,pwritev2,pwrite64,write,writev,sendto,sendmsg,getdents64";

/// One call that has returned, or not yet.
#[derive(Debug, Clone)]
pub struct Call {
    pub name: String,
    /// Descriptors with their paths, and the beginnings of texts.
    pub arguments: String,
    /// The lines at which it began and returned.
    pub begun: usize,
    pub ended: usize,
}

/// Whether strace is there and may be used. In CI (`CI` is set) it must be.
pub fn available() -> bool {
    let works = Command::new("strace")
        .args(["-f", "-e", "trace=none", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        assert!(std::env::var_os("CI").is_none(), "strace is not installed");
        eprintln!("skipped: strace is not installed or not allowed");
    }
    works
}

/// The words that start a program under strace, which stays its grandparent, so
/// that signals reach the program.
pub fn command(output: &Path) -> Vec<String> {
    command_for(CALLS, output)
}

/// The same for other calls, `trace=...`.
pub fn command_for(calls: &str, output: &Path) -> Vec<String> {
    let output = output.to_str().unwrap();
    [
        "strace",
        "-D",
        "-f",
        "-qq",
        "-y",
        "-s",
        "64",
        "-e",
        calls,
        "-e",
        "signal=none",
        "-o",
        output,
    ]
    .map(str::to_owned)
    .into()
}

/// The calls in a file that strace wrote, in the order in which they began.
pub fn calls(output: &PathBuf) -> Vec<Call> {
    let text = std::fs::read_to_string(output).unwrap_or_default();
    let mut calls: Vec<Call> = Vec::new();
    let mut open: std::collections::HashMap<String, usize> = Default::default();
    for (number, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            if let Some(call) = open.remove(thread) {
                calls[call].ended = number;
            }
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else {
            continue;
        };
        let unfinished = arguments.contains("<unfinished ...>");
        if unfinished {
            open.insert(thread.to_owned(), calls.len());
        }
        calls.push(Call {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            begun: number,
            ended: if unfinished { usize::MAX } else { number },
        });
    }
    calls
}
