//! The plugins that are known, and what a new look at the directory changes.
//!
//! A plugin whose files changed is loaded anew; if that fails, its old
//! generation keeps serving. The result of one look is published in one swap,
//! so that a renamed plugin is never missing and never there twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::denials::Denials;
use super::directory::{Content, Listing, Place, PluginFiles, SeenFile, Stamp, Stranger, read};
use super::generation::Generation;
use super::limits::MIB;
use super::loader::{LoadError, Loaded, Loader, Source};
use super::manifest::{Manifest, ManifestError};
use super::module::PORTING;
use super::schema;
use super::secrets::{SecretSource, Secrets};

/// The largest `NAME.toml` that is read.
const MANIFEST_LIMIT: usize = MIB;

/// One plugin and the files it was last loaded from.
struct Known {
    seen: Seen,
    ingredients: Option<Ingredients>,
    generation: Option<Arc<Generation>>,
    number: u64,
    denials: Arc<Denials>,
}

/// The state of all files that a plugin is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    module: Stamp,
    manifest: Option<Stamp>,
    /// Those that the manifest names, and its schema; `None` for one that is not
    /// there.
    others: BTreeMap<PathBuf, Option<Stamp>>,
}

impl Seen {
    fn new(files: &PluginFiles, others: impl Iterator<Item = PathBuf>) -> Self {
        let stamped = |path: PathBuf| {
            let stamp = Stamp::read(&path).ok();
            (path, stamp)
        };
        Self {
            module: files.module.stamp,
            manifest: files.manifest.as_ref().map(|file| file.stamp),
            others: others.map(stamped).collect(),
        }
    }

    /// How long it takes until all of them have been left alone for a while; `None`
    /// when they have.
    fn unsettled_for(&self, now: SystemTime) -> Option<Duration> {
        let others = self.others.values().copied().flatten();
        let stamps = std::iter::once(self.module)
            .chain(self.manifest)
            .chain(others);
        stamps.filter_map(|stamp| stamp.unsettled_for(now)).max()
    }
}

/// What a generation was made of.
#[derive(PartialEq, Eq)]
struct Ingredients {
    digest: String,
    manifest: String,
    schema: Option<Vec<u8>>,
    secrets: Arc<Secrets>,
}

/// All plugins of one directory.
pub(super) struct Collection {
    loader: Loader,
    known: BTreeMap<String, Known>,
    strangers: BTreeMap<PathBuf, Stranger>,
    /// The plugins of the server's own, which stay as they are.
    pinned: BTreeMap<String, Arc<Generation>>,
}

/// What a look at the directory came to.
pub(super) struct Outcome {
    /// What serves now and did not before, and what no longer does.
    pub(super) changes: Vec<Change>,
    /// What was not loaded, and why. Said in the log already.
    pub(super) refused: Vec<(String, LoadError)>,
    /// When to look again because a file is still being written.
    pub(super) unsettled: Option<Duration>,
}

/// One plugin more, another or less. Said in the log when it is true.
pub(super) enum Change {
    Loaded {
        generation: Arc<Generation>,
        compiled: bool,
        took: Duration,
    },
    Removed(Arc<Generation>),
}

impl Change {
    pub(super) fn report(&self) {
        match self {
            Self::Loaded {
                generation,
                compiled,
                took,
            } => tracing::info!(
                plugin = generation.name(),
                generation = generation.number(),
                digest = generation.digest(),
                events = generation.subscription().all().to_string(),
                compiled,
                milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "plugin loaded"
            ),
            Self::Removed(generation) => tracing::info!(
                plugin = generation.name(),
                generation = generation.number(),
                digest = generation.digest(),
                "plugin removed"
            ),
        }
    }
}

/// What was read of a plugin's files.
enum Candidate {
    Unsettled(Duration),
    /// The same content in a file with another stamp.
    Same,
    Ready(Box<Source>, Ingredients),
}

impl Collection {
    pub(super) fn new(loader: Loader) -> Self {
        Self {
            loader,
            known: BTreeMap::new(),
            strangers: BTreeMap::new(),
            pinned: BTreeMap::new(),
        }
    }

    /// Everything that serves now.
    pub(super) fn generations(&self) -> impl Iterator<Item = Arc<Generation>> + '_ {
        let own = self.pinned.values().cloned();
        let known = self.known.values();
        own.chain(known.filter_map(|known| known.generation.clone()))
    }

    /// Loads a plugin of the server's own, which nothing in the directory
    /// replaces.
    pub(super) async fn pin(
        &mut self,
        name: &str,
        module: &'static [u8],
        manifest: Manifest,
    ) -> Result<Change, LoadError> {
        let started = Instant::now();
        let source = Source {
            name: name.to_owned(),
            file: format!("{name}.wasm"),
            place: Place::Directory,
            bytes: module.to_vec(),
            manifest,
            secrets: Arc::default(),
            schema: None,
            denials: Arc::default(),
        };
        let Loaded {
            generation,
            compiled,
        } = self.loader.load(source, 1).await?;
        self.pinned.insert(name.to_owned(), Arc::clone(&generation));
        Ok(Change::Loaded {
            generation,
            compiled,
            took: started.elapsed(),
        })
    }

    /// Whether there is a plugin of this name that serves.
    pub(super) fn serves(&self, name: &str) -> bool {
        self.known
            .get(name)
            .is_some_and(|known| known.generation.is_some())
    }

    /// Brings the collection to what `listing` shows.
    pub(super) async fn update(&mut self, listing: Listing) -> Outcome {
        let mut outcome = Outcome {
            changes: self.remove_gone(&listing),
            refused: Vec::new(),
            unsettled: None,
        };
        for (name, files) in &listing.plugins {
            let known = self.known.get(name).map(|known| &known.seen);
            let others = known.map(|seen| seen.others.keys().cloned());
            let mut seen = Seen::new(files, others.into_iter().flatten());
            if known == Some(&seen) || listing.stale.contains(&files.place) {
                continue;
            }
            match self.load(name, files, &mut seen).await {
                Ok(None) => self.touch(name, seen),
                Ok(Some(Step::Wait(left))) => {
                    outcome.unsettled = Some(outcome.unsettled.map_or(left, |old| old.max(left)));
                }
                Ok(Some(Step::Swap(swap))) => {
                    let change = self.swap(name, seen, *swap);
                    outcome.changes.push(change);
                }
                Err(error) => {
                    self.keep(name, seen, &error);
                    outcome.refused.push((name.clone(), error));
                }
            }
        }
        self.report_strangers(listing.strangers);
        outcome
    }

    /// Notes in `seen` the files that it reads.
    async fn load(
        &self,
        name: &str,
        files: &PluginFiles,
        seen: &mut Seen,
    ) -> Result<Option<Step>, LoadError> {
        if self.pinned.contains_key(name) {
            return Err(LoadError::NameTaken);
        }
        let started = Instant::now();
        let (source, ingredients) = match self.candidate(name, files, seen)? {
            Candidate::Unsettled(left) => return Ok(Some(Step::Wait(left))),
            Candidate::Same => return Ok(None),
            Candidate::Ready(source, ingredients) => (source, ingredients),
        };
        let number = self.known.get(name).map_or(0, |known| known.number) + 1;
        let loaded = self.loader.load(*source, number).await?;
        let swap = Swap {
            loaded,
            ingredients,
            took: started.elapsed(),
        };
        Ok(Some(Step::Swap(Box::new(swap))))
    }

    fn candidate(
        &self,
        name: &str,
        files: &PluginFiles,
        seen: &mut Seen,
    ) -> Result<Candidate, LoadError> {
        let now = SystemTime::now();
        if let Some(left) = seen.unsettled_for(now) {
            return Ok(Candidate::Unsettled(left));
        }
        let text = match files.manifest.as_ref().map(read_manifest).transpose()? {
            Some(None) => return Ok(Candidate::Unsettled(super::directory::SETTLE)),
            Some(Some(text)) => text,
            None => String::new(),
        };
        let manifest = Manifest::parse(&text)?;
        // Before they are read: what changes from now on is seen at the next look.
        let schema_file = files.module.path.with_extension("schema.json");
        let others = secret_files(&manifest).chain([schema_file.clone()]);
        *seen = Seen::new(files, others);
        if let Some(left) = seen.unsettled_for(now) {
            return Ok(Candidate::Unsettled(left));
        }
        let bytes = match contents(&files.module, manifest.limits.module)? {
            Content::Whole(bytes) => bytes,
            Content::Changed => return Ok(Candidate::Unsettled(super::directory::SETTLE)),
            Content::TooLarge => {
                return Err(too_large(&files.module, manifest.limits.module));
            }
        };
        let stamp = seen.others.get(&schema_file).copied().flatten();
        let schema = match stamp
            .map(|stamp| read_schema(schema_file, stamp))
            .transpose()?
        {
            Some(None) => return Ok(Candidate::Unsettled(super::directory::SETTLE)),
            Some(schema) => schema,
            None => None,
        };
        let ingredients = Ingredients {
            digest: super::cache::digest_of(&bytes),
            manifest: text,
            schema: schema.clone(),
            secrets: Arc::new(Secrets::read(&manifest.secrets)?),
        };
        let known = self.known.get(name);
        if known.is_some_and(|known| known.ingredients.as_ref() == Some(&ingredients)) {
            return Ok(Candidate::Same);
        }
        let file = files.module.path.file_name().unwrap_or_default();
        let source = Source {
            name: name.to_owned(),
            file: file.to_string_lossy().into_owned(),
            place: files.place,
            bytes,
            manifest,
            secrets: Arc::clone(&ingredients.secrets),
            schema,
            denials: known
                .map(|known| Arc::clone(&known.denials))
                .unwrap_or_default(),
        };
        Ok(Candidate::Ready(Box::new(source), ingredients))
    }

    fn remove_gone(&mut self, listing: &Listing) -> Vec<Change> {
        let gone = self
            .known
            .extract_if(.., |name, _| !listing.plugins.contains_key(name));
        gone.filter_map(|(_, known)| known.generation)
            .map(Change::Removed)
            .collect()
    }

    fn touch(&mut self, name: &str, seen: Seen) {
        if let Some(known) = self.known.get_mut(name) {
            known.seen = seen;
        }
    }

    fn swap(&mut self, name: &str, seen: Seen, swap: Swap) -> Change {
        let Loaded {
            generation,
            compiled,
        } = swap.loaded;
        self.known.insert(
            name.to_owned(),
            Known {
                seen,
                ingredients: Some(swap.ingredients),
                number: generation.number(),
                denials: Arc::clone(&generation.blueprint.speaker.denials),
                generation: Some(Arc::clone(&generation)),
            },
        );
        Change::Loaded {
            generation,
            compiled,
            took: swap.took,
        }
    }

    fn keep(&mut self, name: &str, seen: Seen, error: &LoadError) {
        let known = self.known.entry(name.to_owned()).or_insert(Known {
            seen: seen.clone(),
            ingredients: None,
            generation: None,
            number: 0,
            denials: Arc::default(),
        });
        known.seen = seen;
        match &known.generation {
            Some(generation) => tracing::error!(
                plugin = name,
                error = error.to_string(),
                generation = generation.number(),
                digest = generation.digest(),
                "plugin not loaded; the generation before keeps serving"
            ),
            None => tracing::error!(
                plugin = name,
                error = error.to_string(),
                "plugin not loaded; nothing answers in its place"
            ),
        }
    }

    fn report_strangers(&mut self, strangers: BTreeMap<PathBuf, Stranger>) {
        for (path, stranger) in &strangers {
            if self.strangers.get(path) == Some(stranger) {
                continue;
            }
            let file = path.display();
            match stranger {
                Stranger::Native => {
                    tracing::error!(%file, "a native hook is refused: {PORTING}");
                }
                Stranger::Other(reason) => {
                    tracing::warn!(%file, reason, "file in the directory of plugins ignored");
                }
            }
        }
        self.strangers = strangers;
    }
}

/// What to do with a plugin whose files changed.
enum Step {
    Wait(Duration),
    Swap(Box<Swap>),
}

/// A generation that takes another's place.
struct Swap {
    loaded: Loaded,
    ingredients: Ingredients,
    took: Duration,
}

fn contents(file: &SeenFile, limit: usize) -> Result<Content, LoadError> {
    read(file, limit).map_err(|source| LoadError::Read {
        file: file.path.display().to_string(),
        source,
    })
}

/// The text of a `NAME.toml`; `None` if it changed while it was read.
fn read_manifest(file: &SeenFile) -> Result<Option<String>, LoadError> {
    match contents(file, MANIFEST_LIMIT)? {
        Content::Whole(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| LoadError::Manifest(ManifestError::NotUtf8)),
        Content::Changed => Ok(None),
        Content::TooLarge => Err(LoadError::Manifest(ManifestError::TooLarge)),
    }
}

/// The files that hold secrets.
fn secret_files(manifest: &Manifest) -> impl Iterator<Item = PathBuf> + '_ {
    manifest.secrets.values().filter_map(|source| match source {
        SecretSource::File(path) => Some(path.clone()),
        SecretSource::Env(_) => None,
    })
}

/// The text of a `NAME.schema.json`; `None` if it changed while it was read.
fn read_schema(path: PathBuf, stamp: Stamp) -> Result<Option<Vec<u8>>, LoadError> {
    match contents(&SeenFile { path, stamp }, schema::LARGEST)? {
        Content::Whole(bytes) => Ok(Some(bytes)),
        Content::Changed => Ok(None),
        Content::TooLarge => Err(LoadError::Config(schema::too_large())),
    }
}

fn too_large(file: &SeenFile, limit: usize) -> LoadError {
    LoadError::TooLarge {
        size_mib: file.stamp.size().div_ceil(MIB as u64),
        limit_mib: (limit / MIB) as u64,
    }
}
