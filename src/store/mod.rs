//! Where bytes and upload records live, behind one small trait.
//!
//! A store keeps two things for an upload: its bytes, which only grow, and a
//! [`Record`], which only changes as a whole. The number of bytes is never
//! written down a second time: what is stored is the truth about the offset, so
//! that a crash between two writes cannot make them disagree.
//!
//! A store does not lock. Its caller holds the upload's lock around everything
//! but [`Store::load`] and [`Store::read`].

mod checksum;
mod data_path;
mod dir_structure;
mod durability;
mod error;
mod file;
mod id;
mod record;
mod shared_locks;
#[cfg(test)]
mod suite;

pub use checksum::{Algorithm, Checksum, Hasher, UnknownAlgorithm};
pub use data_path::{DataPath, InvalidDataPath};
pub use dir_structure::{DirStructure, InvalidDirStructure};
pub use durability::{Durability, InvalidDurability};
pub use error::StoreError;
pub use file::{FileStore, FileStoreConfig, OpenError};
pub use id::{InvalidId, UploadId};
pub use record::{NewRecord, Parts, Record, RecordKind, Stage, Stored};
pub use shared_locks::SharedLocks;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

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

    /// Locks that hold among the processes that share this store; `None` if
    /// one process has it for itself. Called once.
    fn shared_locks(&self) -> Option<Arc<dyn SharedLocks>> {
        None
    }

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

    /// The record of an upload alone, also when its bytes are gone.
    ///
    /// # Errors
    /// `NotFound` if there is no record; `DamagedRecord`.
    async fn record(&self, id: &UploadId) -> Result<Record, StoreError>;

    /// Replaces the record of an existing upload, wholly or not at all. `id`
    /// and `path` are never changed. One that says that the upload is finished
    /// is durable when this returns, and so are the bytes, if the store is told
    /// to see to it.
    ///
    /// # Errors
    /// The storage failed; the old record stands.
    async fn update(&self, record: &Record) -> Result<(), StoreError>;

    /// Does all of an [`update`](Self::update) but the change itself, so that
    /// little is left to do when something else has to be durable before it.
    /// Nobody changes the record in between.
    ///
    /// # Errors
    /// As for `update`.
    async fn prepare_update(&self, record: &Record) -> Result<Box<dyn PreparedUpdate>, StoreError>;

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

    /// Opens an upload for bytes at `offset` that count all together or not at
    /// all, once they are known to have a checksum made by `algorithm`; by any,
    /// at a cost, if it is `None`. Called like [`append`](Self::append).
    ///
    /// Until [`CheckedWriter::verify`], [`load`](Self::load) sees none of them,
    /// also after a crash. `record` is as it is stored.
    ///
    /// # Errors
    /// As for `append`.
    async fn append_checked(
        &self,
        record: &Record,
        offset: u64,
        algorithm: Option<Algorithm>,
    ) -> Result<Box<dyn CheckedWriter>, StoreError>;

    /// Removes the bytes that a checked append left behind when a crash ended
    /// it, and gives the record that says so. Called before an append to an
    /// upload whose record has `unverified`.
    ///
    /// # Errors
    /// `NotFound`, or the storage failed.
    async fn discard_unverified(&self, record: &Record) -> Result<Record, StoreError>;

    /// The bytes of an upload from `range.start` to the one before `range.end`.
    /// The stream ends early with an error if they are not all there.
    ///
    /// # Errors
    /// `NotFound` if there are no bytes.
    async fn read(
        &self,
        record: &Record,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError>;

    /// Gives an upload the bytes of `part`, all of them and no other ones, at
    /// `start`, and tells where they end. What the upload had from there on, of
    /// an earlier call that was cut short, goes.
    ///
    /// # Errors
    /// `NotFound` or `UnexpectedLength` if the part's bytes, or the upload's
    /// before `start`, are not all there; the storage failed. The upload then
    /// has some of the part's bytes.
    async fn copy(&self, record: &Record, start: u64, part: &Record) -> Result<u64, StoreError>;

    /// Makes an upload durable, bytes and record, whether or not the store is
    /// told to do so always. Called before what it was made of is removed.
    ///
    /// # Errors
    /// The storage failed.
    async fn sync(&self, record: &Record) -> Result<(), StoreError>;

    /// Removes the bytes of an upload and keeps its record. Bytes that are gone
    /// already are no error.
    ///
    /// # Errors
    /// The storage failed.
    async fn remove_bytes(&self, record: &Record) -> Result<(), StoreError>;

    /// Removes the bytes, then the record, so that a removal that a crash cut
    /// short can be asked for again. Bytes that are gone already are no error.
    ///
    /// # Errors
    /// `NotFound` if there is no record; or the storage failed.
    async fn remove(&self, id: &UploadId) -> Result<(), StoreError>;

    /// Begins a walk over all that is kept, for unfinished uploads whose bytes
    /// have not changed since `unchanged_since`. Called from time to time.
    fn sweep(&self, unchanged_since: SystemTime) -> Box<dyn Sweep>;
}

/// A record that takes the place of the one before it when it is told to.
/// Dropped, it changes nothing.
#[async_trait]
pub trait PreparedUpdate: Send {
    /// Replaces the record.
    ///
    /// # Errors
    /// As for [`Store::update`].
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// A walk over all that a store keeps. What was made by a crash and belongs to
/// no upload is removed on the way, once it is a day old.
#[async_trait]
pub trait Sweep: Send {
    /// Looks at a bounded number of things and says which are stale; `None` at
    /// the end. No lock is held, so each has to be looked at again under its
    /// lock. What cannot be read is passed over.
    ///
    /// # Errors
    /// The storage failed; the walk has ended.
    async fn step(&mut self) -> Result<Option<Vec<Stale>>, StoreError>;
}

/// Something that a [`Sweep`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// An unfinished upload that has not changed for long enough.
    Unfinished(UploadId),
    /// An upload whose bytes are gone, by a removal that a crash cut short or
    /// by somebody else's hand.
    WithoutBytes(UploadId),
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

    /// Begins to write what was taken: no more bytes come for now, and nobody
    /// knows when they will. Called any number of times.
    ///
    /// # Errors
    /// As for `write`.
    async fn rest(&mut self) -> Result<(), StoreError>;

    /// Writes what was taken, makes it durable if the store is told to, and
    /// gives the number of bytes that the upload has now.
    ///
    /// # Errors
    /// A write failed. What [`Store::load`] then says is the truth.
    async fn finish(self: Box<Self>) -> Result<u64, StoreError>;
}

/// Bytes of which none counts before all are known to be right.
///
/// Dropping a writer before its end leaves what a crash would leave.
#[async_trait]
pub trait CheckedWriter: Send {
    /// Takes the next bytes, as [`AppendWriter::write`] does.
    ///
    /// # Errors
    /// An earlier write failed. The bytes must then be discarded.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Keeps the bytes if they have the checksum `expected`, and gives the
    /// number of bytes that the upload has now.
    ///
    /// # Errors
    /// `ChecksumMismatch`, or the storage failed. Then the upload is as it was
    /// before, or [`Store::discard_unverified`] has something left to do.
    async fn verify(self: Box<Self>, expected: Checksum) -> Result<u64, StoreError>;

    /// Makes the upload as it was before.
    ///
    /// # Errors
    /// The storage failed; [`Store::discard_unverified`] has something left to
    /// do.
    async fn discard(self: Box<Self>) -> Result<(), StoreError>;
}
