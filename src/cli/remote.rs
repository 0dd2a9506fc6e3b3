//! The flags about plugins that run from a registry.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::oci::OciFlags;
use super::registry::plugin_name;
use super::values;
use crate::oci::{PullPolicy, Reference};
use crate::plugins::{Manifest, RemoteConfig, RemoteFile, RemotePlugin};

/// Which plugins run from registries.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Plugins from registries")]
pub struct Chosen {
    /// Plugins that run from a registry, such as registry.example/hooks/limits:1.2
    /// or limits=registry.example/x:1, separated by commas; may be repeated
    #[arg(
        long,
        env = "RUSTUS_HOOKS_OCI",
        value_delimiter = ',',
        value_name = "[NAME=]REF"
    )]
    hooks_oci: Vec<Named>,
    /// File with a table [plugins.NAME] for each plugin that runs from a registry,
    /// with its reference and what a NAME.toml may say; watched
    #[arg(long, env = "RUSTUS_HOOKS_OCI_FILE", value_name = "FILE")]
    hooks_oci_file: Option<PathBuf>,
}

/// Which plugins run from registries, and when those are asked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Plugins from registries")]
pub(super) struct RemoteFlags {
    #[command(flatten)]
    chosen: Chosen,
    /// When a registry is asked: always (at every start), if-not-present (in the
    /// cache) or never
    #[arg(
        long,
        env = "RUSTUS_OCI_PULL",
        default_value = "if-not-present",
        value_enum,
        value_name = "POLICY"
    )]
    oci_pull: PolicyName,
    /// How often it is looked whether a tag leads elsewhere [default: never]
    #[arg(long, env = "RUSTUS_OCI_POLL", value_parser = values::time, value_name = "TIME")]
    oci_poll: Option<Duration>,
}

/// When a registry is asked. Without a word on each, with which all of --help
/// would be set in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PolicyName {
    Always,
    IfNotPresent,
    Never,
}

impl From<PolicyName> for PullPolicy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Always => Self::Always,
            PolicyName::IfNotPresent => Self::IfNotPresent,
            PolicyName::Never => Self::Never,
        }
    }
}

/// `REF` or `NAME=REF`
#[derive(Debug, Clone)]
struct Named {
    name: String,
    reference: Reference,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, reference) = match text.split_once('=') {
            Some((name, reference)) => (Some(plugin_name(name)?), reference),
            None => (None, text),
        };
        let reference: Reference = reference.parse().map_err(|error| format!("{error}"))?;
        Ok(Self {
            name: name.unwrap_or_else(|| reference.short_name().to_owned()),
            reference,
        })
    }
}

impl RemoteFlags {
    /// The plugins that run from registries, if there are any. `otherwise` is
    /// where they are kept if the user has no directory for such things.
    ///
    /// # Errors
    /// What is wrong with the flags.
    pub(super) fn config(
        &self,
        oci: &OciFlags,
        otherwise: &Path,
    ) -> Result<Option<RemoteConfig>, String> {
        let policy = self.oci_pull.into();
        let (plugins, file) = (self.chosen.named(policy), self.chosen.file(policy));
        if plugins.is_empty() && file.is_none() {
            return Ok(None);
        }
        let cache = oci.cache_dir(otherwise);
        Ok(Some(RemoteConfig {
            plugins,
            file,
            client: oci.client()?,
            trust: oci.trust()?,
            lock: oci.lock(&cache),
            cache,
            poll: self.oci_poll,
        }))
    }
}

impl Chosen {
    /// All plugins, of which those that say nothing else have this policy.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn plugins(&self, policy: PullPolicy) -> Result<Vec<RemotePlugin>, String> {
        let mut plugins = self.named(policy);
        if let Some(file) = self.file(policy) {
            let read = file.read();
            plugins.extend(
                read.map_err(|error| format!("--hooks-oci-file {}: {error}", file.path.display()))?,
            );
        }
        Ok(plugins)
    }

    fn named(&self, policy: PullPolicy) -> Vec<RemotePlugin> {
        let plugin = |named: &Named| RemotePlugin {
            name: named.name.clone(),
            reference: named.reference.clone(),
            policy,
            required: false,
            manifest: Manifest::default(),
        };
        self.hooks_oci.iter().map(plugin).collect()
    }

    /// The file, unless its variable was set to nothing.
    fn file(&self, policy: PullPolicy) -> Option<RemoteFile> {
        let path = self.hooks_oci_file.clone();
        let path = path.filter(|path| !path.as_os_str().is_empty())?;
        Some(RemoteFile { path, policy })
    }
}
