//! `NAME.toml`: what an operator sets for one plugin.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::DeTable;

use super::breaker::BreakerSettings;
use super::capability::Grants;
use super::events::{EventKind, EventSet};
use super::keys::{Keys, Wrong};
use super::limits::{Limits, MAX_MEMORY, MIB};
use super::secrets::{SecretEntry, SecretSource};

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
    /// The secrets that it may read, and where they are.
    pub secrets: BTreeMap<String, SecretSource>,
    /// When it is not asked for a while.
    pub breaker: BreakerSettings,
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
            .field("secrets", &self.secrets)
            .field("breaker", &self.breaker)
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
            secrets: BTreeMap::new(),
            breaker: BreakerSettings::default(),
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
        let at = |offset: usize, message: String| ManifestError::Syntax {
            line: line_of(text, offset),
            message,
        };
        let table = DeTable::parse(text).map_err(|error| syntax(text, &error))?;
        keys()
            .check(table.get_ref())
            .map_err(|Wrong { offset, problem }| at(offset, problem))?;
        let file: File = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        let defaults = Self::default();
        let within = |range: OutOfRange| at(range.offset, range.to_string());
        Ok(Self {
            order: file.order,
            on_error: file.on_error,
            instances: file.instances,
            events: file.events.map_or(Ok(EventSet::ALL), event_set)?,
            trial: file.trial.unwrap_or(defaults.trial),
            limits: file.limits.checked(defaults.limits).map_err(within)?,
            config: file.config,
            secrets: sources(file.secrets).map_err(|(offset, problem)| at(offset, problem))?,
            breaker: file.breaker.checked(defaults.breaker).map_err(within)?,
            allow: file.allow,
        })
    }
}

/// All keys that a `NAME.toml` may have.
fn keys() -> Keys {
    let events = EventKind::ALL.map(EventKind::name).to_vec();
    let secrets = Keys::each(Keys::of::<SecretEntry>(), SecretEntry::EXAMPLE);
    Keys::of::<File>()
        .choice::<OnError>("on-error")
        .choice::<Instances>("instances")
        .list("events", events)
        .table("limits", Keys::of::<LimitsTable>())
        .table("breaker", Keys::of::<BreakerTable>())
        .table("secrets", secrets)
        .table("allow", Grants::keys())
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
}

/// A number that no plugin can be given.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` under [{table}] is {value}, but must be between {least} and {most}")]
struct OutOfRange {
    offset: usize,
    table: &'static str,
    key: &'static str,
    value: u64,
    least: u64,
    most: u64,
}

fn syntax(text: &str, error: &toml::de::Error) -> ManifestError {
    ManifestError::Syntax {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().replace('\n', ", "),
    }
}

/// The line that a byte is on, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}

/// Where each secret is, or the place of what is wrong and what it is.
fn sources(
    entries: BTreeMap<String, Spanned<SecretEntry>>,
) -> Result<BTreeMap<String, SecretSource>, (usize, String)> {
    let sources = entries.into_iter().map(|(name, entry)| {
        let offset = entry.span().start;
        let source = entry.into_inner().source();
        let source = source.map_err(|problem| {
            let name = name.escape_debug();
            (offset, format!("`{name}` under [secrets] {problem}"))
        })?;
        Ok((name, source))
    });
    sources.collect()
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
    secrets: BTreeMap<String, Spanned<SecretEntry>>,
    #[serde(default)]
    breaker: BreakerTable,
    #[serde(default)]
    allow: Grants,
}

/// A number of the file, with its place.
type Number = Option<Spanned<u64>>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LimitsTable {
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
    fn checked(&self, defaults: Limits) -> Result<Limits, OutOfRange> {
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
struct BreakerTable {
    enabled: Option<bool>,
    failures: Number,
    open_ms: Number,
    max_open_ms: Number,
}

impl BreakerTable {
    fn checked(&self, defaults: BreakerSettings) -> Result<BreakerSettings, OutOfRange> {
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
            [breaker]
            enabled = false
            failures = 3
            open-ms = 20
            max-open-ms = 40
            [secrets]
            token = { env = "TOKEN" }
            key = { file = "/run/secrets/key" }
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
        let breaker = BreakerSettings {
            enabled: false,
            failures: 3,
            open: Duration::from_millis(20),
            max_open: Duration::from_millis(40),
        };
        assert_eq!(manifest.breaker, breaker);
        let secrets = [
            ("key", SecretSource::File("/run/secrets/key".into())),
            ("token", SecretSource::Env("TOKEN".to_owned())),
        ];
        let secrets = secrets.map(|(name, source)| (name.to_owned(), source));
        assert_eq!(manifest.secrets, BTreeMap::from(secrets));
        assert_eq!(
            Value::Object(manifest.config).to_string(),
            r#"{"message":"no","nested":{"list":[1,2]}}"#
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        for (text, parts) in [
            ("on-error = \"ignore\"", ["ignore", "`reject`, `allow`"]),
            ("instances = 3", ["wanted string", "line 1"]),
            (
                "[limits]\nmemory-mib = 0",
                ["line 2: `memory-mib`", "between 1 and 1024"],
            ),
            (
                "[limits]\nwall-time-ms = 1",
                ["wall-time-ms", "between 10 and 600000"],
            ),
            (
                "[breaker]\n\nfailures = 0",
                ["line 3: `failures` under [breaker]", "between 1 and 10000"],
            ),
            ("order = ", ["line 1", "value"]),
            (
                "[secrets]\na = {}",
                ["line 2: `a` under [secrets]", "`{ env = \"NAME\" }`"],
            ),
            (
                "secrets.a = { env = \"A\", file = \"b\" }",
                ["`a` under [secrets]", "one of"],
            ),
            (
                "secrets.a = { env = \"A=B\" }",
                ["`a` under [secrets]", "no name of a variable"],
            ),
        ] {
            let message = Manifest::parse(text).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{text}: {message}");
            }
        }
    }

    #[test]
    fn a_wrong_key_is_told_with_its_line_and_the_right_one() {
        for (text, message) in [
            (
                "ordr = 1",
                "line 1: unknown key `ordr`, did you mean `order`?",
            ),
            (
                "\n[limits]\nmemory = 5",
                "line 3: unknown key `memory` under [limits], did you mean `memory-mib`?",
            ),
            (
                "limits = { cpu_time_ms = 5 }",
                "line 1: unknown key `cpu_time_ms` under [limits], did you mean `cpu-time-ms`?",
            ),
            (
                "[limits]\n[breaker]\norder = 1",
                "line 3: unknown key `order` under [breaker]; it belongs above the first table of \
                 the file",
            ),
            (
                "open-ms = 3",
                "line 1: unknown key `open-ms`; it belongs under [breaker]",
            ),
            (
                "[allow.http]\nserver = [\"http://a\"]",
                "line 2: unknown key `server` under [allow.http], did you mean `servers`?",
            ),
            (
                "[allow]\nhtpp = {}",
                "line 2: unknown key `htpp` under [allow], did you mean `http`?",
            ),
            (
                "allow.kafka.brokres = []",
                "line 1: unknown key `brokres` under [allow.kafka], did you mean `brokers`?",
            ),
            (
                "allow.amqp.uri = \"amqp://a:geheim@b\"",
                "line 1: unknown key `uri` under [allow.amqp], did you mean `url`?",
            ),
            (
                "allow.grpc.endpiont = \"a:1\"",
                "line 1: unknown key `endpiont` under [allow.grpc], did you mean `endpoint`?",
            ),
            (
                "[secrets]\nx = { enw = \"A\" }",
                "line 2: unknown key `enw` under [secrets.x], did you mean `env`?",
            ),
            (
                "events = [\"pre-create\",\n\"post-finnish\"]",
                "line 2: unknown value `post-finnish` in `events`, did you mean `post-finish`?",
            ),
            (
                "on-error = \"alow\"",
                "line 1: unknown value `alow` of `on-error`, did you mean `allow`?",
            ),
            (
                "colour = 1",
                "line 1: unknown key `colour`; expected one of `order`, `on-error`, `instances`, \
                 `events`, `trial`, `limits`, `config`, `secrets`, `breaker`, `allow`",
            ),
        ] {
            assert_eq!(Manifest::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_secret_that_was_written_out_is_not_repeated() {
        let wrong = Manifest::parse("[secrets]\ntoken = \"geheim\"").unwrap_err();
        let message = wrong.to_string();
        assert!(message.starts_with("line 2: `token`"), "{message}");
        assert!(message.contains("{ env = \"NAME\" }"), "{message}");
        assert!(!message.contains("geheim"), "{message}");
    }

    #[test]
    fn any_key_may_stand_under_config() {
        let text = "[config]\nordr = 1\nlimits = { x = 1 }\n[config.secrets]\na = 1";
        assert_eq!(Manifest::parse(text).unwrap().config.len(), 3);
    }
}
