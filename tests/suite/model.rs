//! Random operations against a server, and a model of what must hold after each
//! of them: every acknowledged byte is there, none twice and none in the wrong
//! place; an offset that was told never decreases; removed uploads are gone;
//! finished ones are served whole; no upload and no file comes from nowhere.
//!
//! An operation more is a variant of [`operation::Operation`], an arm in
//! [`world::World::apply`], and mostly a request with what it may change in
//! [`upload::Upload`].
//!
//! `RUSTUS_MODEL_SEED` repeats a run. What is sent is then the same; when the
//! server is killed under it depends on the machine.

mod client;
mod content;
mod disk;
mod operation;
mod upload;
mod world;

use fastrand::Rng;

use crate::harness::rounds;
use operation::{Operation, Stop};
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

#[test]
fn whatever_happens_what_was_acknowledged_is_there_and_nothing_else() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(client::AGREED);
    for step in 1..=rounds(10_000, 400) {
        // Drawn from a generator of its own, so that an operation that draws
        // more leaves those behind it as they were.
        let operation = Operation::random(&mut rng.fork());
        let ended = world.apply(&operation);
        hold(seed, step, &operation, ended);
    }
    let ended = world.check_all();
    hold(seed, 0, &"the end", ended);
}

#[test]
fn kill_9_in_the_middle_of_any_request_tears_no_record() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(client::HOSTILE);
    for round in 1..=rounds(1000, 40) {
        let ended = world.make_room().and_then(|()| {
            let (after, client) = (rng.u64(0..25_000), rng.u64(..));
            world.restart(Stop::Kill, None, after, client, &[])
        });
        hold(seed, round, &"kill -9", ended);
    }
}
