//! An upload is made of others (tus 1.0.0, "Concatenation").
//!
//! What a crash finds, step by step, unless the parts are [moved](super::moving):
//! 1. The final upload's record is written, unfinished, with the names of its
//!    parts. If parts are to go (`--remove-parts`), each of their records then
//!    names the final upload. As long as that is not finished, this means
//!    nothing.
//! 2. The bytes are copied. A crash up to here leaves an unfinished final
//!    upload, which nobody can add to or read, and the parts as they were.
//! 3. The final upload's record becomes that of a finished one. From here on the
//!    parts that name it are used up.
//! 4. If parts are to go: the final upload is made durable, then the parts'
//!    bytes are removed. Their records stay as long as the final upload does, so
//!    that a client which missed the answer and asks again is told where it is.
//!
//! Nobody knows the id of an upload that step 2 left behind, except through the
//! parts that name it: the same request, sent again, removes it, and so does the
//! next start.

use std::time::SystemTime;

use super::parts::{Found, UnusablePart, is_used_by};
use super::{Cause, Created, Metadata, UploadError, UploadId, Uploads};
use crate::hooks::FinishChanges;
use crate::store::{NewRecord, Parts, Record, RecordKind, Stage, StoreError};

/// What a client wants to make of its parts.
#[derive(Debug, Clone)]
pub struct NewFinal {
    /// `Upload-Concat` exactly as the client gave it.
    pub header: String,
    /// The parts in their order; at least one, and one may stand several times.
    pub parts: Vec<UploadId>,
    /// What the client says about the whole. Nothing of what it said about the
    /// parts is taken over.
    pub metadata: Option<Metadata>,
    /// Whether the parts may be finished later.
    pub may_wait: bool,
}

impl Uploads {
    /// Makes an upload of parts. Takes as long as the copying, if they are all
    /// finished.
    ///
    /// The parts are checked before a hook is asked. If they were removed
    /// because the same request succeeded before, its upload is the answer, and
    /// nobody is asked or told again.
    ///
    /// # Errors
    /// `Part`, `ExceedsMaximum`, `Refused`, `Conflict`, `Locked`, or the storage
    /// failed. Nothing is left of the upload then, and the parts are unchanged.
    pub async fn concatenate(
        &self,
        cause: &Cause<'_>,
        new: NewFinal,
    ) -> Result<Created, UploadError> {
        let outlook = self.outlook(&new.parts).await?;
        if !outlook.finished {
            return if new.may_wait {
                self.begin_waiting(cause, new, outlook).await
            } else {
                Err(UnusablePart::Unfinished.into())
            };
        }
        let parts_locks = self.lock_all(&new.parts).await?;
        for lock in &parts_locks {
            // They do not change, and may be looked at.
            lock.settle();
        }
        let requested = new.metadata.as_ref().map(Metadata::raw);
        let (parts, length) = match self.find(&new.parts, requested).await? {
            Found::Ready(parts, length) => (parts, length),
            Found::Used(made) => {
                self.bring_to_end(cause, &made).await?;
                return Ok(Created {
                    offset: made.length,
                    id: made.id,
                    headers: Vec::new(),
                    finish: None,
                    expires_at: None,
                });
            }
        };
        self.refuse_above_maximum(length)?;
        let (record, headers) = self
            .ask_to_create(cause, new_record(new, Some(length), Stage::Begun))
            .await?;
        let id = record.id.clone();
        if parts.iter().any(|part| part.id == id) {
            // Its lock is held here already.
            return Err(UploadError::Conflict);
        }
        let lock = self.locks.acquire(&id).await?;
        // Nobody is told the offset of what is not put together.
        lock.settle();
        let record = self.store.create(record).await?.record;
        let finish = match self.assemble(cause, record, &parts).await {
            Ok(finish) => finish,
            Err(error) => {
                // While parts are moved, it may have bytes that are nowhere else.
                if matches!(self.is_moving(&id).await, Ok(false)) {
                    self.forget(&id).await;
                }
                return Err(error);
            }
        };
        self.counts.created.one();
        Ok(Created {
            id,
            offset: Some(length),
            headers,
            finish: Some(finish),
            expires_at: None,
        })
    }

    /// Steps 1 to 4 for a record that was written, and whose bytes, if there
    /// are any, do not count.
    pub(super) async fn assemble(
        &self,
        cause: &Cause<'_>,
        record: Record,
        parts: &[Record],
    ) -> Result<FinishChanges, UploadError> {
        if self.remove_parts {
            for part in parts {
                let used_by = Some(record.id.clone());
                let kind = RecordKind::Partial { used_by };
                let part = part.clone();
                self.store.update(&Record { kind, ..part }).await?;
            }
        }
        if self.moves(parts) {
            return self.move_parts(cause, record, parts).await;
        }
        let mut end = 0;
        for part in parts {
            end = self.store.copy(&record, end, part).await?;
        }
        self.finish_assembled(cause, &record, end).await
    }

    /// Steps 3 and 4.
    pub(super) async fn finish_assembled(
        &self,
        cause: &Cause<'_>,
        record: &Record,
        length: u64,
    ) -> Result<FinishChanges, UploadError> {
        let finish = self.finish(cause, record.clone(), length).await?;
        if self.remove_parts {
            self.remove_used(record).await;
        }
        Ok(finish)
    }

    /// Brings an upload to its end that has taken its parts. The caller holds
    /// their locks.
    async fn bring_to_end(&self, cause: &Cause<'_>, made: &Record) -> Result<(), UploadError> {
        if made.finished {
            self.remove_used(made).await;
            return Ok(());
        }
        let lock = self.locks.acquire(&made.id).await?;
        lock.settle();
        let record = self.load(&made.id).await?.record;
        if record.parts_at(Stage::Moving).is_some() {
            self.go_on_moving(cause, record).await?;
        }
        Ok(())
    }

    /// Removes the bytes of the parts that `made`, which is finished, has used
    /// up. The caller holds the parts' locks. What fails is left for the next
    /// request with these parts, or for the end of `made`.
    async fn remove_used(&self, made: &Record) {
        let RecordKind::Final(of) = &made.kind else {
            return;
        };
        let removed = async {
            // Otherwise a loss of power could take both.
            self.store.sync(made).await?;
            for id in &of.ids {
                match self.store.record(id).await {
                    Ok(part) if is_used_by(&part, &made.id) => {
                        self.store.remove_bytes(&part).await?;
                    }
                    Ok(_) | Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = removed.await {
            tracing::warn!(
                upload = %made.id,
                error = &error as &dyn std::error::Error,
                "parts that were used up stay behind"
            );
        }
    }

    /// Removes all that is left of the parts that `made` has used up. Called
    /// before `made` itself is removed.
    pub(super) async fn forget_parts(&self, made: &Record) -> Result<(), UploadError> {
        let RecordKind::Final(of) = &made.kind else {
            return Ok(());
        };
        if !(made.finished || of.stage == Stage::Moving) {
            return Ok(());
        }
        for id in &of.ids {
            match self.store.record(id).await {
                Ok(part) if is_used_by(&part, &made.id) => self.store.remove(id).await?,
                Ok(_) | Err(StoreError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Removes an upload that no client knows of.
    pub(super) async fn forget(&self, id: &UploadId) {
        if let Err(left_behind) = self.store.remove(id).await {
            tracing::warn!(upload = %id, error = %left_behind, "a failed creation stays behind");
        }
    }
}

pub(super) fn new_record(new: NewFinal, length: Option<u64>, stage: Stage) -> NewRecord {
    let metadata = new.metadata.map(|metadata| metadata.raw().to_owned());
    NewRecord {
        id: UploadId::random(),
        length,
        created_at: SystemTime::now(),
        path: None,
        kind: RecordKind::Final(Parts {
            header: new.header,
            ids: new.parts,
            requested_metadata: metadata.clone(),
            stage,
        }),
        metadata,
    }
}
