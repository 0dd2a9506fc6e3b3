//! The slots of an outbox directory: `0/`, `1/` and so on, each with a database
//! and a lock, so that several processes can share the directory.
//!
//! A slot belongs to whoever holds the lock on its file, which the kernel drops
//! when that process is gone. Slots are never removed: somebody may be about to
//! lock one.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::OutboxError;

/// Events hold what clients sent, `Authorization` included.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

const LOCK: &str = "lock";
const DATABASE: &str = "outbox.db";

/// A slot that this process holds, as long as this value lives.
#[derive(Debug)]
pub(super) struct Slot {
    number: u32,
    database: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Slot {
    /// Takes the lowest slot that nobody holds, and makes it if need be.
    pub(super) fn take(directory: &Path) -> Result<Self, OutboxError> {
        make_directory(directory)?;
        let mut number = 0;
        loop {
            if let Some(slot) = Self::try_take(directory, number)? {
                return Ok(slot);
            }
            number += 1;
        }
    }

    /// Takes slot `number`; `None` if somebody holds it.
    pub(super) fn try_take(directory: &Path, number: u32) -> Result<Option<Self>, OutboxError> {
        let slot = directory.join(number.to_string());
        make_directory(&slot)?;
        let lock = make_file(&slot.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => {
                return Err(OutboxError::io("lock", &slot.join(LOCK), error));
            }
        }
        let database = slot.join(DATABASE);
        // SQLite gives its other files the mode of this one.
        make_file(&database)?;
        sync(&slot)?;
        Ok(Some(Self {
            number,
            database,
            _lock: lock,
        }))
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    /// The numbers of the slots that there are.
    pub(super) fn numbers(directory: &Path) -> Result<Vec<u32>, OutboxError> {
        let failed = |error| OutboxError::io("read", directory, error);
        let mut numbers = Vec::new();
        for entry in directory.read_dir().map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if let Some(number) = name.to_str().and_then(|name| name.parse().ok()) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The databases that there are, by slot.
    pub(super) fn databases(directory: &Path) -> Result<Vec<PathBuf>, OutboxError> {
        let path = |number: u32| directory.join(number.to_string()).join(DATABASE);
        let numbers = Self::numbers(directory)?;
        Ok(numbers
            .into_iter()
            .map(path)
            // An empty one is about to be made, or was never used.
            .filter(|path| path.metadata().is_ok_and(|file| file.len() > 0))
            .collect())
    }
}

fn make_directory(path: &Path) -> Result<(), OutboxError> {
    let mut builder = DirBuilder::new();
    match builder.mode(DIRECTORY_MODE).create(path) {
        // What is durable in it is lost if its name is not.
        Ok(()) => sync(path.parent().unwrap_or(path))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(OutboxError::io("make the directory", path, error)),
    }
    Ok(())
}

fn sync(directory: &Path) -> Result<(), OutboxError> {
    // The parent of a plain name.
    let directory = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let sync = || File::open(directory)?.sync_all();
    sync().map_err(|error| OutboxError::io("sync", directory, error))
}

fn make_file(path: &Path) -> Result<File, OutboxError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|error| OutboxError::io("open", path, error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_lowest_free_slot_is_taken_and_free_again_when_dropped() {
        let directory = TempDir::new().unwrap();
        let zero = Slot::take(directory.path()).unwrap();
        let one = Slot::take(directory.path()).unwrap();
        assert_eq!((zero.number(), one.number()), (0, 1));
        assert!(Slot::try_take(directory.path(), 0).unwrap().is_none());
        drop(zero);
        assert_eq!(Slot::take(directory.path()).unwrap().number(), 0);
    }

    #[test]
    fn nobody_else_can_read_what_is_made() {
        let directory = TempDir::new().unwrap();
        let outbox = directory.path().join("outbox");
        let slot = Slot::take(&outbox).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&outbox), 0o700);
        assert_eq!(mode(&outbox.join("0")), 0o700);
        assert_eq!(mode(slot.database()), 0o600);
    }
}
