//! The flags about hooks and the events that wait for them.

use std::path::PathBuf;
use std::time::Duration;

use super::values;
use crate::hooks::EventSet;
use crate::plugins::Format;

/// Which hooks are asked and told.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Hooks")]
pub struct HooksFlags {
    /// Enabled events, separated by commas; an empty list for none [default:
    /// all]
    #[arg(
        id = "hooks",
        long = "hooks",
        alias = "hooks-enabled-events",
        env = "RUSTUS_HOOKS",
        value_parser = values::events,
        value_name = "EVENTS"
    )]
    pub(super) enabled: Option<EventSet>,
    /// Directory of the hook modules (plugins, and WASI commands called after
    /// their event); watched
    #[arg(
        id = "hooks-dir",
        long = "hooks-dir",
        env = "RUSTUS_HOOKS_DIR",
        value_name = "DIR"
    )]
    pub(super) dir: Option<PathBuf>,
    /// A hook module for all events (a plugin or a WASI command); watched
    #[arg(
        id = "hooks-file",
        long = "hooks-file",
        env = "RUSTUS_HOOKS_FILE",
        value_name = "FILE"
    )]
    pub(super) file: Option<PathBuf>,
    /// JSON that command hooks get: default, v2, tusd, tusd-v2 or cloudevents
    #[arg(
        id = "hooks-format",
        long = "hooks-format",
        env = "RUSTUS_HOOKS_FORMAT",
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(super) format: Format,
    /// Blocking events, separated by commas, that are refused while no hook
    /// answers them
    #[arg(
        id = "hooks-required",
        long = "hooks-required",
        env = "RUSTUS_HOOKS_REQUIRED",
        value_parser = values::blocking_events,
        value_name = "EVENTS"
    )]
    pub(super) required: Option<EventSet>,
    /// Directory of the events that wait for those who are to hear of them
    /// [default: .outbox in --info-dir]
    #[arg(long, env = "RUSTUS_HOOKS_OUTBOX_DIR", value_name = "DIR")]
    pub(super) hooks_outbox_dir: Option<PathBuf>,
    /// Bytes that these events may take on the disk; when there are more,
    /// requests that would add to them are refused
    #[arg(
        long,
        env = "RUSTUS_HOOKS_OUTBOX_MAX_SIZE",
        default_value_t = 1 << 30,
        value_parser = clap::value_parser!(u64).range(1 << 20..),
        value_name = "BYTES"
    )]
    pub(super) hooks_outbox_max_size: u64,
    /// How long an event is tried to be delivered before it is a dead letter
    #[arg(
        long,
        env = "RUSTUS_HOOKS_OUTBOX_DEADLINE",
        default_value = "3d",
        value_parser = values::time,
        value_name = "TIME"
    )]
    pub(super) hooks_outbox_deadline: Duration,
    /// How often post-receive is told while an append runs
    #[arg(
        long,
        alias = "progress-hooks-interval",
        env = "RUSTUS_HOOKS_PROGRESS_INTERVAL",
        default_value = "1s",
        value_parser = values::time,
        value_name = "TIME"
    )]
    pub(super) hooks_progress_interval: Duration,
    /// Directory of compiled modules [default: rustus in the user's cache
    /// directory]
    #[arg(long, env = "RUSTUS_COMPILE_CACHE_DIR", value_name = "DIR")]
    pub(super) compile_cache_dir: Option<PathBuf>,
}

impl HooksFlags {
    /// The events that hooks are asked and told about.
    #[must_use]
    pub fn enabled(&self) -> EventSet {
        self.enabled.unwrap_or(EventSet::ALL)
    }

    /// The events that are refused while no hook answers them.
    #[must_use]
    pub fn required(&self) -> EventSet {
        self.required.unwrap_or(EventSet::EMPTY)
    }
}
