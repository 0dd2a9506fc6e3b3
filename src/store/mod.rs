//! Where bytes and upload records live, behind one small trait.
//!
//! A store keeps two things for an upload: its bytes, which only grow, and a
//! [`Record`], which only changes as a whole. The number of bytes is never
//! written down a second time: what is stored is the truth about the offset, so
//! that a crash between two writes cannot make them disagree.
//!
//! A store does not lock. Its caller holds the upload's lock around everything
//! but [`Store::load`] and [`Store::read`].

mod data_path;
mod dir_structure;
mod error;
mod file;
mod id;
mod record;
#[cfg(test)]
mod suite;

pub use data_path::{DataPath, InvalidDataPath};
pub use dir_structure::{DirStructure, InvalidDirStructure};
pub use error::StoreError;
pub use file::{FileStore, FileStoreConfig, OpenError};
pub use id::{InvalidId, UploadId};
pub use record::{NewRecord, Record, RecordKind, Stored};

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

/// A place for uploads. The suite in `store/suite.rs` says in tests what every
/// implementation guarantees.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The store's name in events, such as `file_storage`.
    fn name(&self) -> &'static str;

    /// Finds out whether it could store something now. Called whenever somebody
    /// asks whether the server is ready, at most about once a second.
    ///
    /// # Errors
    /// What would keep it from it.
    async fn check(&self) -> Result<(), StoreError>;

    /// Where the bytes of an upload lie, for people and for hooks: an absolute
    /// path for a file store.
    fn location(&self, record: &Record) -> String;

    /// Begins an upload without bytes. Called once for an upload, after the
    /// blocking hooks agreed.
    ///
    /// Id and path are claimed exclusively: of two callers with the same id,
    /// one gets [`StoreError::IdTaken`]. When it fails, nothing is left behind.
    ///
    /// # Errors
    /// `IdTaken`, `PathTaken`, `OutsideDataDirectory`, or the storage failed.
    async fn create(&self, new: NewRecord) -> Result<Stored, StoreError>;

    /// What is stored of an upload. Called for almost every request and without
    /// the upload's lock; while an append runs, the offset is a lower bound.
    ///
    /// # Errors
    /// `NotFound` if the record or the bytes do not exist; `DamagedRecord`.
    async fn load(&self, id: &UploadId) -> Result<Stored, StoreError>;

    /// Replaces the record of an existing upload, wholly or not at all. `id`
    /// and `path` are never changed.
    ///
    /// # Errors
    /// The storage failed; the old record stands.
    async fn update(&self, record: &Record) -> Result<(), StoreError>;

    /// Opens an upload for bytes at `offset`, which is where its bytes end.
    /// Called at most once for an append, when the first byte has come.
    ///
    /// # Errors
    /// `NotFound`; `UnexpectedLength` if the bytes do not end at `offset`.
    async fn append(
        &self,
        record: &Record,
        offset: u64,
    ) -> Result<Box<dyn AppendWriter>, StoreError>;

    /// The bytes of an upload from the first to the one before `end`. The
    /// stream ends early with an error if they are not all there.
    ///
    /// # Errors
    /// `NotFound` if there are no bytes.
    async fn read(
        &self,
        record: &Record,
        end: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError>;

    /// Removes the bytes, then the record, so that a removal that a crash cut
    /// short can be asked for again. Bytes that are gone already are no error.
    ///
    /// # Errors
    /// `NotFound` if there is no record; or the storage failed.
    async fn remove(&self, id: &UploadId) -> Result<(), StoreError>;
}

/// Bytes on their way into a store.
///
/// Dropping a writer without [`finish`](Self::finish) loses what it had not
/// written yet, never more.
#[async_trait]
pub trait AppendWriter: Send {
    /// Takes the next bytes. They are not copied, and they may be written
    /// later; the writer holds a bounded number of them and waits when it has
    /// too many.
    ///
    /// # Errors
    /// An earlier write failed. The writer must then be finished.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Writes what was taken, makes it durable if the store is told to, and
    /// gives the number of bytes that the upload has now.
    ///
    /// # Errors
    /// A write failed. What [`Store::load`] then says is the truth.
    async fn finish(self: Box<Self>) -> Result<u64, StoreError>;
}
