//! What may happen to a server and its uploads.
//!
//! An operation says nothing that depends on how things stand: `which` is taken
//! modulo the uploads that there are, sizes are cut to what is left. So the
//! operations of a run follow from its seed alone.

use fastrand::Rng;

use crate::harness::wire::End;

/// How a body says its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `Content-Length`.
    Sized,
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

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
        first: Option<(u64, Form)>,
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
        form: Form,
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
        form: Form,
    },
    /// No bytes at the right offset.
    AppendNothing {
        which: usize,
    },
    /// `promised` bytes, of which `sent` are sent before the connection breaks.
    AppendTorn {
        which: usize,
        promised: u64,
        sent: u64,
        end: End,
    },
    Head {
        which: usize,
    },
    Get {
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
    /// The server ends while a client uses it, `after` microseconds after the
    /// client began, and another one starts.
    Restart {
        how: Stop,
        /// The upload that the client goes on with before it makes its own.
        which: usize,
        after: u64,
        structure: &'static str,
        sync: bool,
        client: u64,
    },
}

/// Plugins that agree to everything that the model does.
const GUESTS: [&str; 4] = ["rule-a", "rule-b", "hostile", "refuse-meme"];

const STRUCTURES: [&str; 3] = ["", "{year}/{month}", "by-minute/{hour}-{minute}"];

impl Operation {
    /// The next operation.
    pub fn random(rng: &mut Rng) -> Self {
        let which = rng.usize(..);
        match rng.u32(0..100) {
            0..12 => Self::Create {
                length: length(rng),
                metadata: metadata(rng),
                first: rng.bool().then(|| (size(rng), form(rng))),
            },
            12..16 => Self::CreateTorn {
                length: length(rng),
                sent: size(rng),
                end: end(rng),
            },
            16..44 => Self::Append {
                which,
                size: size(rng),
                form: form(rng),
            },
            44..50 => Self::AppendElsewhere {
                which,
                by: rng.i64(1..1000) * if rng.bool() { 1 } else { -1 },
            },
            50..54 => Self::AppendPastTheEnd {
                which,
                surplus: rng.u64(1..5000),
                form: form(rng),
            },
            54..59 => Self::AppendNothing { which },
            59..69 => Self::AppendTorn {
                which,
                promised: size(rng),
                sent: size(rng),
                end: end(rng),
            },
            69..74 => Self::Head { which },
            74..81 => Self::Get { which },
            81..87 => Self::Delete { which },
            87..91 => Self::AskDeleted {
                which,
                ask: *rng
                    .choice(&[Ask::Head, Ask::Get, Ask::Append, Ask::Delete])
                    .unwrap(),
            },
            91..94 => Self::Reload {
                guest: rng.choice(GUESTS).unwrap(),
                wait: rng.bool(),
            },
            _ => Self::restart(rng),
        }
    }

    fn restart(rng: &mut Rng) -> Self {
        Self::Restart {
            how: if rng.u32(0..4) == 0 {
                Stop::Terminate
            } else {
                Stop::Kill
            },
            which: rng.usize(..),
            after: rng.u64(0..30_000),
            structure: rng.choice(STRUCTURES).unwrap(),
            sync: rng.u32(0..4) == 0,
            client: rng.u64(..),
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

pub fn form(rng: &mut Rng) -> Form {
    if rng.u32(0..3) == 0 {
        Form::Chunked
    } else {
        Form::Sized
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
        _ => Some(format!(",long {}", "QUFB".repeat(rng.usize(0..500)))),
    }
}
