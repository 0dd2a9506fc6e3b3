//! Why a call gave no answer, as types all the way to the log and the metric
//! label.

use std::time::Duration;

use super::bindings::rustus::hooks::types::HookError;
use super::breaker::Ended;
use super::mask::Mask;

/// Why a call to a plugin gave no answer that can be used.
///
/// None of this is for clients.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The guest executed something that ends it: `unreachable`, an access out
    /// of bounds, a division by zero, a panic.
    #[error("the plugin trapped: {0}")]
    Trap(String),
    /// The guest wanted more memory than it may have.
    #[error(
        "the plugin ran out of memory at its limit of {limit_mib} MiB; \
         raise `memory-mib` under [limits] if it needs more"
    )]
    OutOfMemory {
        /// The limit, in MiB.
        limit_mib: usize,
    },
    /// The guest recursed without end.
    #[error("the plugin overflowed its stack")]
    StackOverflow,
    /// The guest computed longer than it may.
    #[error(
        "the plugin used up its CPU time of {} ms; raise `cpu-time-ms` under [limits] if it needs more",
        .limit.as_millis()
    )]
    CpuTime {
        /// The limit.
        limit: Duration,
    },
    /// The call, its waiting included, took longer than it may.
    #[error(
        "the plugin did not answer within {} ms; raise `wall-time-ms` under [limits] if it needs more",
        .limit.as_millis()
    )]
    WallTime {
        /// The limit.
        limit: Duration,
    },
    /// So many calls were under way that this one's turn did not come within
    /// its wall time.
    #[error(
        "{limit} calls were under way and none ended in time; \
         raise `concurrent-calls` under [limits], or find out why the plugin is slow"
    )]
    Busy {
        /// How many may be under way.
        limit: usize,
    },
    /// The pool that all plugins share is exhausted.
    #[error("all instances of the pool that the plugins share are in use: {0}")]
    PoolFull(String),
    /// The component's functions are not those of the contract.
    #[error(
        "its functions do not fit rustus:hooks@0.1.0: {0}; \
         rebuild it against wit/ of this server's release"
    )]
    Contract(String),
    /// No instance could be made.
    #[error("the plugin could not be instantiated: {0}")]
    Instantiate(String),
    /// The plugin said that it could not answer.
    #[error("the plugin reported {}", describe(.0))]
    Reported(HookError),
    /// A command hook that was told of something ended with an error. A blocking
    /// event is rejected by that instead.
    #[error("the command ended with exit code {code}: {said}")]
    Exit {
        /// Not 0.
        code: i32,
        /// What it wrote to stderr, in part.
        said: String,
    },
    /// The plugin answered something that is not permitted.
    #[error("the plugin's answer is invalid: {0}")]
    InvalidAnswer(String),
    /// It failed so often that it is not asked for a while.
    #[error(
        "the plugin failed again and again and is not asked for another {} ms; see the log for \
         why, and `[breaker]` in its NAME.toml for how long",
        .left.as_millis()
    )]
    CircuitOpen {
        /// Until it is asked again.
        left: Duration,
    },
}

impl Failure {
    /// Whether the same call may succeed later: `None` if not, else after how
    /// long, if the guest named a time.
    #[must_use]
    pub fn retry(&self) -> Option<Option<Duration>> {
        match self {
            Self::Reported(HookError::Retry(after)) => Some(after.map(Duration::from_millis)),
            Self::CircuitOpen { left } => Some(Some(*left)),
            Self::Exit { .. } => Some(None),
            _ => None,
        }
    }

    /// A short constant name for logs and metric labels.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Trap(_) => "trap",
            Self::OutOfMemory { .. } => "out-of-memory",
            Self::StackOverflow => "stack-overflow",
            Self::CpuTime { .. } => "cpu-time",
            Self::WallTime { .. } => "wall-time",
            Self::Busy { .. } => "busy",
            Self::PoolFull(_) => "pool-full",
            Self::Contract(_) => "contract",
            Self::Instantiate(_) => "instantiate",
            Self::Reported(HookError::Retry(_)) => "retry",
            Self::Reported(HookError::Permanent(_)) => "permanent",
            Self::Reported(HookError::Other(_)) => "other",
            Self::Exit { .. } => "exit",
            Self::InvalidAnswer(_) => "invalid-answer",
            Self::CircuitOpen { .. } => "circuit-open",
        }
    }

    /// What it says about the plugin to its breaker. Who reports an error works.
    pub(super) const fn ended(&self) -> Ended {
        match self {
            Self::Trap(_)
            | Self::OutOfMemory { .. }
            | Self::StackOverflow
            | Self::CpuTime { .. }
            | Self::WallTime { .. }
            | Self::Contract(_)
            | Self::Instantiate(_) => Ended::Faulty,
            Self::Busy { .. } | Self::PoolFull(_) | Self::CircuitOpen { .. } => Ended::Unknown,
            Self::Reported(_) | Self::Exit { .. } | Self::InvalidAnswer(_) => Ended::Answered,
        }
    }

    /// The same without secrets in what the guest said.
    pub(super) fn masked(self, mask: &Mask) -> Self {
        match self {
            Self::Reported(HookError::Permanent(text)) => {
                Self::Reported(HookError::Permanent(mask.over(&text)))
            }
            Self::Reported(HookError::Other(text)) => {
                Self::Reported(HookError::Other(mask.over(&text)))
            }
            Self::Exit { code, said } => Self::Exit {
                code,
                said: mask.over(&said),
            },
            Self::Trap(text) => Self::Trap(mask.over(&text)),
            Self::InvalidAnswer(text) => Self::InvalidAnswer(mask.over(&text)),
            other => other,
        }
    }
}

fn describe(error: &HookError) -> String {
    match error {
        HookError::Retry(None) => "that it may work later".to_owned(),
        HookError::Retry(Some(after)) => format!("that it may work in {after} ms"),
        HookError::Permanent(text) => format!("a permanent error: {text}"),
        HookError::Other(text) => format!("an error: {text}"),
    }
}
