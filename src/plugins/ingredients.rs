//! What one generation of a plugin is made of: its module, its `NAME.toml`, the
//! secrets that this names, and the schema beside the module.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::cache::digest_of;
use super::directory::{Content, PluginFiles, SETTLE, SeenFile, Stamp, read};
use super::limits::MIB;
use super::loader::LoadError;
use super::manifest::{Manifest, ManifestError};
use super::schema;
use super::secrets::{SecretSource, Secrets};

/// The largest `NAME.toml` that is read.
const MANIFEST_LIMIT: usize = MIB;

/// The state of all files that a plugin is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    module: Stamp,
    manifest: Option<Stamp>,
    /// Those that the manifest names, and its schema; `None` for one that is not
    /// there.
    others: BTreeMap<PathBuf, Option<Stamp>>,
}

impl Seen {
    /// The state now, of the files that were there `before` too.
    pub(super) fn now(files: &PluginFiles, before: Option<&Self>) -> Self {
        let others = before.map(|seen| seen.others.keys().cloned());
        Self::new(files, others.into_iter().flatten())
    }

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
pub(super) struct Ingredients {
    digest: String,
    manifest: String,
    pub(super) schema: Option<Vec<u8>>,
    pub(super) secrets: Arc<Secrets>,
}

/// What was read of a plugin's files.
pub(super) enum Gathered {
    /// They are still being written: for so long they have to be left alone.
    Unsettled(Duration),
    /// All of them.
    Whole {
        manifest: Box<Manifest>,
        /// The module.
        bytes: Vec<u8>,
        ingredients: Ingredients,
    },
}

/// Reads all files of a plugin, and notes in `seen` which those are.
pub(super) fn gather(files: &PluginFiles, seen: &mut Seen) -> Result<Gathered, LoadError> {
    gather_at(files, seen, SystemTime::now())
}

/// Reads all files of a plugin that nobody is writing, however new they are.
pub(super) fn gather_now(files: &PluginFiles) -> Result<Gathered, LoadError> {
    let mut seen = Seen::now(files, None);
    gather_at(files, &mut seen, SystemTime::now() + SETTLE)
}

fn gather_at(files: &PluginFiles, seen: &mut Seen, now: SystemTime) -> Result<Gathered, LoadError> {
    if let Some(left) = seen.unsettled_for(now) {
        return Ok(Gathered::Unsettled(left));
    }
    let text = match files.manifest.as_ref().map(read_manifest).transpose()? {
        Some(None) => return Ok(Gathered::Unsettled(SETTLE)),
        Some(Some(text)) => text,
        None => String::new(),
    };
    let manifest = Manifest::parse(&text)?;
    // Before they are read: what changes from now on is seen at the next look.
    let schema_file = files.module.path.with_extension("schema.json");
    *seen = Seen::new(files, secret_files(&manifest).chain([schema_file.clone()]));
    if let Some(left) = seen.unsettled_for(now) {
        return Ok(Gathered::Unsettled(left));
    }
    let limit = manifest.limits.module;
    let bytes = match contents(&files.module, limit)? {
        Content::Whole(bytes) => bytes,
        Content::Changed => return Ok(Gathered::Unsettled(SETTLE)),
        Content::TooLarge => return Err(too_large(&files.module, limit)),
    };
    let schema = match seen.others.get(&schema_file).copied().flatten() {
        Some(stamp) => match read_schema(schema_file, stamp)? {
            None => return Ok(Gathered::Unsettled(SETTLE)),
            schema => schema,
        },
        None => None,
    };
    let ingredients = Ingredients {
        digest: digest_of(&bytes),
        manifest: text,
        schema,
        secrets: Arc::new(Secrets::read(&manifest.secrets)?),
    };
    Ok(Gathered::Whole {
        manifest: Box::new(manifest),
        bytes,
        ingredients,
    })
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
