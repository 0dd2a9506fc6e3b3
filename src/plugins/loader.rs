//! From a file's bytes and its manifest to a generation that has proved itself.

use std::path::Path;
use std::sync::Arc;

use rustus_events::Format;
use serde_json::Value;

use super::anatomy::Anatomy;
use super::cache::{CompileCache, digest_of};
use super::capability::{LendError, Lender};
use super::command::{Command, Program};
use super::directory::Place;
use super::engine::PluginEngine;
use super::events::{EventKind, EventSet, UnknownEvent};
use super::failure::Failure;
use super::generation::{Generation, Guest};
use super::instance::Blueprint;
use super::manifest::{Instances, Manifest, ManifestError};
use super::mask::Mask;
use super::module::{Content, Linkers, Module, ModuleError};
use super::output::Speaker;
use super::schema::{self, ConfigError};
use super::secrets::{SecretError, Secrets};
use super::sections::custom_section;
use super::subscription::Subscription;
use super::tally::Tally;
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
    /// `[config]` is not what the plugin's schema expects.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A secret of it is not there.
    #[error("a secret under [secrets] can't be had: {0}")]
    Secret(#[from] SecretError),
    /// A plugin of the server's own has the name.
    #[error(
        "a built-in plugin of this name serves, switched on by its flags; give the file another name"
    )]
    NameTaken,
    /// A plugin from a registry has the name.
    #[error(
        "a plugin of this name runs from a registry (--hooks-oci or --hooks-oci-file); give the \
         file another name"
    )]
    NameOfRemote,
    /// The module does not fit.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// Its events and its exports have nothing in common.
    #[error("`events` leaves nothing of what reaches it ({exported})")]
    NothingLeft {
        /// What it exports.
        exported: String,
    },
    /// A command that no event calls.
    #[error(
        "it is a WASI command, and a command hook is called after its event: {0}; rename it, such \
         as to pre-create.wasm, or name it with --hooks-file to have it called for all events"
    )]
    CommandName(UnknownEvent),
    /// A command that is to be kept warm.
    #[error(
        "it is a WASI command, which runs once and ends, so `instances = \"reuse\"` can't be; \
         remove the line"
    )]
    CommandReuse,
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

impl LoadError {
    /// The text without what stands in a `NAME.toml`: it may be a secret.
    pub(super) fn for_show(&self) -> String {
        match self {
            Self::Manifest(_) | Self::Config(_) | Self::Secret(_) | Self::Lend(_) => {
                "its NAME.toml, or its flags, are wrong; the log says what".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// A short constant name for metric labels.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Read { .. } => "unreadable",
            Self::TooLarge { .. } => "too-large",
            Self::Manifest(_) => "manifest",
            Self::Config(_) => "config",
            Self::Secret(_) => "secret",
            Self::NameTaken | Self::NameOfRemote => "name-taken",
            Self::Module(_) => "module",
            Self::NothingLeft { .. } => "events",
            Self::CommandName(_) | Self::CommandReuse => "command",
            Self::Lend(_) => "grant",
            Self::Start(_) => "start",
            Self::Trial { .. } => "trial",
        }
    }
}

/// A module's bytes with what they are called.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) place: Place,
    pub(super) bytes: Vec<u8>,
    pub(super) manifest: Manifest,
    /// What the manifest's secrets are.
    pub(super) secrets: Arc<Secrets>,
    /// The schema beside the module, which goes before one in it.
    pub(super) schema: Option<Vec<u8>>,
    /// What was counted about the generations before.
    pub(super) tally: Arc<Tally>,
}

impl Source {
    /// Whether the configuration is what the plugin expects, as far as it says.
    fn check_config(&self) -> Result<(), ConfigError> {
        let beside = self.schema.as_deref();
        let schema = beside.or_else(|| custom_section(&self.bytes, schema::SECTION));
        let config = Value::Object(self.manifest.config.clone());
        schema.map_or(Ok(()), |schema| schema::check(schema, &config))
    }
}

/// What has become of a source.
pub(super) struct Loaded {
    pub(super) generation: Arc<Generation>,
    /// Whether it was compiled now, and not found in the cache.
    pub(super) compiled: bool,
}

/// How command hooks are called.
#[derive(Debug, Clone, Copy, Default)]
pub struct Calling {
    /// The JSON that they get.
    pub format: Format,
    /// The events of `--hooks`, if it is there. It says what a module for all
    /// events is called for; elsewhere it is applied by who asks.
    pub enabled: Option<EventSet>,
}

/// Makes generations. One lives as long as the server.
pub(super) struct Loader {
    engine: Arc<PluginEngine>,
    linkers: Linkers,
    cache: CompileCache,
    calling: Calling,
    lender: Lender,
}

impl Loader {
    pub(super) fn new(cache: &Path, calling: Calling) -> wasmtime::Result<Self> {
        let engine = Arc::new(PluginEngine::new()?);
        Ok(Self {
            linkers: Linkers::new(engine.get())?,
            cache: CompileCache::open(cache, engine.get()),
            lender: Lender::new()?,
            engine,
            calling,
        })
    }

    /// What a module exports and imports.
    pub(super) fn anatomy(&self, bytes: &[u8], digest: &str) -> Result<Anatomy, ModuleError> {
        Anatomy::of(self.engine.get(), &self.cache, bytes, digest)
    }

    /// Compiles, checks and tries `source`.
    pub(super) async fn load(&self, source: Source, number: u64) -> Result<Loaded, LoadError> {
        let digest = digest_of(&source.bytes);
        let limits = &source.manifest.limits;
        source.check_config()?;
        let module = Module::load(&self.linkers, &self.cache, &source.bytes, &digest, limits)?;
        let (guest, offered) = match module.content {
            Content::Plugin(plugin, subscription) => (Guest::Plugin(plugin), subscription),
            Content::Command(program) => self.command(program, &source)?,
        };
        let Source {
            name,
            manifest,
            secrets,
            tally,
            ..
        } = source;
        let lent = self.lender.lend(&manifest, Arc::clone(&secrets), tally)?;
        let blueprint = Blueprint {
            engine: Arc::clone(&self.engine),
            limits: manifest.limits.clone(),
            speaker: Arc::new(Speaker {
                plugin: name,
                digest,
                mask: Mask::new(&secrets),
            }),
            lent: Arc::new(lent),
        };
        let generation = Generation::new(number, blueprint, guest, offered, &manifest);
        let left = generation.subscription().all();
        if left == EventSet::EMPTY && offered.all() != EventSet::EMPTY {
            return Err(LoadError::NothingLeft {
                exported: offered.all().to_string(),
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

    /// What calls a command, and how.
    fn command(
        &self,
        program: Program,
        source: &Source,
    ) -> Result<(Guest, Subscription), LoadError> {
        if source.manifest.instances == Instances::Reuse {
            return Err(LoadError::CommandReuse);
        }
        let events = match source.place {
            Place::Directory => {
                let kind = source.name.parse::<EventKind>();
                EventSet::EMPTY.with(kind.map_err(LoadError::CommandName)?)
            }
            Place::Alone => self.calling.enabled.unwrap_or(EventSet::USUAL),
        };
        let command = Command {
            program,
            file: source.file.clone(),
            names_event: source.place == Place::Alone,
            format: self.calling.format,
        };
        let blocking: EventSet = events.iter().filter(|kind| kind.is_blocking()).collect();
        let subscription = Subscription {
            asked: blocking,
            told: events.without(blocking),
        };
        Ok((Guest::Command(command), subscription))
    }
}
