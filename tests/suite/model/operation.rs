//! What may happen to a server and its uploads.
//!
//! An operation says nothing that depends on how things stand: `which` is taken
//! modulo the uploads that there are, sizes are cut to what is left. So the
//! operations of a run follow from its seed alone.

use fastrand::Rng;

use super::manner::Manner;
use crate::harness::wire::End;

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// `kill -9`.
    Kill,
    /// SIGTERM.
    Terminate,
}

/// What is asked of an upload that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Head,
    Get,
    Append,
    Delete,
}

#[derive(Debug, Clone)]
pub enum Operation {
    /// A creation, with `first` bytes in its body if it has one.
    Create {
        length: u64,
        metadata: Option<String>,
        first: Option<u64>,
        manner: Manner,
        partial: bool,
        deferred: bool,
    },
    /// A creation whose connection breaks after `sent` bytes of its body.
    CreateTorn {
        length: u64,
        sent: u64,
        end: End,
    },
    /// Bytes at the right offset.
    Append {
        which: usize,
        size: u64,
        manner: Manner,
    },
    /// Bytes `by` away from the right offset.
    AppendElsewhere {
        which: usize,
        by: i64,
    },
    /// `surplus` bytes more than are left.
    AppendPastTheEnd {
        which: usize,
        surplus: u64,
        manner: Manner,
    },
    /// `promised` bytes, of which `sent` are sent before the connection breaks.
    /// Without `end` it stays open, for the next request to take over from.
    AppendTorn {
        which: usize,
        promised: u64,
        sent: u64,
        end: Option<End>,
        manner: Manner,
    },
    Head {
        which: usize,
    },
    /// Reading all of it, or a part.
    Get {
        which: usize,
        range: Option<(u64, u64)>,
    },
    /// So many uploads in one, which may be the same.
    Concatenate {
        parts: Vec<usize>,
    },
    /// The same of so many new ones, which are finished later.
    ConcatenateEarly {
        lengths: Vec<u64>,
    },
    /// An upload that cannot be a part.
    ConcatenateOther {
        which: usize,
    },
    /// The same request again.
    ConcatenateAgain {
        which: usize,
    },
    /// Nobody goes on with it for too long.
    Expire {
        which: usize,
    },
    Delete {
        which: usize,
    },
    AskDeleted {
        which: usize,
        ask: Ask,
    },
    /// Another plugin takes the place of the one there was.
    Reload {
        guest: &'static str,
        wait: bool,
    },
    Restart(Restart),
}

/// The server ends while a client uses it, and another one starts.
#[derive(Debug, Clone)]
pub struct Restart {
    pub how: Stop,
    /// Microseconds from the beginning of the client to the end of the server.
    pub after: u64,
    /// What the client does.
    pub client: u64,
    /// So many unfinished uploads expire in between.
    pub expire: usize,
    /// Microseconds after which another server is killed in between.
    pub between: Option<u64>,
    pub arguments: [&'static str; 4],
}

/// Plugins that agree to everything that the model does.
const GUESTS: [&str; 4] = ["rule-a", "rule-b", "hostile", "refuse-meme"];

/// All that a run of the model uses.
pub const STRUCTURES: [&str; 3] = ["", "{year}/{month}", "by-minute/{hour}-{minute}"];

const DURABILITIES: [&str; 3] = ["none", "finish", "append"];

impl Operation {
    /// The next operation.
    pub fn random(rng: &mut Rng) -> Self {
        let which = rng.usize(..);
        match rng.u32(0..100) {
            0..11 => Self::Create {
                length: length(rng),
                metadata: metadata(rng),
                first: rng.bool().then(|| size(rng)),
                manner: Manner::random(rng),
                partial: rng.bool(),
                deferred: rng.u32(0..3) == 0,
            },
            11..14 => Self::CreateTorn {
                length: length(rng),
                sent: size(rng),
                end: end(rng),
            },
            14..40 => Self::Append {
                which,
                size: if rng.u32(0..6) == 0 { 0 } else { size(rng) },
                manner: Manner::random(rng),
            },
            40..44 => Self::AppendElsewhere {
                which,
                by: rng.i64(1..1000) * if rng.bool() { 1 } else { -1 },
            },
            44..48 => Self::AppendPastTheEnd {
                which,
                surplus: rng.u64(1..5000),
                manner: Manner::random(rng),
            },
            48..60 => Self::AppendTorn {
                which,
                promised: size(rng),
                sent: size(rng),
                end: (rng.u32(0..4) > 0).then(|| end(rng)),
                manner: Manner::random(rng),
            },
            60..64 => Self::Head { which },
            64..71 => Self::Get {
                which,
                range: rng.bool().then(|| (rng.u64(..), rng.u64(..))),
            },
            other => Self::of_whole_uploads(other, rng),
        }
    }

    fn of_whole_uploads(drawn: u32, rng: &mut Rng) -> Self {
        let which = rng.usize(..);
        match drawn {
            71 => Self::ConcatenateEarly {
                lengths: (0..rng.usize(1..4)).map(|_| length(rng)).collect(),
            },
            72..76 => Self::Concatenate {
                parts: (0..rng.usize(1..4)).map(|_| rng.usize(..)).collect(),
            },
            76 => Self::ConcatenateOther { which },
            77 => Self::ConcatenateAgain { which },
            78..81 => Self::Expire { which },
            81..86 => Self::Delete { which },
            86..90 => Self::AskDeleted {
                which,
                ask: *rng
                    .choice(&[Ask::Head, Ask::Get, Ask::Append, Ask::Delete])
                    .unwrap(),
            },
            90..94 => Self::Reload {
                guest: rng.choice(GUESTS).unwrap(),
                wait: rng.bool(),
            },
            _ => Self::Restart(Restart::random(rng)),
        }
    }
}

impl Restart {
    pub fn random(rng: &mut Rng) -> Self {
        Self {
            how: if rng.u32(0..4) == 0 {
                Stop::Terminate
            } else {
                Stop::Kill
            },
            after: rng.u64(0..30_000),
            client: rng.u64(..),
            expire: rng.usize(0..3),
            between: (rng.u32(0..3) == 0).then(|| rng.u64(0..10_000)),
            arguments: [
                "--dir-structure",
                rng.choice(STRUCTURES).unwrap(),
                "--durability",
                rng.choice(DURABILITIES).unwrap(),
            ],
        }
    }
}

/// Of every order of magnitude: none, some bytes, several buffers of the store.
fn length(rng: &mut Rng) -> u64 {
    match rng.u32(0..10) {
        0 => 0,
        1 => 1,
        2..5 => rng.u64(1..200),
        5..8 => rng.u64(200..20_000),
        _ => rng.u64(20_000..1_500_000),
    }
}

/// Around the sizes at which the store's buffers are full, too.
pub fn size(rng: &mut Rng) -> u64 {
    match rng.u32(0..10) {
        0 => 1,
        1..4 => rng.u64(1..200),
        4..7 => rng.u64(200..20_000),
        7 => 256 * 1024 - 1 + rng.u64(0..3),
        8 => rng.u64(20_000..700_000),
        _ => u64::MAX,
    }
}

fn end(rng: &mut Rng) -> End {
    if rng.bool() { End::Fin } else { End::Rst }
}

/// What follows the pair that tells uploads apart; `None` for no metadata at all.
fn metadata(rng: &mut Rng) -> Option<String> {
    match rng.u32(0..4) {
        0 => None,
        1 => Some(String::new()),
        2 => Some(",no-value, after-a-space AA==".to_owned()),
        _ => Some(format!(",long {}", "QUFB".repeat(rng.usize(1..500)))),
    }
}
