//! How much is measured.

/// Counts and sizes of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Turns that each variant of creating and of sending takes.
    pub(crate) rounds: usize,
    /// Uploads created in one turn; slow variants take a fraction.
    pub(crate) creates: usize,
    /// Bytes of the one big PATCH.
    pub(crate) big_bytes: u64,
    /// Bytes of each of the PATCHes at once.
    pub(crate) small_bytes: u64,
    /// Fresh processes whose memory is measured.
    pub(crate) memory_rounds: usize,
    /// Modules replaced, for each of the two kinds.
    pub(crate) reloads: usize,
}

const MIB: u64 = 1 << 20;

impl Plan {
    /// Some ten minutes.
    pub(crate) const FULL: Self = Self {
        rounds: 7,
        creates: 10_000,
        big_bytes: 1024 * MIB,
        small_bytes: 32 * MIB,
        memory_rounds: 3,
        reloads: 30,
    };

    /// Some ten seconds.
    pub(crate) const QUICK: Self = Self {
        rounds: 2,
        creates: 800,
        big_bytes: 64 * MIB,
        small_bytes: 2 * MIB,
        memory_rounds: 1,
        reloads: 4,
    };
}

/// Connections that create uploads, each one request at a time. Enough to keep
/// two workers busy, few enough that nobody measures queues.
pub(crate) const CONNECTIONS: usize = 16;

/// PATCHes at once.
pub(crate) const AT_ONCE: usize = 32;

/// Whose turn it is, in order: each round begins with another variant, so that
/// nobody always comes after the same one.
pub(crate) fn turns(round: usize, variants: usize) -> impl Iterator<Item = usize> {
    (0..variants).map(move |turn| (round + turn) % variants)
}
