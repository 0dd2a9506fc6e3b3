//! From a file's bytes and its manifest to a generation that has proved itself.

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Linker;

use super::cache::{CompileCache, digest_of};
use super::capability::{LendError, Lender};
use super::engine::PluginEngine;
use super::events::{EventKind, EventSet};
use super::failure::Failure;
use super::generation::Generation;
use super::instance::{Blueprint, CallState};
use super::manifest::{Manifest, ManifestError};
use super::module::{Module, ModuleError, linker};
use super::output::Speaker;
use super::trial;

/// Why a plugin was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file could not be read.
    #[error("{file} can't be read: {source}")]
    Read {
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than a module may be.
    #[error(
        "it has {size_mib} MiB, and a module may have {limit_mib}; set `module-mib` under [limits] if it is right"
    )]
    TooLarge {
        /// Its size in MiB, rounded up.
        size_mib: u64,
        /// The limit in MiB.
        limit_mib: u64,
    },
    /// `NAME.toml` is wrong.
    #[error("its configuration is wrong: {0}")]
    Manifest(#[from] ManifestError),
    /// A plugin of the server's own has the name.
    #[error(
        "a built-in plugin of this name serves, switched on by its flags; give the file another name"
    )]
    NameTaken,
    /// The module does not fit.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// Its events and its exports have nothing in common.
    #[error("`events` leaves nothing of what it exports ({exported})")]
    NothingLeft {
        /// What it exports.
        exported: String,
    },
    /// What it is allowed cannot be lent to it.
    #[error("what `[allow]` names can't be used: {0}")]
    Lend(#[from] LendError),
    /// No instance of it can be made.
    #[error("it can't be started: {0}")]
    Start(Failure),
    /// The trial call failed.
    #[error("the trial call of {event} failed: {failure}; `trial = false` loads it without one")]
    Trial {
        /// The event that it was tried with.
        event: EventKind,
        /// What happened.
        failure: Failure,
    },
}

/// A module's bytes with what they are called.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) manifest: Manifest,
}

/// What has become of a source.
pub(super) struct Loaded {
    pub(super) generation: Arc<Generation>,
    /// Whether it was compiled now, and not found in the cache.
    pub(super) compiled: bool,
}

/// Makes generations. One lives as long as the server.
pub(super) struct Loader {
    engine: Arc<PluginEngine>,
    linker: Linker<CallState>,
    cache: CompileCache,
    lender: Lender,
}

impl Loader {
    pub(super) fn new(cache: &Path) -> wasmtime::Result<Self> {
        let engine = Arc::new(PluginEngine::new()?);
        Ok(Self {
            linker: linker(engine.get())?,
            cache: CompileCache::open(cache, engine.get()),
            lender: Lender::new()?,
            engine,
        })
    }

    /// Compiles, checks and tries `source`.
    pub(super) async fn load(&self, source: Source, number: u64) -> Result<Loaded, LoadError> {
        let Source {
            name,
            bytes,
            manifest,
        } = source;
        let digest = digest_of(&bytes);
        let module = Module::load(&self.linker, &self.cache, &bytes, &digest, &manifest.limits)?;
        let exported = module.subscription;
        let lent = self.lender.lend(&manifest)?;
        let blueprint = Blueprint {
            engine: Arc::clone(&self.engine),
            pre: module.pre,
            exports: module.exports,
            limits: manifest.limits.clone(),
            speaker: Arc::new(Speaker {
                plugin: name,
                digest,
            }),
            lent: Arc::new(lent),
        };
        let generation = Generation::new(number, blueprint, exported, &manifest);
        if generation.subscription().all() == EventSet::EMPTY {
            return Err(LoadError::NothingLeft {
                exported: exported.all().to_string(),
            });
        }
        generation.start().await.map_err(LoadError::Start)?;
        if manifest.trial {
            trial::run(&generation)
                .await
                .map_err(|(event, failure)| LoadError::Trial { event, failure })?;
        }
        Ok(Loaded {
            generation: Arc::new(generation),
            compiled: module.compiled,
        })
    }
}
