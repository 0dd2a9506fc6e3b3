//! The bytes of several data files, one after the other in a new one.
//!
//! The kernel copies: `copy_file_range` shares the blocks on file systems that
//! can (XFS, Btrfs; where a part ends in the middle of a block, what comes
//! after it is copied), and elsewhere copies without a visit to this process.
//! Where it cannot, between two file systems for example, bytes are read and
//! written.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::store::StoreError;

/// Bytes of one step. A step is one visit to a blocking thread: long enough
/// that visits do not count, short enough that a thread is not taken for
/// minutes (some tens of milliseconds at the speed of a disk).
const STEP_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes read and written at a time where the kernel does not copy.
const BUFFER_BYTES: usize = 256 * 1024;

/// A data file that grows by the bytes of others.
#[derive(Debug)]
pub(super) struct Concatenation {
    path: PathBuf,
    file: File,
    end: u64,
    /// Whether the kernel has not refused yet.
    by_kernel: bool,
}

/// The bytes of one part that are still to be copied.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: File,
    position: u64,
    length: u64,
}

impl Concatenation {
    /// Opens the data file at `path`, which is empty.
    pub(super) fn open(path: PathBuf) -> Result<Self, StoreError> {
        let file = open(OpenOptions::new().write(true), &path)?;
        let found = length(&file, &path)?;
        if found != 0 {
            return Err(StoreError::UnexpectedLength {
                path,
                expected: 0,
                found,
            });
        }
        Ok(Self {
            path,
            file,
            end: 0,
            by_kernel: true,
        })
    }

    /// Where the file ends.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Copies as much of `source` as one step takes; whether nothing is left.
    pub(super) fn step(&mut self, source: &mut Source) -> Result<bool, StoreError> {
        let until = source.length.min(source.position + STEP_BYTES);
        while source.position < until {
            let copied = self.copy(source, until - source.position)?;
            if copied == 0 {
                return Err(StoreError::UnexpectedLength {
                    path: source.path.clone(),
                    expected: source.length,
                    found: source.position,
                });
            }
            source.position += copied;
            self.end += copied;
        }
        Ok(source.position == source.length)
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file
            .sync_data()
            .map_err(|error| StoreError::io("sync", &self.path, error))
    }

    /// Copies at most `wanted` bytes, at least one unless the source has ended.
    fn copy(&mut self, source: &Source, wanted: u64) -> Result<u64, StoreError> {
        if self.by_kernel {
            match self.copy_by_kernel(source, wanted) {
                // Some file systems say so when they mean that they cannot.
                Ok(0) => {}
                Ok(copied) => return Ok(copied),
                Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::PERM) => {
                    self.by_kernel = false
                }
                Err(error) => return Err(StoreError::io("write", &self.path, error.into())),
            }
        }
        self.copy_by_hand(source, wanted)
    }

    fn copy_by_kernel(&self, source: &Source, wanted: u64) -> Result<u64, Errno> {
        // At most a step, which any usize holds.
        let wanted = usize::try_from(wanted).unwrap_or(BUFFER_BYTES);
        let (mut from, mut to) = (source.position, self.end);
        let copied = rustix::io::retry_on_intr(|| {
            rustix::fs::copy_file_range(
                &source.file,
                Some(&mut from),
                &self.file,
                Some(&mut to),
                wanted,
            )
        })?;
        Ok(copied as u64)
    }

    fn copy_by_hand(&self, source: &Source, wanted: u64) -> Result<u64, StoreError> {
        let wanted = usize::try_from(wanted).unwrap_or(BUFFER_BYTES);
        let mut buffer = vec![0; wanted.min(BUFFER_BYTES)];
        let read = source
            .file
            .read_at(&mut buffer, source.position)
            .map_err(|error| StoreError::io("read", &source.path, error))?;
        buffer.truncate(read);
        self.file
            .write_all_at(&buffer, self.end)
            .map_err(|error| StoreError::io("write", &self.path, error))?;
        Ok(read as u64)
    }
}

impl Source {
    /// All bytes of the data file at `path`, which are `expected` many.
    pub(super) fn open(path: PathBuf, expected: u64) -> Result<Self, StoreError> {
        let file = open(OpenOptions::new().read(true), &path)?;
        let found = length(&file, &path)?;
        if found != expected {
            return Err(StoreError::UnexpectedLength {
                path,
                expected,
                found,
            });
        }
        Ok(Self {
            path,
            file,
            position: 0,
            length: expected,
        })
    }
}

fn open(options: &OpenOptions, path: &Path) -> Result<File, StoreError> {
    match options.open(path) {
        Ok(file) => Ok(file),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Err(StoreError::NotFound),
        Err(source) => Err(StoreError::io("open", path, source)),
    }
}

fn length(file: &File, path: &Path) -> Result<u64, StoreError> {
    match file.metadata() {
        Ok(metadata) => Ok(metadata.len()),
        Err(source) => Err(StoreError::io("stat", path, source)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn bytes_are_the_same_whether_the_kernel_copies_them_or_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let part: Vec<u8> = (0..700_001_u32).map(|n| (n % 251) as u8).collect();
        fs::write(path("part"), &part).unwrap();
        fs::write(path("empty"), "").unwrap();
        for by_kernel in [true, false] {
            fs::write(path("final"), "").unwrap();
            let mut whole = Concatenation::open(path("final")).unwrap();
            whole.by_kernel = by_kernel;
            for name in ["part", "empty", "part"] {
                let length = fs::metadata(path(name)).unwrap().len();
                let mut source = Source::open(path(name), length).unwrap();
                while !whole.step(&mut source).unwrap() {}
            }
            assert_eq!(whole.end(), 2 * part.len() as u64);
            let expected = [part.as_slice(), &part].concat();
            assert!(fs::read(path("final")).unwrap() == expected, "{by_kernel}");
        }
    }

    #[test]
    fn a_part_that_is_shorter_than_it_was_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("part"), "abc").unwrap();
        fs::write(path("final"), "").unwrap();
        assert!(Source::open(path("part"), 4).is_err());
        let mut source = Source::open(path("part"), 3).unwrap();
        fs::write(path("part"), "ab").unwrap();
        let mut whole = Concatenation::open(path("final")).unwrap();
        let cut = whole.step(&mut source);
        assert!(
            matches!(cut, Err(StoreError::UnexpectedLength { found: 2, .. })),
            "{cut:?}"
        );
    }
}
