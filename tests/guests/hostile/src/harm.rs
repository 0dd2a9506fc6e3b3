//! What a bad guest does to its host.

// It is what this crate is for.
#![allow(clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::{cell::RefCell, hint::black_box, io::Write, thread, time::Duration};

use rustus_hook::{CreateDecision, log, secrets};

/// The behaviours that answer nothing of their own.
pub(crate) fn by_name(name: &str) -> Option<fn()> {
    Some(match name {
        "loop" => spin,
        "allocate" => allocate,
        "recurse" => recurse_for_ever,
        "trap" => trap,
        "print" => print,
        "sleep" => sleep,
        "log-flood" => log_flood,
        "hoard" => hoard,
        _ => return None,
    })
}

/// Uses the processor for ever and calls nobody.
pub(crate) fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Dies as a guest with a bug does.
pub(crate) fn trap() {
    panic!("hostile: trap");
}

/// Takes memory until it is denied, which traps.
fn allocate() {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Fills the stack of the engine. Frames that keep nothing in linear memory: those
/// that do would run into its lower end first, which is another trap.
fn recurse_for_ever() {
    black_box(recurse(black_box(1)));
}

/// What is left to do after the inner call keeps it from becoming a loop.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    match depth {
        u64::MAX => 0,
        _ => recurse(depth + 1).wrapping_mul(depth | 1) ^ depth,
    }
}

/// Takes of what the host keeps for it, and gives nothing back.
fn hoard() {
    loop {
        std::mem::forget(wasip2::clocks::monotonic_clock::subscribe_duration(1));
    }
}

/// Writes to stdout for ever.
fn print() {
    let line = [b'x'; 1024];
    loop {
        // Denied or not, it goes on.
        drop(std::io::stdout().write_all(&line));
    }
}

/// Ten lines on each stream, as a plugin prints that knows no better.
pub(crate) fn print_some() {
    for line in 0..10 {
        println!("stdout line {line}");
        eprintln!("stderr line {line}");
    }
}

/// Says a secret in every way there is, but to the client.
pub(crate) fn log_secret(name: &str) -> Result<CreateDecision, secrets::SecretError> {
    let secret = secrets::get(name)?;
    log::error(&secret, &[("field", &secret), (&secret, "key")]);
    println!("stdout {secret}");
    eprintln!("stderr {secret}");
    for part in secret.as_bytes().chunks(3) {
        drop(std::io::stdout().write_all(part));
    }
    println!();
    Ok(CreateDecision::proceed())
}

/// Sits in a call of the host for an hour.
fn sleep() {
    thread::sleep(Duration::from_secs(3600));
}

/// Fills the server's log.
fn log_flood() {
    let message = "x".repeat(1024);
    loop {
        log::info(&message, &[]);
    }
}

thread_local! {
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Takes 8 MiB more and never gives them back. Returns how many MiB it holds.
pub(crate) fn leak() -> usize {
    KEPT.with_borrow_mut(|kept| {
        kept.push(black_box(vec![1; 8 << 20]));
        kept.len() * 8
    })
}
