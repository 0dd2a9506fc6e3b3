//! Random operations against a server, and a model of what must hold after each
//! of them: every acknowledged byte is there, none twice and none in the wrong
//! place; an offset that was told never decreases; what has a checksum is stored
//! all together or not at all; removed and expired uploads are gone, and parts
//! are there or used up; finished ones are served whole; no upload and no file
//! comes from nowhere, and when the cleaner has passed, none is left but those of
//! finished uploads.
//!
//! An operation more is a variant of [`operation::Operation`], an arm in
//! [`world::World::apply`], and mostly a request with what it may change in
//! [`upload::Upload`].
//!
//! `RUSTUS_MODEL_SEED` repeats a run. What is sent is then the same; when the
//! server is killed under it depends on the machine.

mod appends;
mod client;
mod content;
mod disk;
mod inspect;
mod lives;
mod manner;
mod operation;
mod requests;
mod torn;
mod upload;
mod world;

use fastrand::Rng;

use crate::harness::rounds;
use operation::{Operation, Restart, Stop};
use upload::{Step, Trouble};
use world::World;

fn seed() -> u64 {
    let seed = std::env::var("RUSTUS_MODEL_SEED").map_or_else(
        |_| fastrand::u64(..),
        |seed| seed.parse().expect("RUSTUS_MODEL_SEED is a number"),
    );
    eprintln!("RUSTUS_MODEL_SEED={seed}");
    seed
}

fn hold(seed: u64, step: usize, what: &dyn std::fmt::Debug, ended: Step) {
    match ended {
        Ok(()) => {}
        Err(Trouble::Broken(text) | Trouble::NoAnswer(text)) => {
            panic!("RUSTUS_MODEL_SEED={seed}, step {step}, {what:?}: {text}")
        }
    }
}

fn anything_happens(remove_parts: bool) {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(client::AGREED, remove_parts);
    for step in 1..=rounds(10_000, 400) {
        // Drawn from a generator of its own, so that an operation that draws
        // more leaves those behind it as they were.
        let operation = Operation::random(&mut rng.fork());
        let ended = world.apply(&operation);
        hold(seed, step, &operation, ended);
    }
    let ended = world
        .check_all()
        .and_then(|()| world.nothing_else_is_left());
    hold(seed, 0, &"the end", ended);
    eprintln!("killed in {:?}", world.killed_in);
}

#[test]
fn whatever_happens_what_was_acknowledged_is_there_and_nothing_else() {
    anything_happens(false);
}

#[test]
fn whatever_happens_parts_are_there_or_what_was_made_of_them() {
    anything_happens(true);
}

#[test]
fn kill_9_in_the_middle_of_any_request_tears_no_record() {
    for remove_parts in [false, true] {
        let seed = seed();
        let mut rng = Rng::with_seed(seed);
        let mut world = World::new(client::HOSTILE, remove_parts);
        for round in 1..=rounds(500, 25) {
            let restart = Restart {
                how: Stop::Kill,
                ..Restart::random(&mut rng.fork())
            };
            let ended = world.restart(&restart);
            hold(seed, round, &restart, ended);
        }
        let ended = world.nothing_else_is_left();
        hold(seed, 0, &"the end", ended);
        eprintln!("killed in {:?}", world.killed_in);
    }
}
