//! A newcomer takes an upload over from a request that still receives, in the
//! same process or in another one on the same directories.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header};
use crate::harness::wire::Wire;
use crate::harness::{eventually, rounds};

/// A server, and the one that newcomers ask: the same, or another on the same
/// directories.
struct Pair {
    first: Server,
    second: Option<Server>,
}

impl Pair {
    fn both_ways() -> [Self; 2] {
        [false, true].map(|two| Self::start(&Setup::new(), two))
    }

    fn start(setup: &Setup, two: bool) -> Self {
        Self {
            first: setup.start(),
            second: two.then(|| setup.start()),
        }
    }

    fn first(&self) -> Tus {
        Tus::new(self.first.files())
    }

    fn newcomer(&self) -> Tus {
        Tus::new(self.second.as_ref().unwrap_or(&self.first).files())
    }

    /// The upload at `url` of the first server as the newcomer calls it.
    fn elsewhere(&self, url: &str) -> String {
        let second = self.second.as_ref().unwrap_or(&self.first);
        url.replace(&self.first.origin(), &second.origin())
    }

    /// An append at the first server that sends `body`, promises more, and
    /// stalls when all of it is in the file; so `body` is as long as what the
    /// server writes at a time, or a multiple of it.
    fn stall(&self, url: &str, body: &[u8]) -> Wire {
        let path = url.strip_prefix(&self.first.origin()).unwrap();
        let head = Wire::patch_head(path, 0, body.len() + 1);
        let wire = Wire::open(self.first.address(), &head, body);
        eventually("what was sent is stored", || {
            self.first.stored_bytes(url).len() == body.len()
        });
        wire
    }
}

/// Two buffers of the store.
const HALF: usize = 512 * 1024;

/// Takes over at once if it is in time before the lock's own time-out: nothing
/// here depends on the machine's speed.
const SOON: Duration = Duration::from_secs(8);

/// Bytes whose place can be told.
fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|offset| ((offset * 7 + offset / 251) % 251) as u8)
        .collect()
}

fn is_told_of_it(wire: Wire) {
    let answer = wire.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 423"), "{answer}");
    assert!(
        answer.ends_with("Another request took the upload over."),
        "{answer}"
    );
}

#[test]
fn who_lost_the_connection_goes_on_at_the_offset_that_head_tells() {
    for pair in Pair::both_ways() {
        let whole = content(HALF + 1000);
        let url = pair.first().create(whole.len() as u64);
        let stalled = pair.stall(&url, &whole[..HALF]);
        let (tus, there) = (pair.newcomer(), pair.elsewhere(&url));
        let begun = Instant::now();
        assert_eq!(tus.offset(&there), HALF as u64);
        let rest = tus.patch(&there, HALF as u64, whole[HALF..].to_vec());
        assert_eq!(rest.status(), 204);
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        is_told_of_it(stalled);
        assert_eq!(pair.first().get(&url).bytes().unwrap(), whole);
    }
}

#[test]
fn an_append_takes_over_without_asking_first() {
    for pair in Pair::both_ways() {
        let whole = content(HALF + 1000);
        let url = pair.first().create(whole.len() as u64);
        let stalled = pair.stall(&url, &whole[..HALF]);
        let (tus, there) = (pair.newcomer(), pair.elsewhere(&url));
        let begun = Instant::now();
        let answer = tus.patch(&there, 0, whole.clone());
        assert_eq!(answer.status(), 409);
        assert_eq!(header(&answer, "upload-offset"), HALF.to_string());
        let rest = tus.patch(&there, HALF as u64, whole[HALF..].to_vec());
        assert_eq!(rest.status(), 204);
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        is_told_of_it(stalled);
        assert_eq!(tus.get(&there).bytes().unwrap(), whole);
    }
}

#[test]
fn a_removal_takes_over() {
    for pair in Pair::both_ways() {
        let url = pair.first().create(HALF as u64 + 1000);
        let stalled = pair.stall(&url, &content(HALF));
        let begun = Instant::now();
        let (tus, there) = (pair.newcomer(), pair.elsewhere(&url));
        assert_eq!(tus.delete(&there).status(), 204);
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        is_told_of_it(stalled);
        assert_eq!(pair.first().head(&url).status(), 404);
        assert!(pair.first.stored_files().is_empty());
    }
}

#[test]
fn an_upload_whose_holder_was_killed_is_free() {
    let mut pair = Pair::start(&Setup::new(), true);
    let whole = content(HALF + 1000);
    let url = pair.first().create(whole.len() as u64);
    let _stalled = pair.stall(&url, &whole[..HALF]);
    let (tus, there) = (pair.newcomer(), pair.elsewhere(&url));
    let second = pair.second.take().unwrap();
    pair.first.kill();
    assert_eq!(tus.offset(&there), HALF as u64);
    let rest = tus.patch(&there, HALF as u64, whole[HALF..].to_vec());
    assert_eq!(rest.status(), 204);
    assert_eq!(tus.get(&there).bytes().unwrap(), whole);
    drop(second);
}

#[test]
fn who_waits_for_a_hook_is_not_interrupted() {
    for two in [false, true] {
        let setup = Setup::new().with_hooks();
        install(&setup.hooks_dir(), "hostile", "hostile");
        let pair = Pair::start(&setup, two);
        // Computes until its time is up.
        let created = pair.first().create_with(3, &[("behave-finish", "loop")]);
        let url = pair.first().location(&created);
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| pair.first().patch(&url, 0, "abc"));
            eventually("the bytes are there", || {
                pair.first.stored_bytes(&url) == b"abc"
            });
            // All bytes are there: who only asks is told so.
            let (tus, there) = (pair.newcomer(), pair.elsewhere(&url));
            assert_eq!(tus.offset(&there), 3);
            assert_eq!(tus.delete(&there).status(), 204);
            let answer = holder.join().unwrap();
            assert_eq!(answer.status(), 503);
            assert_eq!(
                answer.text().unwrap(),
                "The request could not be checked. Try again later."
            );
        });
        assert!(pair.first.stored_files().is_empty());
    }
}

#[test]
fn of_two_appends_at_one_offset_no_byte_is_doubled_or_mixed() {
    for (two, rounds) in [(false, rounds(10_000, 500)), (true, rounds(2000, 100))] {
        let setup = Setup::new().arguments(&["--workers", "4"]);
        let pair = Pair::start(&setup, two);
        for round in 0..rounds {
            two_appends(&pair, round);
        }
    }
}

/// One of the two may be interrupted by the other, at any byte. What was
/// acknowledged is there, what is there is of one of them, and it goes on.
fn two_appends(pair: &Pair, round: usize) {
    let (first, second) = (pair.first(), pair.newcomer());
    let url = first.create(20);
    let there = pair.elsewhere(&url);
    let barrier = Barrier::new(2);
    let append = |tus: &Tus, url: &str, body: &'static str| {
        barrier.wait();
        tus.patch(url, 0, body).status().as_u16()
    };
    let answers = std::thread::scope(|scope| {
        let a = scope.spawn(|| append(&first, &url, "aaaaaaaaaa"));
        let b = scope.spawn(|| append(&second, &there, "bbbbbbbbbb"));
        [a, b].map(|thread| thread.join().unwrap())
    });
    let acknowledged = answers.iter().filter(|status| **status == 204).count();
    assert!(acknowledged <= 1, "round {round}: {answers:?}");
    assert!(
        answers
            .iter()
            .all(|status| matches!(status, 204 | 409 | 423)),
        "round {round}: {answers:?}"
    );
    let offset = usize::try_from(second.offset(&there)).unwrap();
    assert!(offset == 10 || acknowledged == 0, "round {round}: {offset}");
    let rest = "c".repeat(20 - offset);
    assert_eq!(first.patch(&url, offset as u64, rest.clone()).status(), 204);
    let stored = second.get(&there).text().unwrap();
    let by = |letter: &str| letter.repeat(offset) + &rest;
    assert!(
        stored == by("a") && answers[1] != 204 || stored == by("b") && answers[0] != 204,
        "round {round}: {answers:?} {stored}"
    );
}

#[test]
fn many_who_take_over_from_each_other_lose_and_double_nothing() {
    let setup = Setup::new();
    let pair = Pair::start(&setup, true);
    let whole = content(3_000_000);
    let url = pair.first().create(whole.len() as u64);
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (tus, url) = match client % 2 {
                0 => (pair.first(), url.clone()),
                _ => (pair.newcomer(), pair.elsewhere(&url)),
            };
            let whole = &whole;
            scope.spawn(move || upload_until_it_is_complete(&tus, &url, whole));
        }
    });
    assert_eq!(pair.first().get(&url).bytes().unwrap(), whole);
}

/// As clients do: ask for the offset, go on from it.
fn upload_until_it_is_complete(tus: &Tus, url: &str, whole: &[u8]) {
    loop {
        let head = tus.head(url);
        if head.status() == 423 {
            continue;
        }
        let offset: usize = header(&head, "upload-offset").parse().unwrap();
        let end = (offset + 50_000).min(whole.len());
        let answer = tus.patch(url, offset as u64, whole[offset..end].to_vec());
        match answer.status().as_u16() {
            204 if end == whole.len() => break,
            204 => assert_eq!(header(&answer, "upload-offset"), end.to_string()),
            409 | 423 => {}
            other => panic!("{other}"),
        }
    }
}
