//! What an upload is and what may happen to it: create, append, finish, read,
//! terminate, expire; the lock of an upload; who is asked and who is told.
//!
//! What holds:
//! - Everything that changes an upload holds its lock from the first look to
//!   the last write.
//! - Who receives bytes stops for a newcomer; who is past them is waited for.
//! - A request is checked as far as it can be before a hook is asked, and a
//!   hook is asked before anything is stored or removed.
//! - An event says what is stored, never what is about to be.
//! - Bytes that came are kept, also when the client breaks off, unless the
//!   client cannot know of the upload, or gave a checksum: then all of them are
//!   kept, or none.

mod append;
mod body;
mod cause;
mod concatenate;
mod counts;
mod create;
mod error;
mod expire;
mod finish;
mod interruptible;
mod length;
mod lock;
mod metadata;
mod moving;
mod parts;
mod progress;
mod read;
mod receive;
mod recover;
mod settle;
mod stop;
mod terminate;
mod upkeep;
mod waiting;

#[cfg(test)]
mod tests;

pub use append::{Append, Appended};
pub use body::{Body, BodyError, BodyStream, Expectation};
pub use cause::Cause;
pub use concatenate::NewFinal;
pub use counts::Counts;
pub use create::{Created, NewUpload};
pub use error::UploadError;
pub use metadata::{InvalidMetadata, Metadata};
pub use parts::UnusablePart;
pub use read::{ContentStream, Download};
pub use upkeep::Upkeep;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use crate::store::{Algorithm, Checksum, Parts, RecordKind, UnknownAlgorithm, UploadId};

use crate::hooks::{Event, EventKind, Hooks, Promised, UploadKind, UploadState, event_now};
use crate::store::{Record, Store, Stored};
use expire::Removed;
use lock::Locks;
use stop::Stopped;
use waiting::Waiting;

/// All uploads of a server.
#[derive(Debug)]
pub struct Uploads {
    store: Arc<dyn Store>,
    hooks: Arc<Hooks>,
    locks: Locks,
    max_length: Option<u64>,
    remove_parts: bool,
    expiration: Option<Duration>,
    removed: Removed,
    waiting: Waiting,
    stopped: Stopped,
    progress_interval: Duration,
    counts: Counts,
}

/// What uploads may be.
#[derive(Debug, Clone)]
pub struct UploadsConfig {
    /// The greatest length, in bytes, that an upload may have; no limit if
    /// `None`.
    pub max_length: Option<u64>,
    /// Whether the parts of a final upload are removed when that is finished.
    pub remove_parts: bool,
    /// How long after its last byte an unfinished upload expires; never if
    /// `None`.
    pub expiration: Option<Duration>,
    /// How often hooks are told how far an append is that is under way.
    pub progress_interval: Duration,
}

impl Default for UploadsConfig {
    fn default() -> Self {
        Self {
            max_length: None,
            remove_parts: false,
            expiration: None,
            // What the hooks of tusd do.
            progress_interval: Duration::from_secs(1),
        }
    }
}

/// An upload as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The last segment of its URL.
    pub id: UploadId,
    /// Bytes stored.
    pub offset: u64,
    /// Bytes there will be; `None` until the client says.
    pub length: Option<u64>,
    /// `Upload-Metadata` as the client gave it, byte for byte, unless a hook
    /// changed it.
    pub metadata: Option<String>,
    /// When it was created.
    pub created_at: SystemTime,
    /// Whether it was accepted as finished.
    pub finished: bool,
    /// Whole, a part, or made of parts.
    pub kind: RecordKind,
    /// When it expires unless it goes on, if it does.
    pub expires_at: Option<SystemTime>,
}

impl Uploads {
    /// The uploads in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, hooks: Arc<Hooks>, config: UploadsConfig) -> Self {
        Self {
            locks: Locks::new(store.shared_locks()),
            store,
            hooks,
            max_length: config.max_length,
            remove_parts: config.remove_parts,
            expiration: config.expiration,
            removed: Removed::default(),
            waiting: Waiting::default(),
            stopped: Stopped::default(),
            progress_interval: config.progress_interval,
            counts: Counts::default(),
        }
    }

    /// The greatest length, in bytes, that a new upload may have.
    #[must_use]
    pub fn max_length(&self) -> Option<u64> {
        self.max_length
    }

    /// Who is asked and told.
    #[must_use]
    pub const fn hooks(&self) -> &Arc<Hooks> {
        &self.hooks
    }

    /// What was counted since the start.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether somebody answers every event that has to be answered.
    #[must_use]
    pub fn hooks_answer(&self) -> bool {
        self.hooks.answer_required()
    }

    /// Finds out whether uploads could be stored now.
    ///
    /// # Errors
    /// The storage failed.
    pub async fn check_storage(&self) -> Result<(), UploadError> {
        Ok(self.store.check().await?)
    }

    /// How an upload stands. Who adds bytes to it is made to stop, so that the
    /// offset is one at which the next append is accepted. What waits for its
    /// parts is put together if they are finished.
    ///
    /// # Errors
    /// `NotFound`, `Expired`, `Locked`, or the storage failed.
    pub async fn status(&self, cause: &Cause<'_>, id: &UploadId) -> Result<Upload, UploadError> {
        self.locks.still(id).await?;
        let mut stored = self.look_at(id).await?;
        if stored.record.pending_parts().is_some() {
            // Its parts may have been finished in another process.
            self.try_to_complete(cause, id).await;
            stored = self.look_at(id).await?;
        }
        Ok(self.upload(stored))
    }

    /// Promises to tell who wants to hear of it, once it has happened.
    async fn promise(
        &self,
        kind: EventKind,
        record: &Record,
        offset: u64,
        cause: &Cause<'_>,
    ) -> Result<Promised, UploadError> {
        if !self.hooks.wants(kind) {
            return Ok(Promised::to_nobody());
        }
        let event = self.event(kind, record, offset, cause);
        Ok(self.hooks.promise(event).await?)
    }

    fn event(&self, kind: EventKind, record: &Record, offset: u64, cause: &Cause<'_>) -> Event {
        let state = UploadState {
            id: record.id.as_str().to_owned(),
            offset,
            length: record.length,
            metadata: Metadata::entries_of(record.metadata.as_deref()),
            kind: kind_for_hooks(&record.kind),
            storage: self.store.name().into(),
            path: Some(self.store.location(record)),
            created_at: record.created_at,
        };
        event_now(kind, state, cause.request())
    }

    fn upload(&self, stored: Stored) -> Upload {
        let expires_at = self.expires_at(&stored);
        let Stored { record, offset, .. } = stored;
        Upload {
            id: record.id,
            offset,
            length: record.length,
            metadata: record.metadata,
            created_at: record.created_at,
            finished: record.finished,
            kind: record.kind,
            expires_at,
        }
    }
}

fn kind_for_hooks(kind: &RecordKind) -> UploadKind {
    match kind {
        RecordKind::Whole => UploadKind::Whole,
        RecordKind::Partial { .. } => UploadKind::Partial,
        RecordKind::Final(parts) => {
            UploadKind::Final(parts.ids.iter().map(|id| id.as_str().to_owned()).collect())
        }
    }
}
