//! Single modules, loaded as the server loads them, for who writes them or
//! looks at them: same engine, limits and grants, and nothing that serves.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use super::anatomy::Anatomy;
use super::cache::digest_of;
use super::directory::{Listing, Place, PluginFiles, SeenFile, Stamp, Stranger, alone, list};
use super::generation::Generation;
use super::ingredients::{Gathered, gather_now};
use super::loader::{Calling, LoadError, Loaded, Loader, Source};
use super::manifest::Manifest;
use super::module::{ModuleError, PORTING};
use super::remote::RemotePlugin;
use super::trial;

/// Why modules can't be tried on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine can't start: {0}")]
pub struct NoEngine(String);

/// Loads modules one by one.
pub struct Workbench {
    loader: Loader,
    runtime: Runtime,
}

/// A module that was read, with its `NAME.toml`.
#[derive(Clone)]
pub struct Piece {
    source: Source,
    digest: String,
}

/// A module that the server would load.
#[derive(Debug)]
pub struct Ready {
    /// What is called.
    pub generation: Arc<Generation>,
    /// Bytes of memory and tables that it has before it is called.
    pub memory_at_start: usize,
    /// How long the trial call took, if there was one.
    pub trial: Option<Duration>,
}

/// What lies in a directory of hooks.
#[derive(Default)]
pub struct Shelf {
    /// The modules by name, read or not.
    pub pieces: Vec<(String, Result<Piece, LoadError>)>,
    /// Files that are no part of a plugin: which, and why.
    pub strangers: Vec<(String, String)>,
}

impl Workbench {
    /// One with the compile cache in `cache`.
    ///
    /// # Errors
    /// The machine can't run modules.
    pub fn new(cache: &Path, calling: Calling) -> Result<Self, NoEngine> {
        let loader = Loader::new(cache, calling).map_err(|error| NoEngine(format!("{error:#}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| NoEngine(error.to_string()))?;
        Ok(Self { loader, runtime })
    }

    /// What a module exports and imports. Compiles it, or finds it in the cache.
    ///
    /// # Errors
    /// It is no module.
    pub fn anatomy(&self, piece: &Piece) -> Result<Anatomy, ModuleError> {
        self.loader.anatomy(&piece.source.bytes, &piece.digest)
    }

    /// Loads a module as the server does, trial call included.
    ///
    /// # Errors
    /// Why the server would not load it.
    pub fn load(&self, piece: &Piece) -> Result<Ready, LoadError> {
        let mut source = piece.source.clone();
        // One piece may be loaded several times.
        source.tally = Arc::default();
        let is_tried = std::mem::replace(&mut source.manifest.trial, false);
        let loaded = self.runtime.block_on(self.loader.load(source, 1));
        let Loaded { generation, .. } = loaded?;
        let memory_at_start = generation.memory_peak();
        let mut trial = None;
        if is_tried {
            let started = Instant::now();
            let tried = self.runtime.block_on(trial::run(&generation));
            tried.map_err(|(event, failure)| LoadError::Trial { event, failure })?;
            trial = Some(started.elapsed());
        }
        Ok(Ready {
            generation,
            memory_at_start,
            trial,
        })
    }

    /// Runs a call to its end.
    pub fn finish<F: Future>(&self, call: F) -> F::Output {
        self.runtime.block_on(call)
    }
}

impl Piece {
    /// Reads a module, and the `NAME.toml` beside it or the one at `config`.
    ///
    /// # Errors
    /// A file can't be read or is too large, or `NAME.toml` is wrong.
    pub fn read(path: &Path, config: Option<&Path>) -> Result<Self, LoadError> {
        let unreadable = |path: &Path| {
            let file = path.display().to_string();
            move |source| LoadError::Read { file, source }
        };
        let (name, mut files) = alone(path).map_err(unreadable(path))?;
        if let Some(config) = config {
            let stamp = Stamp::read(config).map_err(unreadable(config))?;
            if !config.is_file() {
                let source = io::Error::other("it is no file");
                return Err(unreadable(config)(source));
            }
            let path = config.to_owned();
            files.manifest = Some(SeenFile { path, stamp });
        }
        // What it would be if it lay in the directory of hooks.
        files.place = Place::Directory;
        Self::of(&name, &files)
    }

    /// A module from a registry.
    ///
    /// # Errors
    /// A secret of it is not there.
    pub fn pulled(plugin: &RemotePlugin, module: Vec<u8>) -> Result<Self, LoadError> {
        Ok(Self {
            digest: digest_of(&module),
            source: plugin.source(module, Arc::default())?,
        })
    }

    fn of(name: &str, files: &PluginFiles) -> Result<Self, LoadError> {
        let (manifest, bytes, ingredients) = match gather_now(files)? {
            Gathered::Whole {
                manifest,
                bytes,
                ingredients,
            } => (manifest, bytes, ingredients),
            Gathered::Unsettled(_) => return Err(changing(&files.module)),
        };
        let file = files.module.path.file_name().unwrap_or_default();
        Ok(Self {
            digest: digest_of(&bytes),
            source: Source {
                name: name.to_owned(),
                file: file.to_string_lossy().into_owned(),
                place: files.place,
                bytes,
                manifest: *manifest,
                secrets: Arc::clone(&ingredients.secrets),
                schema: ingredients.schema,
                tally: Arc::default(),
            },
        })
    }

    /// The same, called for all events as the module of `--hooks-file` is.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.source.place = Place::Alone;
        self
    }

    /// The same with another `[config]`.
    #[must_use]
    pub fn with_config(mut self, config: Map<String, Value>) -> Self {
        self.source.manifest.config = config;
        self
    }

    /// The plugin's name: its file's without `.wasm`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// Bytes of the module.
    #[must_use]
    pub fn size(&self) -> usize {
        self.source.bytes.len()
    }

    /// The module's SHA-256 in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What its operator set.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.source.manifest
    }
}

impl Shelf {
    /// Reads a directory of hooks.
    ///
    /// # Errors
    /// The directory can't be read.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let Listing {
            plugins, strangers, ..
        } = list(directory)?;
        let pieces = plugins.into_iter().map(|(name, files)| {
            let piece = Piece::of(&name, &files);
            (name, piece)
        });
        let strangers = strangers.into_iter().map(|(path, stranger)| {
            let why = match stranger {
                Stranger::Native => format!("a native hook is refused: {PORTING}"),
                Stranger::Other(why) => why.to_owned(),
            };
            let file = path.file_name().unwrap_or_default();
            (file.to_string_lossy().into_owned(), why)
        });
        Ok(Self {
            pieces: pieces.collect(),
            strangers: strangers.collect(),
        })
    }
}

fn changing(file: &SeenFile) -> LoadError {
    LoadError::Read {
        file: file.path.display().to_string(),
        source: io::Error::other("it changed while it was read"),
    }
}
