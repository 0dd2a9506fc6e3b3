//! What lies in the directory of plugins, or is the one module that was named:
//! which files belong together, and whether they are still being written.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::events::EventKind;

/// How long a file must have been left alone before it is read. Whoever copies a
/// module in place writes it in several steps; a rename needs none of this but
/// pays it too.
pub(super) const SETTLE: Duration = Duration::from_millis(60);

/// What tells one state of a file from the next without reading it. Symbolic
/// links are followed, so that a swapped link is a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::metadata(path)?))
    }

    /// Whether both are of one file, perhaps at different times.
    const fn is_same_file(&self, other: &Self) -> bool {
        self.device == other.device && self.inode == other.inode
    }

    /// Bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// How long it takes until the file has been left alone for [`SETTLE`];
    /// `None` when it has. A time in the future counts as long ago: clocks of
    /// file servers differ.
    pub(super) fn unsettled_for(&self, now: SystemTime) -> Option<Duration> {
        let touched = self.modified.max(self.changed);
        let seconds = u64::try_from(touched.0).ok()?;
        let nanoseconds = u32::try_from(touched.1).ok()?;
        let touched = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        let age = now.duration_since(touched).ok()?;
        SETTLE.checked_sub(age).filter(|left| !left.is_zero())
    }
}

/// A file at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenFile {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

/// How a module came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It lies in `--hooks-dir`.
    Directory,
    /// It is that of `--hooks-file`.
    Alone,
}

/// `NAME.wasm` and, if it is there, `NAME.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PluginFiles {
    pub(super) place: Place,
    pub(super) module: SeenFile,
    pub(super) manifest: Option<SeenFile>,
}

/// A directory at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    /// By name, the file's without `.wasm`.
    pub(super) plugins: BTreeMap<String, PluginFiles>,
    /// Files that are no part of a plugin, and what they are.
    pub(super) strangers: BTreeMap<PathBuf, Stranger>,
    /// Places that can't be looked at now: what is listed of them was there, and
    /// may be kept but not read.
    pub(super) stale: Vec<Place>,
}

/// A file that is no part of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// Somebody means it to be a hook, and it would have to be run natively.
    Native,
    /// Anything else, and why it is nothing to us.
    Other(&'static str),
}

impl Listing {
    /// Puts the module of `--hooks-file` to those of the directory, in which it
    /// may lie as well: it is there once, and as what the flag says.
    pub(super) fn add(&mut self, name: String, files: PluginFiles) {
        let same = |other: &PluginFiles| other.module.stamp.is_same_file(&files.module.stamp);
        self.plugins.retain(|_, other| !same(other));
        let manifest = files.manifest.as_ref();
        self.strangers
            .retain(|path, _| manifest.is_none_or(|manifest| manifest.path != *path));
        if let Some(other) = self.plugins.insert(name, files) {
            let reason = "the module of --hooks-file has the same name; give one of them another";
            self.strangers
                .insert(other.module.path, Stranger::Other(reason));
        }
    }
}

/// Lists `directory`. Hidden files are passed over: editors, package managers
/// and Kubernetes keep theirs under such names.
pub(super) fn list(directory: &Path) -> io::Result<Listing> {
    let mut modules = BTreeMap::new();
    let mut manifests = BTreeMap::new();
    let mut listing = Listing::default();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let (Some(stem), Some(name)) = (utf8(path.file_stem()), utf8(path.file_name())) else {
            let reason = Stranger::Other("its name is not UTF-8");
            listing.strangers.insert(path, reason);
            continue;
        };
        // A file that went, or a link that leads nowhere, is not there.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if name.starts_with('.') || metadata.is_dir() {
            continue;
        }
        if !metadata.is_file() {
            let reason = Stranger::Other(NO_FILE);
            listing.strangers.insert(path, reason);
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let known = match extension {
            Some("wasm") => &mut modules,
            Some("toml") => &mut manifests,
            _ => {
                listing.strangers.insert(path, stranger(&stem, &metadata));
                continue;
            }
        };
        let stamp = Stamp::of(&metadata);
        known.insert(stem, SeenFile { path, stamp });
    }
    for (name, module) in modules {
        let manifest = manifests.remove(&name);
        let files = PluginFiles {
            place: Place::Directory,
            module,
            manifest,
        };
        listing.plugins.insert(name, files);
    }
    for (_, manifest) in manifests {
        let reason = Stranger::Other("there is no .wasm file of the same name beside it");
        listing.strangers.insert(manifest.path, reason);
    }
    Ok(listing)
}

/// The one module at `path` and, if it is there, the `.toml` beside it, with the
/// name that they have.
pub(super) fn alone(path: &Path) -> io::Result<(String, PluginFiles)> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a directory, and --hooks-dir is for those",
        ));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, NO_FILE));
    }
    let name = utf8(path.file_stem())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidFilename, "its name is not UTF-8"))?;
    let beside = path.with_extension("toml");
    let manifest = match Stamp::read(&beside) {
        Ok(stamp) if beside != path && beside.is_file() => Some(SeenFile {
            path: beside,
            stamp,
        }),
        _ => None,
    };
    let files = PluginFiles {
        place: Place::Alone,
        module: SeenFile {
            path: path.to_owned(),
            stamp: Stamp::of(&metadata),
        },
        manifest,
    };
    Ok((name, files))
}

/// Reading a pipe or a device may never end.
const NO_FILE: &str = "it is a pipe, a socket or a device, and only files are read";

fn utf8(name: Option<&std::ffi::OsStr>) -> Option<String> {
    name?.to_str().map(str::to_owned)
}

/// What a file is that ends neither in `.wasm` nor in `.toml`. One that can be
/// executed, or is called after an event, is a hook of another server.
fn stranger(stem: &str, metadata: &Metadata) -> Stranger {
    const EXECUTABLE: u32 = 0o111;
    if metadata.mode() & EXECUTABLE != 0 || stem.parse::<EventKind>().is_ok() {
        return Stranger::Native;
    }
    Stranger::Other("it ends neither in .wasm nor in .toml")
}

/// What came of reading a file.
pub(super) enum Content {
    /// All of it, as it was at `SeenFile::stamp`.
    Whole(Vec<u8>),
    /// It is larger than it may be.
    TooLarge,
    /// It changed while it was read.
    Changed,
}

/// Reads `file` if it has at most `limit` bytes.
pub(super) fn read(file: &SeenFile, limit: usize) -> io::Result<Content> {
    let limit = limit as u64;
    if file.stamp.size() > limit {
        return Ok(Content::TooLarge);
    }
    let mut bytes = Vec::new();
    // One byte more than is allowed: a file that grows is noticed, not read on.
    fs::File::open(&file.path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if Stamp::read(&file.path)? != file.stamp || bytes.len() as u64 != file.stamp.size() {
        return Ok(Content::Changed);
    }
    Ok(Content::Whole(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_plugin_is_a_module_with_the_manifest_of_the_same_name() {
        let directory = tempfile::tempdir().unwrap();
        for name in [
            "a.wasm",
            "a.toml",
            "b.wasm",
            ".c.wasm",
            "lonely.toml",
            "notes.txt",
            "post-finish",
            "post-create.sh",
        ] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        fs::create_dir(directory.path().join("d.wasm")).unwrap();
        symlink("nowhere", directory.path().join("e.wasm")).unwrap();
        let executable = directory.path().join("pre-create");
        fs::write(&executable, "#!/bin/sh").unwrap();
        fs::set_permissions(&executable, fs::Permissions::from_mode(0o755)).unwrap();

        let listing = list(directory.path()).unwrap();
        let names: Vec<_> = listing.plugins.keys().map(String::as_str).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(listing.plugins["a"].manifest.is_some());
        assert!(listing.plugins["b"].manifest.is_none());
        let native: Vec<_> = listing
            .strangers
            .iter()
            .filter(|(_, stranger)| **stranger == Stranger::Native)
            .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(native, ["post-create.sh", "post-finish", "pre-create"]);
        assert_eq!(listing.strangers.len(), 5);
    }

    #[test]
    fn a_module_that_is_named_and_lies_in_the_directory_is_there_once() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["one.wasm", "one.toml", "two.wasm"] {
            fs::write(at(name), name).unwrap();
        }
        let mut listing = list(directory.path()).unwrap();
        let (name, files) = alone(&at("one.wasm")).unwrap();
        assert!(files.manifest.is_some());
        listing.add(name, files);
        let places: Vec<_> = listing
            .plugins
            .iter()
            .map(|(name, files)| (name.as_str(), files.place))
            .collect();
        assert_eq!(places, [("one", Place::Alone), ("two", Place::Directory)]);
        assert!(listing.strangers.is_empty());
    }

    #[test]
    fn a_name_that_two_modules_have_goes_to_the_one_that_was_named() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        for place in [&directory, &elsewhere] {
            fs::write(place.path().join("one.wasm"), "x").unwrap();
        }
        let mut listing = list(directory.path()).unwrap();
        let (name, files) = alone(&elsewhere.path().join("one.wasm")).unwrap();
        listing.add(name, files);
        assert_eq!(listing.plugins["one"].place, Place::Alone);
        assert!(
            listing
                .strangers
                .contains_key(&directory.path().join("one.wasm"))
        );
    }

    #[test]
    fn what_is_named_has_to_be_a_file() {
        let directory = tempfile::tempdir().unwrap();
        assert!(alone(directory.path()).is_err());
        assert!(alone(&directory.path().join("nothing.wasm")).is_err());
    }

    #[test]
    fn a_file_that_was_just_written_is_not_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wasm");
        fs::write(&path, "x").unwrap();
        let stamp = Stamp::read(&path).unwrap();
        let written = UNIX_EPOCH
            + Duration::new(
                u64::try_from(stamp.changed.0).unwrap(),
                u32::try_from(stamp.changed.1).unwrap(),
            );
        assert!(stamp.unsettled_for(written).is_some());
        assert!(stamp.unsettled_for(written + SETTLE).is_none());
        let before = written - Duration::from_secs(3600);
        assert!(stamp.unsettled_for(before).is_none());
    }

    #[test]
    fn a_file_that_changed_since_it_was_listed_is_not_taken_for_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wasm");
        fs::write(&path, "x").unwrap();
        let listing = list(directory.path()).unwrap();
        fs::write(&path, "xy").unwrap();
        let content = read(&listing.plugins["a"].module, 10).unwrap();
        assert!(matches!(content, Content::Changed));
    }

    #[test]
    fn a_swapped_link_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("one"), "x").unwrap();
        fs::write(at("two"), "x").unwrap();
        symlink(at("one"), at("a.wasm")).unwrap();
        let before = Stamp::read(&at("a.wasm")).unwrap();
        symlink(at("two"), at("next")).unwrap();
        fs::rename(at("next"), at("a.wasm")).unwrap();
        assert_ne!(before, Stamp::read(&at("a.wasm")).unwrap());
    }
}
