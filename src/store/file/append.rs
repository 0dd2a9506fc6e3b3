//! Bytes on their way into a data file.
//!
//! While one buffer is being written, the next fills; at most one write is
//! under way, so bytes reach the file in order and what is in the file is
//! always a beginning of the upload. Buffers are lists of the chunks as they
//! came: nothing is copied.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::io::Errno;
use tokio::task::{JoinHandle, spawn_blocking};

use super::checked::Check;
use crate::store::{AppendWriter, Durability, StoreError};

/// A buffer is written when it has this many bytes. Large enough that the
/// visit to a blocking thread (some ten microseconds) does not count, small
/// enough that two buffers for each of many uploads stay small.
const BUFFER_BYTES: usize = 256 * 1024;

/// A buffer is also written when it has this many chunks: a client may send
/// very small ones, and one system call takes at most 1024.
const BUFFER_CHUNKS: usize = 512;

/// After this many bytes the operating system is asked to begin to write them
/// to the disk, so that a sync at the end finds little left to do: at the end of
/// a large upload a client would otherwise wait for gigabytes. Large enough that
/// a disk takes it in one go.
const WRITEBACK_BYTES: u64 = 8 << 20;

/// Writes to one data file.
pub(super) struct FileAppend {
    /// Not there while a write is under way, which then has it.
    pub(super) file: Option<DataFile>,
    pub(super) filling: Buffer,
    in_flight: Option<JoinHandle<(DataFile, Result<(), StoreError>)>>,
    /// Set by the first failure; nothing is written after it, because bytes
    /// behind a gap would count as stored.
    pub(super) failed: bool,
    pub(super) durability: Durability,
}

#[derive(Default)]
pub(super) struct Buffer {
    pub(super) chunks: Vec<Bytes>,
    bytes: usize,
}

/// The file and where it ends.
pub(super) struct DataFile {
    pub(super) path: PathBuf,
    /// Opened with the first write, to save a visit to the blocking threads.
    pub(super) open: Option<Arc<File>>,
    pub(super) end: u64,
    /// Up to where the operating system was asked to write to the disk; `None`
    /// if nothing is going to be synced.
    written_back: Option<u64>,
    /// There if the bytes count only once they are verified.
    pub(super) check: Option<Check>,
}

impl FileAppend {
    pub(super) fn new(
        path: PathBuf,
        offset: u64,
        durability: Durability,
        check: Option<Check>,
    ) -> Self {
        Self {
            file: Some(DataFile {
                path,
                open: None,
                end: offset,
                written_back: (durability > Durability::None).then_some(offset),
                check,
            }),
            filling: Buffer::default(),
            in_flight: None,
            failed: false,
            durability,
        }
    }

    /// Waits for the write under way.
    pub(super) async fn settle(&mut self) -> Result<(), StoreError> {
        let Some(in_flight) = self.in_flight.take() else {
            return Ok(());
        };
        let result = match in_flight.await {
            Ok((file, result)) => {
                self.file = Some(file);
                result
            }
            Err(error) => Err(error.into()),
        };
        self.failed |= result.is_err();
        result
    }

    /// Starts to write what has been collected.
    async fn flush(&mut self) -> Result<(), StoreError> {
        self.settle().await?;
        let Some(mut file) = self.file.take() else {
            return Err(already_failed());
        };
        let buffer = std::mem::take(&mut self.filling);
        self.in_flight = Some(spawn_blocking(move || {
            let result = file.write(&buffer.chunks);
            (file, result)
        }));
        Ok(())
    }
}

#[async_trait]
impl AppendWriter for FileAppend {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), StoreError> {
        if self.failed {
            return Err(already_failed());
        }
        while !bytes.is_empty() {
            let room = BUFFER_BYTES.saturating_sub(self.filling.bytes);
            let fits = bytes.split_to(room.min(bytes.len()));
            self.filling.bytes += fits.len();
            self.filling.chunks.push(fits);
            if self.filling.bytes >= BUFFER_BYTES || self.filling.chunks.len() >= BUFFER_CHUNKS {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64, StoreError> {
        self.settle().await?;
        if self.failed {
            return Err(already_failed());
        }
        let Some(mut file) = self.file.take() else {
            return Err(already_failed());
        };
        let (buffer, sync) = (self.filling, self.durability == Durability::Append);
        spawn_blocking(move || {
            file.write(&buffer.chunks)?;
            if sync {
                file.sync()?;
            }
            file.require_place()?;
            Ok(file.end)
        })
        .await?
    }
}

impl DataFile {
    /// Writes all `chunks` at the end; in a checked append as bytes that do not
    /// count yet.
    fn write(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        if let Some(mut check) = self.check.take() {
            // Nothing is marked in a file that is not as it should be.
            let marked = self.open().and_then(|_| check.before(chunks));
            self.check = Some(check);
            marked?;
        }
        self.write_all(chunks)
    }

    /// Writes all `chunks` at the end.
    pub(super) fn write_all(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let file = self.open()?;
        let mut slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
        let mut slices = slices.as_mut_slice();
        while !slices.is_empty() {
            let written = match rustix::io::pwritev(&*file, slices, self.end) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => Ok(written),
                Err(Errno::INTR) => continue,
                Err(error) => Err(error.into()),
            }
            .map_err(|source: io::Error| StoreError::io("write", &self.path, source))?;
            self.end += written as u64;
            IoSlice::advance_slices(&mut slices, written);
        }
        self.write_back(&file);
        Ok(())
    }

    /// Begins to write to the disk what was added since the last time. Linux
    /// does so when it is told that a range of dirty pages is not needed, and
    /// keeps the pages until they are written.
    fn write_back(&mut self, file: &File) {
        let Some(from) = self.written_back else {
            return;
        };
        let added = self.end.saturating_sub(from);
        if added < WRITEBACK_BYTES {
            return;
        }
        self.written_back = Some(self.end);
        let advice = rustix::fs::Advice::DontNeed;
        if let Err(error) = rustix::fs::fadvise(file, from, NonZeroU64::new(added), advice) {
            // Only a sync takes longer.
            tracing::debug!(path = %self.path.display(), %error, "no early write-back");
        }
    }

    /// Fails unless what was written is where the next request will look for
    /// it: somebody may have removed or cut the file meanwhile.
    pub(super) fn require_place(&mut self) -> Result<(), StoreError> {
        let file = self.open()?;
        let metadata = file
            .metadata()
            .map_err(|source| StoreError::io("stat", &self.path, source))?;
        if metadata.nlink() == 0 {
            tracing::error!(path = %self.path.display(), "a data file was removed while it was written");
            return Err(StoreError::NotFound);
        }
        if metadata.len() != self.end {
            return Err(StoreError::UnexpectedLength {
                path: self.path.clone(),
                expected: self.end,
                found: metadata.len(),
            });
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.open()?
            .sync_data()
            .map_err(|source| StoreError::io("sync", &self.path, source))
    }

    /// Opens the file if it is not open, and checks that it ends where it
    /// should before anything is written to it.
    fn open(&mut self) -> Result<Arc<File>, StoreError> {
        if let Some(file) = &self.open {
            return Ok(Arc::clone(file));
        }
        let file = match OpenOptions::new().write(true).open(&self.path) {
            Ok(file) => file,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NotFound);
            }
            Err(source) => return Err(StoreError::io("open", &self.path, source)),
        };
        let found = file
            .metadata()
            .map_err(|source| StoreError::io("stat", &self.path, source))?
            .len();
        if found != self.end {
            return Err(StoreError::UnexpectedLength {
                path: self.path.clone(),
                expected: self.end,
                found,
            });
        }
        let file = Arc::new(file);
        self.open = Some(Arc::clone(&file));
        Ok(file)
    }
}

/// The answer to everything after a failure, which was told already.
pub(super) fn already_failed() -> StoreError {
    StoreError::io(
        "write",
        PathBuf::new(),
        io::Error::other("an earlier write failed"),
    )
}
