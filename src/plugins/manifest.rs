//! `NAME.toml`: what an operator sets for one plugin.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::capability::Grants;
use super::events::{EventKind, EventSet};
use super::limits::{Limits, MAX_MEMORY, MIB};

/// What happens when a plugin that is asked cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The request is rejected with 503.
    #[default]
    Reject,
    /// The request goes on as if the plugin had agreed.
    Allow,
}

/// Whether calls share instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Instances {
    /// A new instance for every call.
    #[default]
    Fresh,
    /// Instances are kept for further calls and keep what they stored in
    /// memory.
    Reuse,
}

/// A plugin's `NAME.toml`, checked.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    /// Plugins are asked from the lowest to the highest, those with the same
    /// order by name. 0 when not set.
    pub order: i32,
    /// What a failure means for the request.
    pub on_error: OnError,
    /// Whether calls share instances.
    pub instances: Instances,
    /// The events that reach the plugin, out of those that it exports.
    pub events: EventSet,
    /// Whether the plugin is called once with an example before it serves.
    pub trial: bool,
    /// What it may use.
    pub limits: Limits,
    /// The `[config]` table.
    pub config: Map<String, Value>,
    /// What it may reach.
    pub allow: Grants,
}

impl fmt::Debug for Manifest {
    /// Without what the plugin is given: secrets can be among it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("order", &self.order)
            .field("on_error", &self.on_error)
            .field("instances", &self.instances)
            .field("events", &self.events)
            .field("trial", &self.trial)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            order: 0,
            on_error: OnError::default(),
            instances: Instances::default(),
            events: EventSet::ALL,
            trial: true,
            limits: Limits::default(),
            config: Map::new(),
            allow: Grants::default(),
        }
    }
}

impl Manifest {
    /// Reads a `NAME.toml`.
    ///
    /// # Errors
    /// What is wrong, where, and what was expected.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let file: File = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        let defaults = Self::default();
        Ok(Self {
            order: file.order,
            on_error: file.on_error,
            instances: file.instances,
            events: file.events.map_or(Ok(EventSet::ALL), event_set)?,
            trial: file.trial.unwrap_or(defaults.trial),
            limits: file.limits.checked(defaults.limits)?,
            config: file.config,
            allow: file.allow,
        })
    }
}

/// What is wrong with a `NAME.toml`.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// No TOML, an unknown key, or a value of the wrong type.
    #[error("line {line}: {message}")]
    Syntax {
        /// Where, counted from 1.
        line: usize,
        /// What is wrong and what was expected, on one line.
        message: String,
    },
    /// Not text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// Longer than any configuration.
    #[error("it is larger than 1 MiB")]
    TooLarge,
    /// A name under `events` that is no event's.
    #[error("`events`: {0}")]
    Event(#[from] super::events::UnknownEvent),
    /// A number that no plugin can be given.
    #[error("`{key}` under [limits] is {value}, but must be between {least} and {most}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What was given.
        value: u64,
        /// The smallest that is accepted.
        least: u64,
        /// The largest that is accepted.
        most: u64,
    },
}

fn syntax(text: &str, error: &toml::de::Error) -> ManifestError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.as_bytes().iter().take(start);
    ManifestError::Syntax {
        line: 1 + before.filter(|byte| **byte == b'\n').count(),
        message: error.message().replace('\n', ", "),
    }
}

fn event_set(names: Vec<String>) -> Result<EventSet, ManifestError> {
    let kinds = names
        .into_iter()
        .map(|name| name.parse::<EventKind>())
        .collect::<Result<EventSet, _>>()?;
    Ok(kinds)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    #[serde(default)]
    order: i32,
    #[serde(default)]
    on_error: OnError,
    #[serde(default)]
    instances: Instances,
    events: Option<Vec<String>>,
    trial: Option<bool>,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    allow: Grants,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LimitsTable {
    memory_mib: Option<u64>,
    cpu_time_ms: Option<u64>,
    wall_time_ms: Option<u64>,
    host_allocation_kib: Option<u64>,
    concurrent_calls: Option<u64>,
    output_kib: Option<u64>,
    module_mib: Option<u64>,
}

/// The longest that a client's request may be made to wait.
const MAX_TIME_MS: u64 = 10 * 60 * 1000;

impl LimitsTable {
    fn checked(&self, defaults: Limits) -> Result<Limits, ManifestError> {
        const KIB: usize = 1024;
        let bytes = |key, value: Option<u64>, most: u64, unit: usize, default: usize| {
            in_range(key, value, 1, most).map(|value| {
                value.map_or(default, |count| {
                    usize::try_from(count)
                        .unwrap_or(usize::MAX)
                        .saturating_mul(unit)
                })
            })
        };
        let time = |key, value, default| {
            in_range(key, value, 10, MAX_TIME_MS)
                .map(|value| value.map_or(default, Duration::from_millis))
        };
        Ok(Limits {
            memory: bytes(
                "memory-mib",
                self.memory_mib,
                (MAX_MEMORY / MIB) as u64,
                MIB,
                defaults.memory,
            )?,
            cpu_time: time("cpu-time-ms", self.cpu_time_ms, defaults.cpu_time)?,
            wall_time: time("wall-time-ms", self.wall_time_ms, defaults.wall_time)?,
            host_allocation: bytes(
                "host-allocation-kib",
                self.host_allocation_kib,
                1024 * 1024,
                KIB,
                defaults.host_allocation,
            )?,
            concurrent_calls: bytes(
                "concurrent-calls",
                self.concurrent_calls,
                1000,
                1,
                defaults.concurrent_calls,
            )?,
            output: bytes(
                "output-kib",
                self.output_kib,
                1024 * 1024,
                KIB,
                defaults.output,
            )?,
            module: bytes("module-mib", self.module_mib, 1024, MIB, defaults.module)?,
        })
    }
}

fn in_range(
    key: &'static str,
    value: Option<u64>,
    least: u64,
    most: u64,
) -> Result<Option<u64>, ManifestError> {
    match value {
        Some(value) if !(least..=most).contains(&value) => Err(ManifestError::OutOfRange {
            key,
            value,
            least,
            most,
        }),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert_eq!(Manifest::parse("").unwrap(), Manifest::default());
    }

    #[test]
    fn every_key_is_read() {
        let manifest = Manifest::parse(
            r#"
            order = -5
            on-error = "allow"
            instances = "reuse"
            events = ["pre-create", "post-finish"]
            trial = false
            [limits]
            memory-mib = 8
            cpu-time-ms = 50
            wall-time-ms = 100
            host-allocation-kib = 64
            concurrent-calls = 3
            output-kib = 1
            module-mib = 2
            [config]
            message = "no"
            nested = { list = [1, 2] }
            "#,
        )
        .unwrap();
        assert_eq!(manifest.order, -5);
        assert_eq!(manifest.on_error, OnError::Allow);
        assert_eq!(manifest.instances, Instances::Reuse);
        assert_eq!(manifest.events.to_string(), "pre-create, post-finish");
        assert!(!manifest.trial);
        assert_eq!(
            manifest.limits,
            Limits {
                memory: 8 * MIB,
                cpu_time: Duration::from_millis(50),
                wall_time: Duration::from_millis(100),
                host_allocation: 64 * 1024,
                concurrent_calls: 3,
                output: 1024,
                module: 2 * MIB,
            }
        );
        assert_eq!(
            Value::Object(manifest.config).to_string(),
            r#"{"message":"no","nested":{"list":[1,2]}}"#
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        for (text, parts) in [
            ("odrer = 1", ["odrer", "expected one of"]),
            ("on-error = \"ignore\"", ["ignore", "`reject` or `allow`"]),
            ("instances = 3", ["wanted string", "line 1"]),
            (
                "events = [\"pre-crate\"]",
                ["pre-crate", "pre-create, post-create"],
            ),
            (
                "[limits]\nmemory-mib = 0",
                ["memory-mib", "between 1 and 1024"],
            ),
            (
                "[limits]\nwall-time-ms = 1",
                ["wall-time-ms", "between 10 and 600000"],
            ),
            ("[limits]\nmemory = 5", ["memory", "memory-mib"]),
            ("order = ", ["line 1", "value"]),
        ] {
            let message = Manifest::parse(text).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{text}: {message}");
            }
        }
    }
}
