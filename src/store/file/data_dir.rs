//! The directory of the data files.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{require_directory, sync_directory};
use crate::store::{DataPath, DirStructure, StoreError, UploadId};

/// The data directory. Everything here blocks.
#[derive(Debug)]
pub(super) struct DataDir {
    /// Canonical, so that a path below it can be compared with it.
    root: PathBuf,
    structure: DirStructure,
    /// The directory by date that was made last. It stays the same for many
    /// uploads, which then need not look for it.
    last_made: Mutex<String>,
    /// The directory whose own name, and those above it, were synced last.
    last_synced: Mutex<PathBuf>,
}

/// What the operating system knows of a data file.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataFileState {
    /// In bytes.
    pub(super) length: u64,
    /// When a byte was written last, or the file made.
    pub(super) changed_at: SystemTime,
}

impl DataDir {
    pub(super) fn new(canonical_root: PathBuf, structure: DirStructure) -> Self {
        Self {
            root: canonical_root,
            structure,
            last_made: Mutex::default(),
            last_synced: Mutex::default(),
        }
    }

    /// The directory itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The data file at `path`.
    pub(super) fn file(&self, path: &DataPath) -> PathBuf {
        self.root.join(path)
    }

    /// Makes an empty data file where a hook wants it.
    pub(super) fn claim_chosen(&self, path: &DataPath, sync: bool) -> Result<(), StoreError> {
        let file = self.file(path);
        let parent = file.parent().unwrap_or(&self.root);
        if parent != self.root {
            self.make_directory(parent, sync)?;
        }
        match create_new(&file) {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                return Err(StoreError::PathTaken(file));
            }
            Err(source) => return Err(StoreError::io("create", file, source)),
        }
        if sync { sync_directory(parent) } else { Ok(()) }
    }

    /// Makes an empty data file named after `id`, in the directory for `time`.
    pub(super) fn claim_default(
        &self,
        id: &UploadId,
        time: SystemTime,
        sync: bool,
    ) -> Result<DataPath, StoreError> {
        let directory = self.structure.directory(time);
        let path = DataPath::below(&directory, id).map_err(|invalid| {
            StoreError::io(
                "create",
                self.root.join(&directory),
                io::Error::new(io::ErrorKind::InvalidInput, invalid),
            )
        })?;
        let file = self.file(&path);
        let parent = self.root.join(&directory);
        if !directory.is_empty() && !self.was_made_last(&directory) {
            self.make_directory(&parent, sync)?;
            self.remember(&directory);
        }
        let mut created = create_new(&file);
        if !directory.is_empty()
            && created
                .as_ref()
                .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            // Somebody tidied the empty directory away.
            self.make_directory(&parent, sync)?;
            created = create_new(&file);
        }
        match created {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                return Err(StoreError::IdTaken);
            }
            Err(source) => return Err(StoreError::io("create", file, source)),
        }
        if sync {
            sync_directory(&parent)?;
        }
        Ok(path)
    }

    /// How many directories lie between the root and the data files whose
    /// place no hook chose.
    pub(super) fn depth(&self) -> usize {
        self.structure.depth()
    }

    /// How a data file is.
    pub(super) fn state(&self, path: &DataPath) -> Result<DataFileState, StoreError> {
        let file = self.file(path);
        let state = std::fs::metadata(&file).and_then(|metadata| {
            let changed_at = metadata.modified()?;
            let length = metadata.len();
            Ok(metadata
                .is_file()
                .then_some(DataFileState { length, changed_at }))
        });
        match state {
            Ok(Some(state)) => Ok(state),
            Ok(None) => Err(StoreError::NotFound),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                require_directory(&self.root)?;
                Err(StoreError::NotFound)
            }
            Err(source) => Err(StoreError::io("stat", file, source)),
        }
    }

    /// Cuts a data file back to `end`, if it is longer.
    pub(super) fn cut(&self, path: &DataPath, end: u64, sync: bool) -> Result<(), StoreError> {
        let path = self.file(path);
        let cut = || {
            let file = OpenOptions::new().write(true).open(&path)?;
            if file.metadata()?.len() > end {
                file.set_len(end)?;
            }
            if sync { file.sync_data() } else { Ok(()) }
        };
        cut().map_err(|source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound,
            _ => StoreError::io("cut", &path, source),
        })
    }

    /// Removes a data file, if there is one.
    pub(super) fn remove(&self, path: &DataPath, sync: bool) -> Result<(), StoreError> {
        let file = self.file(path);
        match std::fs::remove_file(&file) {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(StoreError::io("remove", file, source)),
        }
        match file.parent() {
            Some(parent) if sync => sync_directory(parent),
            _ => Ok(()),
        }
    }

    /// Makes a data file durable: its bytes, then its name and those of the
    /// directories above it, except `synced_later`.
    pub(super) fn sync(&self, path: &DataPath, synced_later: &Path) -> Result<(), StoreError> {
        let file = self.file(path);
        match File::open(&file).and_then(|open| open.sync_data()) {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NotFound);
            }
            Err(source) => return Err(StoreError::io("sync", file, source)),
        }
        let parent = file.parent().unwrap_or(&self.root);
        if parent != synced_later {
            sync_directory(parent)?;
        }
        // The names above are the same for many uploads.
        if parent == self.root || *lock(&self.last_synced) == parent {
            return Ok(());
        }
        self.sync_above(parent)?;
        parent.clone_into(&mut lock(&self.last_synced));
        Ok(())
    }

    /// Syncs the directories above `directory`, up to the root.
    fn sync_above(&self, directory: &Path) -> Result<(), StoreError> {
        for above in directory.ancestors().skip(1) {
            sync_directory(above)?;
            if above == self.root {
                break;
            }
        }
        Ok(())
    }

    /// Makes `directory`, which is below the root by its words, and checks that
    /// it is below the root in truth.
    fn make_directory(&self, directory: &Path, sync: bool) -> Result<(), StoreError> {
        self.refuse_to_leave(directory)?;
        std::fs::create_dir_all(directory).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                StoreError::PathTaken(directory.to_owned())
            }
            _ => StoreError::io("create", directory, source),
        })?;
        if sync {
            self.sync_above(directory)?;
        }
        // It may be there anew, after somebody tidied it away.
        *lock(&self.last_synced) = PathBuf::new();
        Ok(())
    }

    /// Follows the links of the part of `directory` that exists.
    fn refuse_to_leave(&self, directory: &Path) -> Result<(), StoreError> {
        for existing in directory.ancestors() {
            match existing.canonicalize() {
                Ok(canonical) if canonical.starts_with(&self.root) => return Ok(()),
                Ok(_) => return Err(StoreError::OutsideDataDirectory(directory.to_owned())),
                // A dangling link is not found either, but it must not be
                // mistaken for a name that is free.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !existing.is_symlink() => {
                    if existing == self.root {
                        return Err(StoreError::io("find", existing, error));
                    }
                }
                Err(source) => return Err(StoreError::io("resolve", existing, source)),
            }
        }
        Err(StoreError::OutsideDataDirectory(directory.to_owned()))
    }

    fn was_made_last(&self, directory: &str) -> bool {
        *lock(&self.last_made) == directory
    }

    fn remember(&self, directory: &str) {
        directory.clone_into(&mut lock(&self.last_made));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes an empty file where there is nothing, not even a dangling link.
fn create_new(file: &Path) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .map(drop)
}
