//! Uploads in files: the bytes below the data directory, the records as
//! `ID.info` in the info directory.
//!
//! What is synced, and when, [`Durability`] says.
//!
//! All system calls of one operation are made in one visit to the blocking
//! threads, because the visit costs more than most of the calls.

mod append;
mod checked;
mod copy;
mod data_dir;
mod lock_file;
mod read;
mod record_file;
mod room;
mod sweep;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::task::spawn_blocking;

use super::{
    Algorithm, AppendWriter, CheckedWriter, DirStructure, Durability, NewRecord, PreparedUpdate,
    Record, SharedLocks, Store, StoreError, Stored, Sweep, UploadId,
};
use append::FileAppend;
use checked::{Check, CheckedAppend};
use copy::Copy;
use data_dir::{DataDir, DataFileState};
use lock_file::LockFile;
use record_file::{Prepared, RecordDir};
use room::Room;
use sweep::FileSweep;

/// Where and how a [`FileStore`] keeps uploads.
#[derive(Debug, Clone)]
pub struct FileStoreConfig {
    /// The bytes; made if it does not exist.
    pub data_dir: PathBuf,
    /// The records; made if it does not exist. It may be the data directory.
    pub info_dir: PathBuf,
    /// The directory below the data directory of uploads whose path no hook
    /// chose.
    pub dir_structure: DirStructure,
    /// What is synced to the disk before it is acknowledged.
    pub durability: Durability,
}

/// Why a file store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data directory cannot be made or written.
    #[error("the data directory {} cannot be used", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The info directory cannot be made or written.
    #[error("the info directory {} cannot be used", path.display())]
    InfoDir {
        /// The directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
}

/// A [`Store`] in the file system.
#[derive(Debug, Clone)]
pub struct FileStore {
    inner: Arc<Inner>,
    locks: Option<Arc<LockFile>>,
}

#[derive(Debug)]
struct Inner {
    data: DataDir,
    records: RecordDir,
    durability: Durability,
    room: Room,
}

impl FileStore {
    /// Makes the directories where needed and checks that they can be written.
    /// Blocks; meant for the start of the server.
    ///
    /// # Errors
    /// A directory cannot be made or written.
    pub fn open(config: FileStoreConfig) -> Result<Self, OpenError> {
        let data_dir = usable_directory(&config.data_dir).map_err(|source| OpenError::DataDir {
            path: config.data_dir,
            source,
        })?;
        let info_dir = usable_directory(&config.info_dir).map_err(|source| OpenError::InfoDir {
            path: config.info_dir,
            source,
        })?;
        let locks = LockFile::open(&info_dir).map_err(|source| OpenError::InfoDir {
            path: info_dir.clone(),
            source,
        })?;
        if locks.is_none() {
            tracing::warn!(
                path = %info_dir.display(),
                "the file system has no locks: run one server only with these directories"
            );
        }
        Ok(Self {
            locks: locks.map(Arc::new),
            inner: Arc::new(Inner {
                data: DataDir::new(data_dir, config.dir_structure),
                records: RecordDir::new(info_dir),
                durability: config.durability,
                room: Room::default(),
            }),
        })
    }

    /// Does `work` on a thread that may block.
    async fn blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        spawn_blocking(move || work(&inner)).await?
    }
}

/// The canonical path of a directory that exists and can be written.
fn usable_directory(path: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(path)?;
    let canonical = path.canonicalize()?;
    record_file::temporary_file(&canonical)?.close()?;
    Ok(canonical)
}

/// An error that names `root` if it is not there any more.
fn require_directory(root: &Path) -> Result<(), StoreError> {
    std::fs::metadata(root)
        .map(drop)
        .map_err(|source| StoreError::io("find", root, source))
}

/// Makes the names in a directory durable.
fn sync_directory(path: &Path) -> Result<(), StoreError> {
    sync_all(path)
}

/// Makes a file or the names in a directory durable.
fn sync_all(path: &Path) -> Result<(), StoreError> {
    std::fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| StoreError::io("sync", path, source))
}

#[async_trait]
impl Store for FileStore {
    fn name(&self) -> &'static str {
        "file_storage"
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.blocking(|inner| {
            for directory in [inner.data.root(), inner.records.root()] {
                record_file::temporary_file(directory)
                    .and_then(tempfile::NamedTempFile::close)
                    .map_err(|source| StoreError::io("write to", directory, source))?;
            }
            Ok(())
        })
        .await
    }

    fn location(&self, record: &Record) -> String {
        self.inner
            .data
            .file(&record.path)
            .to_string_lossy()
            .into_owned()
    }

    fn shared_locks(&self) -> Option<Arc<dyn SharedLocks>> {
        self.locks
            .as_ref()
            .map(|locks| Arc::clone(locks) as Arc<dyn SharedLocks>)
    }

    async fn create(&self, new: NewRecord) -> Result<Stored, StoreError> {
        self.blocking(move |inner| inner.create(new)).await
    }

    async fn load(&self, id: &UploadId) -> Result<Stored, StoreError> {
        let id = id.clone();
        self.blocking(move |inner| {
            loop {
                let (record, edition) = inner.records.read_edition(&id)?;
                let data = inner.state(&record)?;
                // Had a checked append begun in between, its bytes would seem to
                // count. What is finished does not change any more.
                if record.finished || inner.records.edition(&id)? == edition {
                    return inner.stored(record, data);
                }
            }
        })
        .await
    }

    async fn record(&self, id: &UploadId) -> Result<Record, StoreError> {
        let id = id.clone();
        self.blocking(move |inner| inner.records.read(&id)).await
    }

    async fn update(&self, record: &Record) -> Result<(), StoreError> {
        let record = record.clone();
        self.blocking(move |inner| inner.update(&record)).await
    }

    async fn prepare_update(&self, record: &Record) -> Result<Box<dyn PreparedUpdate>, StoreError> {
        let record = record.clone();
        let prepared = self.blocking(move |inner| inner.prepare(&record)).await?;
        Ok(Box::new(FileUpdate {
            prepared,
            inner: Arc::clone(&self.inner),
        }))
    }

    async fn append(
        &self,
        record: &Record,
        offset: u64,
    ) -> Result<Box<dyn AppendWriter>, StoreError> {
        let path = self.inner.data.file(&record.path);
        let (durability, room) = (self.inner.durability, self.inner.room.part());
        Ok(Box::new(FileAppend::new(
            path, offset, durability, room, None,
        )))
    }

    async fn append_checked(
        &self,
        record: &Record,
        offset: u64,
        algorithm: Option<Algorithm>,
    ) -> Result<Box<dyn CheckedWriter>, StoreError> {
        let path = self.inner.data.file(&record.path);
        let (durability, room) = (self.inner.durability, self.inner.room.part());
        let check = Check::new(Arc::clone(&self.inner), record, offset, algorithm);
        let append = FileAppend::new(path, offset, durability, room, Some(check));
        Ok(Box::new(CheckedAppend::new(append)))
    }

    async fn discard_unverified(&self, record: &Record) -> Result<Record, StoreError> {
        let mut record = record.clone();
        self.blocking(move |inner| {
            if let Some(end) = record.unverified.take() {
                let sync = inner.syncs_everything();
                inner.data.cut(&record.path, end, sync)?;
                inner.records.replace(&record, sync)?;
            }
            Ok(record)
        })
        .await
    }

    async fn read(
        &self,
        record: &Record,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        read::stream(self.inner.data.file(&record.path), range).await
    }

    async fn copy(&self, record: &Record, start: u64, part: &Record) -> Result<u64, StoreError> {
        // The caller knows all lengths. A part without one has no bytes, or it is
        // not as it should be.
        let length = part.length.unwrap_or(0);
        let (to, from) = (record.path.clone(), part.path.clone());
        let mut copy = self
            .blocking(move |inner| {
                Copy::open(
                    (inner.data.file(&to), start),
                    (inner.data.file(&from), length),
                )
            })
            .await?;
        while !copy.is_done() {
            copy = self
                .blocking(move |_| {
                    copy.step()?;
                    Ok(copy)
                })
                .await?;
        }
        if self.inner.syncs_everything() {
            self.blocking(move |_| copy.sync()).await?;
        }
        Ok(start + length)
    }

    async fn sync(&self, record: &Record) -> Result<(), StoreError> {
        let record = record.clone();
        self.blocking(move |inner| {
            inner.data.sync(&record.path, inner.records.root())?;
            inner.records.sync(&record.id)
        })
        .await
    }

    async fn remove_bytes(&self, record: &Record) -> Result<(), StoreError> {
        let path = record.path.clone();
        self.blocking(move |inner| inner.data.remove(&path, inner.syncs_everything()))
            .await
    }

    async fn remove(&self, id: &UploadId) -> Result<(), StoreError> {
        let id = id.clone();
        self.blocking(move |inner| {
            let record = inner.records.read(&id)?;
            let sync = inner.syncs_everything();
            inner.data.remove(&record.path, sync)?;
            inner.records.remove(&id, sync)
        })
        .await
    }

    fn sweep(&self, unchanged_since: SystemTime) -> Box<dyn Sweep> {
        Box::new(FileSweep::new(Arc::clone(&self.inner), unchanged_since))
    }
}

/// A record beside the one whose place it is to take.
struct FileUpdate {
    prepared: Prepared,
    inner: Arc<Inner>,
}

#[async_trait]
impl PreparedUpdate for FileUpdate {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { prepared, inner } = *self;
        spawn_blocking(move || inner.records.put(prepared)).await?
    }
}

impl Inner {
    fn syncs_everything(&self) -> bool {
        self.durability == Durability::Append
    }

    fn update(&self, record: &Record) -> Result<(), StoreError> {
        self.records.put(self.prepare(record)?)
    }

    fn prepare(&self, record: &Record) -> Result<Prepared, StoreError> {
        let finishes = record.finished && self.durability >= Durability::Finish;
        if finishes {
            // Also bytes of appends that were not synced themselves.
            self.data.sync(&record.path, self.records.root())?;
        }
        self.records
            .prepare(record, finishes || self.syncs_everything())
    }

    fn state(&self, record: &Record) -> Result<DataFileState, StoreError> {
        self.data.state(&record.path).inspect_err(|error| {
            if matches!(error, StoreError::NotFound) {
                let path = self.data.file(&record.path);
                tracing::warn!(
                    upload = %record.id,
                    path = %path.display(),
                    "the bytes of an upload are gone"
                );
            }
        })
    }

    fn stored(&self, record: Record, data: DataFileState) -> Result<Stored, StoreError> {
        let DataFileState { length, changed_at } = data;
        let offset = record.unverified.map_or(length, |end| end.min(length));
        match record.length {
            Some(expected) if offset > expected => Err(StoreError::UnexpectedLength {
                path: self.data.file(&record.path),
                expected,
                found: offset,
            }),
            _ => Ok(Stored {
                record,
                offset,
                changed_at,
            }),
        }
    }

    fn create(&self, new: NewRecord) -> Result<Stored, StoreError> {
        let sync = self.syncs_everything();
        let path = match new.path {
            Some(path) => {
                self.data.claim_chosen(&path, sync)?;
                path
            }
            None => self.data.claim_default(&new.id, new.created_at, sync)?,
        };
        let record = Record {
            id: new.id,
            length: new.length,
            metadata: new.metadata,
            created_at: new.created_at,
            path,
            finished: false,
            kind: new.kind,
            unverified: None,
        };
        if let Err(error) = self.records.create(&record, sync) {
            // The path was free before; leaving the file would take it for ever.
            if let Err(left_behind) = self.data.remove(&record.path, false) {
                tracing::warn!(upload = %record.id, error = %left_behind, "an empty data file stays behind");
            }
            return Err(error);
        }
        Ok(Stored {
            changed_at: record.created_at,
            record,
            offset: 0,
        })
    }
}

#[cfg(test)]
mod tests;
