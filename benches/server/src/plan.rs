//! How much is measured.

use crate::servers::Kind;
use crate::stand_in::Decider;

/// Counts and sizes of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Turns that each variant takes.
    pub(crate) rounds: usize,
    /// Uploads created in one turn; of this and the other counts of requests,
    /// slow variants take a fraction ([`share`]).
    pub(crate) creates: usize,
    /// HEADs in one turn.
    pub(crate) heads: usize,
    /// PATCHes of 4 KiB in one turn.
    pub(crate) small_patches: usize,
    /// PATCHes of 1 MiB in one turn.
    pub(crate) large_patches: usize,
    /// Bytes of the one big PATCH.
    pub(crate) big_bytes: u64,
    /// Bytes of each of the [`AT_ONCE`] PATCHes.
    pub(crate) at_once_bytes: u64,
    /// PATCHes that stall in the middle while memory is measured.
    pub(crate) stalled: usize,
    /// Uploads in the directory of a server that is full of them.
    pub(crate) many: usize,
    /// Fresh processes whose memory is measured.
    pub(crate) memory_rounds: usize,
    /// Modules replaced, for each of the two kinds.
    pub(crate) reloads: usize,
}

const MIB: u64 = 1 << 20;

impl Plan {
    /// Some half an hour.
    pub(crate) const FULL: Self = Self {
        rounds: 7,
        creates: 10_000,
        heads: 20_000,
        small_patches: 10_000,
        large_patches: 1000,
        big_bytes: 1024 * MIB,
        at_once_bytes: 32 * MIB,
        stalled: 1000,
        many: 100_000,
        memory_rounds: 3,
        reloads: 30,
    };

    /// Some thirty seconds.
    pub(crate) const QUICK: Self = Self {
        rounds: 2,
        creates: 800,
        heads: 800,
        small_patches: 800,
        large_patches: 64,
        big_bytes: 64 * MIB,
        at_once_bytes: MIB,
        stalled: 100,
        many: 2000,
        memory_rounds: 1,
        reloads: 4,
    };
}

/// Connections of the load of many requests, each one request at a time. Enough
/// to keep two workers busy, few enough that nobody measures queues.
pub(crate) const CONNECTIONS: usize = 16;

/// PATCHes at once.
pub(crate) const AT_ONCE: usize = 64;

/// Requests that `kind` answers in a turn in which others answer `count`: fewer
/// where one takes long.
pub(crate) fn share(kind: Kind, count: usize) -> usize {
    match kind {
        Kind::StandIn(Decider::Command) => count / 10,
        Kind::TusNode => count / 4,
        _ => count,
    }
}

/// Whose turn it is, in order: each round begins with another variant, so that
/// nobody always comes after the same one.
pub(crate) fn turns(round: usize, variants: usize) -> impl Iterator<Item = usize> {
    (0..variants).map(move |turn| (round + turn) % variants)
}
