//! Appends of which no byte counts before all are verified.
//!
//! Before the first of the bytes is written, the record is marked with where
//! they begin; [`Store::load`](crate::store::Store::load) counts nothing behind
//! that mark. Once they are verified, or cut off again, the mark is removed. A
//! crash in between leaves the mark, and the bytes behind it are cut off before
//! the next append.
//!
//! Bytes that fit one buffer are verified before any of them is written, and
//! need no mark: small chunks cost their hash and nothing else. What a crash
//! leaves of them while they are written is known to be right.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::Inner;
use super::append::{DataFile, FileAppend, already_failed};
use crate::store::{
    Algorithm, AppendWriter as _, CheckedWriter, Checksum, Durability, Hasher, Record, StoreError,
};

/// What is known of bytes that are not verified yet.
pub(super) struct Check {
    mark: Mark,
    hasher: Hasher,
}

/// The mark in the record.
struct Mark {
    store: Arc<Inner>,
    /// As it is without a mark.
    record: Record,
    from: u64,
    is_set: bool,
}

impl Check {
    pub(super) fn new(
        store: Arc<Inner>,
        record: &Record,
        from: u64,
        algorithm: Option<Algorithm>,
    ) -> Self {
        let record = Record {
            unverified: None,
            ..record.clone()
        };
        Self {
            mark: Mark {
                store,
                record,
                from,
                is_set: false,
            },
            hasher: Hasher::new(algorithm),
        }
    }

    /// Takes bytes that are about to be written.
    pub(super) fn before(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        self.mark.set()?;
        self.hash(chunks);
        Ok(())
    }

    fn hash(&mut self, chunks: &[Bytes]) {
        for chunk in chunks {
            self.hasher.update(chunk);
        }
    }
}

impl Mark {
    fn set(&mut self) -> Result<(), StoreError> {
        if self.is_set {
            return Ok(());
        }
        // Also if it fails: the new record may be there all the same.
        self.is_set = true;
        let record = Record {
            unverified: Some(self.from),
            ..self.record.clone()
        };
        let store = &self.store;
        store.records.replace(&record, store.syncs_everything())
    }

    fn remove(&self) -> Result<(), StoreError> {
        if !self.is_set {
            return Ok(());
        }
        let store = &self.store;
        store
            .records
            .replace(&self.record, store.syncs_everything())
    }
}

/// A [`FileAppend`] with a [`Check`].
pub(super) struct CheckedAppend(FileAppend);

impl CheckedAppend {
    pub(super) fn new(append: FileAppend) -> Self {
        Self(append)
    }

    /// Keeps the bytes if they have the checksum, and discards them otherwise.
    async fn end(mut self, expected: Option<Checksum>) -> Result<u64, StoreError> {
        let settled = self.0.settle().await;
        let failed = self.0.failed;
        let Some(mut file) = self.0.file.take() else {
            return Err(already_failed());
        };
        let sync = self.0.durability == Durability::Append;
        let buffer = self.0.filling;
        spawn_blocking(move || {
            let Some(mut check) = file.check.take() else {
                return Err(already_failed());
            };
            check.hash(&buffer.chunks);
            let Check { mark, hasher } = check;
            let kept = match expected {
                None => Ok(mark.from),
                Some(_) if failed => settled.and(Err(already_failed())),
                Some(expected) if hasher.matches(&expected) => {
                    file.keep(&buffer.chunks, sync, &mark)
                }
                Some(_) => Err(StoreError::ChecksumMismatch),
            };
            match kept {
                Ok(end) if end > mark.from => Ok(end),
                not_kept => file.cut_back(sync, &mark).and(not_kept),
            }
        })
        .await?
    }
}

impl DataFile {
    /// Writes the last bytes, after all of them were found to be right.
    fn keep(&mut self, last: &[Bytes], sync: bool, mark: &Mark) -> Result<u64, StoreError> {
        self.write_all(last)?;
        if self.open.is_some() {
            if sync {
                self.sync()?;
            }
            self.require_place()?;
        }
        mark.remove()?;
        Ok(self.end)
    }

    /// Cuts off what was written.
    fn cut_back(&mut self, sync: bool, mark: &Mark) -> Result<(), StoreError> {
        // It is open if anything was written.
        if let Some(file) = &self.open {
            file.set_len(mark.from)
                .map_err(|source| StoreError::io("cut", &self.path, source))?;
            if sync {
                self.sync()?;
            }
        }
        mark.remove()
    }
}

#[async_trait]
impl CheckedWriter for CheckedAppend {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.0.write(bytes).await
    }

    async fn verify(self: Box<Self>, expected: Checksum) -> Result<u64, StoreError> {
        self.end(Some(expected)).await
    }

    async fn discard(self: Box<Self>) -> Result<(), StoreError> {
        self.end(None).await.map(drop)
    }
}
