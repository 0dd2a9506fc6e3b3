//! The bytes of one data file at the end of another.
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

/// All bytes of one data file on their way into another.
#[derive(Debug)]
pub(super) struct Copy {
    path: PathBuf,
    file: File,
    end: u64,
    source: Source,
    /// Whether the kernel has not refused yet.
    by_kernel: bool,
}

/// The bytes that are still to be copied.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    file: File,
    position: u64,
    length: u64,
}

impl Copy {
    /// Opens a data file, which gets the bytes from an offset on, and the one
    /// that has them, with its length. What an earlier copy that was cut short
    /// left in the first goes.
    pub(super) fn open(
        (path, start): (PathBuf, u64),
        (source, length): (PathBuf, u64),
    ) -> Result<Self, StoreError> {
        let source = Source::open(source, length)?;
        let file = open(OpenOptions::new().write(true), &path)?;
        let found = length_of(&file, &path)?;
        if found < start {
            return Err(StoreError::UnexpectedLength {
                path,
                expected: start,
                found,
            });
        }
        file.set_len(start)
            .map_err(|error| StoreError::io("cut", &path, error))?;
        Ok(Self {
            path,
            file,
            end: start,
            source,
            by_kernel: true,
        })
    }

    /// Whether nothing is left to copy.
    pub(super) fn is_done(&self) -> bool {
        self.source.position == self.source.length
    }

    /// Copies as much as one step takes.
    pub(super) fn step(&mut self) -> Result<(), StoreError> {
        let until = self.source.length.min(self.source.position + STEP_BYTES);
        while self.source.position < until {
            let copied = self.copy(until - self.source.position)?;
            if copied == 0 {
                return Err(StoreError::UnexpectedLength {
                    path: self.source.path.clone(),
                    expected: self.source.length,
                    found: self.source.position,
                });
            }
            self.source.position += copied;
            self.end += copied;
        }
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file
            .sync_data()
            .map_err(|error| StoreError::io("sync", &self.path, error))
    }

    /// Copies at most `wanted` bytes, at least one unless the source has ended.
    fn copy(&mut self, wanted: u64) -> Result<u64, StoreError> {
        if self.by_kernel {
            match self.copy_by_kernel(wanted) {
                // Some file systems say so when they mean that they cannot.
                Ok(0) => {}
                Ok(copied) => return Ok(copied),
                Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::PERM) => {
                    self.by_kernel = false
                }
                Err(error) => return Err(StoreError::io("write", &self.path, error.into())),
            }
        }
        self.copy_by_hand(wanted)
    }

    fn copy_by_kernel(&self, wanted: u64) -> Result<u64, Errno> {
        // At most a step, which any usize holds.
        let wanted = usize::try_from(wanted).unwrap_or(BUFFER_BYTES);
        let (mut from, mut to) = (self.source.position, self.end);
        let copied = rustix::io::retry_on_intr(|| {
            rustix::fs::copy_file_range(
                &self.source.file,
                Some(&mut from),
                &self.file,
                Some(&mut to),
                wanted,
            )
        })?;
        Ok(copied as u64)
    }

    fn copy_by_hand(&self, wanted: u64) -> Result<u64, StoreError> {
        let wanted = usize::try_from(wanted).unwrap_or(BUFFER_BYTES);
        let mut buffer = vec![0; wanted.min(BUFFER_BYTES)];
        let source = &self.source;
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
    fn open(path: PathBuf, expected: u64) -> Result<Self, StoreError> {
        let file = open(OpenOptions::new().read(true), &path)?;
        let found = length_of(&file, &path)?;
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

fn length_of(file: &File, path: &Path) -> Result<u64, StoreError> {
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
            let mut end = 0;
            for name in ["part", "empty", "part"] {
                let length = fs::metadata(path(name)).unwrap().len();
                let mut copy = Copy::open((path("final"), end), (path(name), length)).unwrap();
                copy.by_kernel = by_kernel;
                while !copy.is_done() {
                    copy.step().unwrap();
                }
                end += length;
            }
            let expected = [part.as_slice(), &part].concat();
            assert!(fs::read(path("final")).unwrap() == expected, "{by_kernel}");
        }
    }

    #[test]
    fn a_copy_that_was_cut_short_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("part"), "def").unwrap();
        fs::write(path("final"), "abcd?").unwrap();
        let mut copy = Copy::open((path("final"), 3), (path("part"), 3)).unwrap();
        copy.step().unwrap();
        assert!(copy.is_done());
        assert_eq!(fs::read(path("final")).unwrap(), b"abcdef");
        let gap = Copy::open((path("final"), 7), (path("part"), 3));
        assert!(
            matches!(gap, Err(StoreError::UnexpectedLength { found: 6, .. })),
            "{gap:?}"
        );
    }

    #[test]
    fn a_part_that_is_shorter_than_it_was_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("part"), "abc").unwrap();
        fs::write(path("final"), "").unwrap();
        assert!(Copy::open((path("final"), 0), (path("part"), 4)).is_err());
        let mut copy = Copy::open((path("final"), 0), (path("part"), 3)).unwrap();
        fs::write(path("part"), "ab").unwrap();
        let cut = copy.step();
        assert!(
            matches!(cut, Err(StoreError::UnexpectedLength { found: 2, .. })),
            "{cut:?}"
        );
    }
}
