//! Many producers, one thread that commits what all of them ask for at once.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::engine::{Engine, Event};

/// What is measured.
#[derive(Clone, Copy, PartialEq)]
pub enum Load {
    /// Events come and stay.
    Backlog,
    /// With each commit, the events of the one before go.
    Steady,
}

/// How many events per second are on the disk before their producers go on.
pub fn rate(
    engine: &mut dyn Engine,
    producers: usize,
    load: Load,
    within: Duration,
) -> Result<f64> {
    let (sender, receiver) = channel();
    let until = Instant::now() + within;
    std::thread::scope(|scope| {
        for _ in 0..producers {
            let sender = sender.clone();
            scope.spawn(move || produce(&sender, until));
        }
        drop(sender);
        let begun = Instant::now();
        let events = commit(engine, &receiver, load)?;
        Ok(events as f64 / begun.elapsed().as_secs_f64())
    })
}

type Request = (Event, Sender<()>);

fn produce(sender: &Sender<Request>, until: Instant) {
    let (done, wait) = channel();
    while Instant::now() < until {
        if sender.send((event(0), done.clone())).is_err() || wait.recv().is_err() {
            return;
        }
    }
}

fn commit(engine: &mut dyn Engine, requests: &Receiver<Request>, load: Load) -> Result<u64> {
    let mut next = 0;
    let mut remove = Vec::new();
    while let Ok(first) = requests.recv() {
        let mut add = Vec::new();
        let mut waiting = Vec::new();
        for (mut event, done) in std::iter::once(first).chain(requests.try_iter()) {
            event.seq = next;
            next += 1;
            add.push(event);
            waiting.push(done);
        }
        engine.commit(&add, &remove)?;
        if load == Load::Steady {
            remove = add.into_iter().map(|event| (event.seq, event.id)).collect();
        }
        for done in waiting {
            done.send(()).context("a producer ended before its event")?;
        }
    }
    Ok(next)
}

/// An event of 2 KiB, half of which is known before.
pub fn event(seq: u64) -> Event {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = || DIGITS[fastrand::usize(..16)];
    Event {
        seq,
        id: uuid::Uuid::now_v7().to_string(),
        payload: std::iter::repeat_with(digit).take(2048).collect(),
    }
}
