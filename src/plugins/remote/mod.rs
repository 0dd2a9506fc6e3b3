//! Plugins that run straight from a registry.
//!
//! They are fetched on a thread of their own, so that a slow registry holds up
//! neither requests nor the reload of other plugins, and then go the way of every
//! other module: compiled, checked, tried, and swapped in at once. One that can't
//! be had is tried again after a while that grows. Until it is there, uploads
//! pass without it, unless it is `required`.
//!
//! The file that names them may change while the server runs: what is new is
//! fetched, what is gone ceases to serve, and what is to be another serves as it was
//! until the other is loaded.

mod adopted;
mod fetcher;
mod file;
mod imports;
mod prepared;
mod roster;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::directory::Place;
use super::loader::{LoadError, Source};
use super::manifest::Manifest;
use super::secrets::Secrets;
use super::tally::Tally;
use crate::oci::{ClientConfig, PullPolicy, Reference, TrustConfig};

pub(super) use adopted::{Adopted, Turn};
pub(super) use fetcher::{Arrival, Fetcher};
pub use file::{RemoteFile, RemoteFileError};
pub(super) use prepared::Prepared;
pub(super) use roster::{Look, Roster};

/// A plugin in a registry.
#[derive(Debug, Clone, PartialEq)]
pub struct RemotePlugin {
    /// What it is called here.
    pub name: String,
    /// Where it is.
    pub reference: Reference,
    /// When the registry is asked.
    pub policy: PullPolicy,
    /// Whether its blocking events are refused as long as it is not there.
    pub required: bool,
    /// Its configuration, limits and grants.
    pub manifest: Manifest,
}

impl RemotePlugin {
    /// What is loaded of it.
    pub(super) fn source(&self, module: Vec<u8>, tally: Arc<Tally>) -> Result<Source, LoadError> {
        Ok(Source {
            name: self.name.clone(),
            file: format!("{}.wasm", self.name),
            place: Place::Directory,
            bytes: module,
            manifest: self.manifest.clone(),
            secrets: Arc::new(Secrets::read(&self.manifest.secrets)?),
            schema: None,
            tally,
        })
    }
}

/// The plugins in registries, and how those are reached.
#[derive(Debug, Clone)]
pub struct RemoteConfig {
    /// Plugins that are the same as long as the server runs.
    pub plugins: Vec<RemotePlugin>,
    /// A file with more of them, changes of which are followed.
    pub file: Option<RemoteFile>,
    /// How registries are reached.
    pub client: ClientConfig,
    /// Whose signatures count.
    pub trust: TrustConfig,
    /// Where what was pulled is kept.
    pub cache: PathBuf,
    /// Where it is kept what each tag led to.
    pub lock: PathBuf,
    /// How often it is looked whether a tag leads elsewhere; `None` for never.
    pub poll: Option<Duration>,
}
