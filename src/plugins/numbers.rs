//! The tables of a `NAME.toml` that hold numbers, each in its range.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::breaker::BreakerSettings;
use super::limits::{Limits, MAX_MEMORY, MIB};

/// A number that no plugin can be given.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` under [{table}] is {value}, but must be between {least} and {most}")]
pub(super) struct OutOfRange {
    /// Of the number's first byte.
    pub(super) offset: usize,
    table: &'static str,
    key: &'static str,
    value: u64,
    least: u64,
    most: u64,
}

/// A number of the file, with its place.
type Number = Option<Spanned<u64>>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct LimitsTable {
    memory_mib: Number,
    cpu_time_ms: Number,
    wall_time_ms: Number,
    host_allocation_kib: Number,
    concurrent_calls: Number,
    output_kib: Number,
    module_mib: Number,
}

/// The longest that a client's request may be made to wait.
const MAX_TIME_MS: u64 = 10 * 60 * 1000;

impl LimitsTable {
    pub(super) fn checked(&self, defaults: Limits) -> Result<Limits, OutOfRange> {
        const KIB: usize = 1024;
        let bytes = |key, value: &Number, most: u64, unit: usize, default: usize| {
            in_range("limits", key, value, 1, most).map(|value| {
                value.map_or(default, |count| {
                    usize::try_from(count)
                        .unwrap_or(usize::MAX)
                        .saturating_mul(unit)
                })
            })
        };
        let time = |key, value, default| milliseconds("limits", key, value, default);
        Ok(Limits {
            memory: bytes(
                "memory-mib",
                &self.memory_mib,
                (MAX_MEMORY / MIB) as u64,
                MIB,
                defaults.memory,
            )?,
            cpu_time: time("cpu-time-ms", &self.cpu_time_ms, defaults.cpu_time)?,
            wall_time: time("wall-time-ms", &self.wall_time_ms, defaults.wall_time)?,
            host_allocation: bytes(
                "host-allocation-kib",
                &self.host_allocation_kib,
                1024 * 1024,
                KIB,
                defaults.host_allocation,
            )?,
            concurrent_calls: bytes(
                "concurrent-calls",
                &self.concurrent_calls,
                1000,
                1,
                defaults.concurrent_calls,
            )?,
            output: bytes(
                "output-kib",
                &self.output_kib,
                1024 * 1024,
                KIB,
                defaults.output,
            )?,
            module: bytes("module-mib", &self.module_mib, 1024, MIB, defaults.module)?,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BreakerTable {
    enabled: Option<bool>,
    failures: Number,
    open_ms: Number,
    max_open_ms: Number,
}

impl BreakerTable {
    pub(super) fn checked(&self, defaults: BreakerSettings) -> Result<BreakerSettings, OutOfRange> {
        let failures = in_range("breaker", "failures", &self.failures, 1, 10_000)?;
        let open = milliseconds("breaker", "open-ms", &self.open_ms, defaults.open)?;
        // A pause that is longer than the longest makes that longer.
        let most = defaults.max_open.max(open);
        Ok(BreakerSettings {
            enabled: self.enabled.unwrap_or(defaults.enabled),
            failures: failures
                .and_then(|failures| u32::try_from(failures).ok())
                .unwrap_or(defaults.failures),
            open,
            max_open: milliseconds("breaker", "max-open-ms", &self.max_open_ms, most)?.max(open),
        })
    }
}

fn milliseconds(
    table: &'static str,
    key: &'static str,
    value: &Number,
    default: Duration,
) -> Result<Duration, OutOfRange> {
    let value = in_range(table, key, value, 10, MAX_TIME_MS)?;
    Ok(value.map_or(default, Duration::from_millis))
}

fn in_range(
    table: &'static str,
    key: &'static str,
    number: &Number,
    least: u64,
    most: u64,
) -> Result<Option<u64>, OutOfRange> {
    let Some(number) = number else {
        return Ok(None);
    };
    let value = *number.get_ref();
    if (least..=most).contains(&value) {
        return Ok(Some(value));
    }
    Err(OutOfRange {
        offset: number.span().start,
        table,
        key,
        value,
        least,
        most,
    })
}
