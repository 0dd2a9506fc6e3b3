//! `--hooks-oci-file`: a table `[plugins.NAME]` for each plugin, with where it is
//! and all that a `NAME.toml` may say.

use std::fs;
use std::io;
use std::path::PathBuf;

use toml::{Table, Value};

use super::RemotePlugin;
use crate::oci::{OciError, PullPolicy, Reference};
use crate::plugins::manifest::{Manifest, ManifestError};

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum RemoteFileError {
    /// It is not there, or not for us to read.
    #[error("it can't be read: {0}")]
    Read(io::Error),
    /// No TOML.
    #[error("it is no TOML: {0}")]
    Syntax(String),
    /// Something beside the plugins.
    #[error("`{0}` is not known there; expected are tables [plugins.NAME]")]
    Unknown(String),
    /// A plugin that is no table.
    #[error("[plugins.{0}] is no table")]
    NoTable(String),
    /// A name that no plugin can have.
    #[error("`{0}` can't be a plugin's name; expected letters, digits, `-`, `_` and `.`")]
    Name(String),
    /// A key with a value of another type, or none.
    #[error("[plugins.{name}]: `{key}` {problem}")]
    Key {
        /// The plugin.
        name: String,
        /// The key.
        key: &'static str,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// What a `NAME.toml` would say is wrong.
    #[error("[plugins.{name}]: {error}")]
    Manifest {
        /// The plugin.
        name: String,
        /// What is wrong.
        error: ManifestError,
    },
}

/// Where the file is.
#[derive(Debug, Clone)]
pub struct RemoteFile {
    /// Its path.
    pub path: PathBuf,
    /// The policy of plugins that say none.
    pub policy: PullPolicy,
}

impl RemoteFile {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, with which plugin, and what was expected.
    pub fn read(&self) -> Result<Vec<RemotePlugin>, RemoteFileError> {
        let text = fs::read_to_string(&self.path).map_err(RemoteFileError::Read)?;
        RemotePlugin::parse_file(&text, self.policy)
    }
}

impl RemotePlugin {
    /// Reads the file's text. `policy` is that of plugins that say none.
    ///
    /// # Errors
    /// What is wrong, with which plugin, and what was expected.
    pub fn parse_file(text: &str, policy: PullPolicy) -> Result<Vec<Self>, RemoteFileError> {
        let file: Table = toml::from_str(text)
            .map_err(|error| RemoteFileError::Syntax(error.to_string().trim().to_owned()))?;
        let mut plugins = Vec::new();
        for (key, value) in file {
            let ("plugins", Value::Table(tables)) = (key.as_str(), value) else {
                return Err(RemoteFileError::Unknown(key));
            };
            for (name, value) in tables {
                let Value::Table(table) = value else {
                    return Err(RemoteFileError::NoTable(name));
                };
                plugins.push(Self::parse(name, table, policy)?);
            }
        }
        Ok(plugins)
    }

    fn parse(name: String, mut table: Table, policy: PullPolicy) -> Result<Self, RemoteFileError> {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_fit) {
            return Err(RemoteFileError::Name(name));
        }
        let wrong = |key, problem: &str| RemoteFileError::Key {
            name: name.clone(),
            key,
            problem: problem.to_owned(),
        };
        let reference = match table.remove("reference") {
            Some(Value::String(text)) => text
                .parse::<Reference>()
                .map_err(|error: OciError| wrong("reference", &format!("is wrong: {error}")))?,
            Some(_) => return Err(wrong("reference", "must be a string")),
            None => return Err(wrong("reference", "is missing; expected HOST/NAME:TAG")),
        };
        let policy = match table.remove("policy") {
            None => policy,
            Some(value) => value.try_into().map_err(|_| {
                wrong(
                    "policy",
                    "must be \"always\", \"if-not-present\" or \"never\"",
                )
            })?,
        };
        let required = match table.remove("required") {
            None => false,
            Some(Value::Boolean(required)) => required,
            Some(_) => return Err(wrong("required", "must be true or false")),
        };
        let manifest = manifest(&table).map_err(|error| RemoteFileError::Manifest {
            name: name.clone(),
            error,
        })?;
        Ok(Self {
            name,
            reference,
            policy,
            required,
            manifest,
        })
    }
}

/// What is left is a `NAME.toml`. Its lines are not those of the file.
fn manifest(table: &Table) -> Result<Manifest, ManifestError> {
    let text = toml::to_string(table).unwrap_or_default();
    Manifest::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<RemotePlugin>, String> {
        RemotePlugin::parse_file(text, PullPolicy::IfNotPresent).map_err(|error| error.to_string())
    }

    #[test]
    fn a_plugin_is_a_reference_and_what_a_manifest_may_say() {
        let plugins = parse(
            r#"
            [plugins.limits]
            reference = "registry.example/hooks/limits:1"
            policy = "always"
            required = true
            order = 3
            [plugins.limits.config]
            message = "no"
            [plugins.limits.limits]
            memory-mib = 8
            [plugins.audit]
            reference = "registry.example/hooks/audit:2"
            "#,
        )
        .unwrap();
        let [audit, limits] = plugins.as_slice() else {
            panic!("{plugins:?}");
        };
        assert_eq!((audit.name.as_str(), audit.required), ("audit", false));
        assert_eq!(audit.policy, PullPolicy::IfNotPresent);
        assert_eq!(limits.policy, PullPolicy::Always);
        assert!(limits.required);
        assert_eq!(limits.manifest.order, 3);
        assert_eq!(limits.manifest.config["message"], "no");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_plugin() {
        for (text, parts) in [
            ("[plugin.a]", ["`plugin` is not known", "[plugins.NAME]"]),
            ("[plugins]\na = 1", ["[plugins.a]", "no table"]),
            (
                "[plugins.a]",
                ["[plugins.a]: `reference` is missing", "HOST/NAME:TAG"],
            ),
            (
                "[plugins.a]\nreference = \"a\"",
                ["`a` is no reference", "HOST/NAME:TAG"],
            ),
            (
                "[plugins.a]\nreference = \"h.b/a:1\"\npolicy = \"often\"",
                ["`policy`", "if-not-present"],
            ),
            (
                "[plugins.a]\nreference = \"h.b/a:1\"\nodrer = 1",
                ["[plugins.a]", "odrer"],
            ),
            (
                "[plugins.\"a/b\"]\nreference = \"h.b/a:1\"",
                ["`a/b`", "letters"],
            ),
            ("plugins = ", ["no TOML", "line 1"]),
        ] {
            let error = parse(text).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{text}: {error}");
            }
        }
    }
}
