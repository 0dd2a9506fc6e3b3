//! Damaged modules: each is loaded or refused, and the server goes on.

use std::fmt::Write as _;

use fastrand::Rng;

use crate::harness::guests::{bytes, install, replace};
use crate::harness::server::Setup;
use crate::harness::tus::{Tus, header};
use crate::harness::{eventually, rounds};

/// Modules that lie in the directory at the same time.
const TOGETHER: usize = 20;

#[test]
fn a_damaged_module_is_loaded_or_refused_and_hurts_nobody() {
    let seed = std::env::var("RUSTUS_MODEL_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("RUSTUS_MODEL_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let whole = bytes("refuse-meme");
    for _ in 0..rounds(50, 1) {
        let setup = Setup::new().with_hooks();
        let hooks = setup.hooks_dir();
        install(&hooks, "rule-a", "rule");
        let mut damages = String::new();
        for number in 0..TOGETHER {
            let (damaged, how) = damage(&mut rng, whole.clone());
            writeln!(damages, "{number}: {how}").unwrap();
            replace(&hooks.join(format!("damaged-{number}.wasm")), &damaged);
            // What it answers does not count, only that it does not stand in the way.
            replace(
                &hooks.join(format!("damaged-{number}.toml")),
                b"on-error = \"allow\"\n[limits]\ncpu-time-ms = 100\n",
            );
        }
        let server = setup.start();
        let said = |text: &str| server.log().matches(text).count();
        eventually("every module is loaded or refused", || {
            said("plugin loaded") + said("plugin not loaded") == TOGETHER + 1
        });
        let answer = Tus::new(server.files()).create_with(3, &[]);
        // A guest whose code was changed may refuse.
        assert!(
            matches!(answer.status().as_u16(), 201 | 400..500),
            "{answer:?}\n{damages}"
        );
        if answer.status() == 201 {
            assert_eq!(header(&answer, "x-rule"), "a");
        }
        assert!(!server.log().contains("panicked"), "{damages}");
        assert!(server.terminate().success(), "{damages}");
    }
}

/// A module with some bytes changed, and how.
fn damage(rng: &mut Rng, mut module: Vec<u8>) -> (Vec<u8>, String) {
    let mut how = String::new();
    for _ in 0..rng.usize(1..4) {
        if module.is_empty() {
            break;
        }
        let at = rng.usize(0..module.len());
        match rng.u32(0..8) {
            0 => {
                module.truncate(at);
                write!(how, "cut at {at}; ").unwrap();
            }
            1 => {
                let end = (at + rng.usize(1..100)).min(module.len());
                module.drain(at..end);
                write!(how, "without {at}..{end}; ").unwrap();
            }
            2 => {
                let end = (at + rng.usize(1..100)).min(module.len());
                module.extend_from_within(at..end);
                write!(how, "{at}..{end} again at the end; ").unwrap();
            }
            _ => {
                let byte = rng.u8(..);
                module[at] = byte;
                write!(how, "{byte} at {at}; ").unwrap();
            }
        }
    }
    (module, how)
}
