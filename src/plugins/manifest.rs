//! `NAME.toml`: what an operator sets for one plugin.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::DeTable;

use super::breaker::BreakerSettings;
use super::capability::Grants;
use super::events::{EventKind, EventSet};
use super::keys::{Keys, Wrong};
use super::limits::Limits;
use super::numbers::{BreakerTable, LimitsTable, OutOfRange};
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

#[cfg(test)]
mod tests;
