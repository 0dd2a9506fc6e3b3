//! An upload is made of others (tus 1.0.0, "Concatenation").
//!
//! What a crash finds, step by step:
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
//! parts that name it: the same request, sent again, removes it.

use std::time::SystemTime;

use super::lock::UploadLock;
use super::{Cause, Created, Metadata, UploadError, UploadId, Uploads};
use crate::hooks::FinishChanges;
use crate::store::{NewRecord, Parts, Record, RecordKind, StoreError};

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
}

/// Why something cannot be a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusablePart {
    /// It does not exist, or was used up.
    #[error("a part does not exist")]
    Missing,
    /// It was not created as a part.
    #[error("a part is not a partial upload")]
    NotPartial,
    /// Bytes are missing, or a hook did not accept it.
    #[error("a part is not finished")]
    Unfinished,
}

/// What the parts turned out to be.
enum Found {
    /// All there, in the order of the request, and together this long.
    Ready(Vec<Record>, u64),
    /// Used up by an upload that was made of the same parts and is finished.
    Used(Record),
}

impl Uploads {
    /// Makes an upload of finished parts. Takes as long as the copying.
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
        let _parts_locks = self.lock_all(&new.parts).await?;
        let (parts, length) = match self.find(&new).await? {
            Found::Ready(parts, length) => (parts, length),
            Found::Used(made) => {
                self.remove_used(&made).await;
                return Ok(Created {
                    offset: made.length.unwrap_or_default(),
                    id: made.id,
                    headers: Vec::new(),
                    finish: None,
                    expires_at: None,
                });
            }
        };
        self.refuse_above_maximum(length)?;
        let (record, headers) = self.ask_to_create(cause, new_record(new, length)).await?;
        let id = record.id.clone();
        if parts.iter().any(|part| part.id == id) {
            // Its lock is held here already.
            return Err(UploadError::Conflict);
        }
        let _lock = self.locks.acquire(&id).await?;
        let record = self.store.create(record).await?.record;
        let finish = match self.assemble(cause, record, &parts).await {
            Ok(finish) => finish,
            Err(error) => {
                self.forget(&id).await;
                return Err(error);
            }
        };
        Ok(Created {
            id,
            offset: length,
            headers,
            finish: Some(finish),
            expires_at: None,
        })
    }

    /// Steps 1 to 4 for a record that was just written.
    async fn assemble(
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
        let offset = self.store.concatenate(&record, parts).await?;
        let finish = self.finish(cause, record.clone(), offset).await?;
        if self.remove_parts {
            self.remove_used(&record).await;
        }
        Ok(finish)
    }

    /// Takes the locks of all parts, always in the same order, so that two
    /// requests with the same parts do not wait for each other.
    async fn lock_all(&self, parts: &[UploadId]) -> Result<Vec<UploadLock>, UploadError> {
        let mut ids: Vec<&UploadId> = parts.iter().collect();
        ids.sort_unstable_by_key(|id| id.as_str());
        ids.dedup();
        let mut locks = Vec::with_capacity(ids.len());
        for id in ids {
            locks.push(self.locks.acquire(id).await?);
        }
        Ok(locks)
    }

    /// Looks at the parts. The caller holds their locks.
    async fn find(&self, new: &NewFinal) -> Result<Found, UploadError> {
        let mut parts = Vec::with_capacity(new.parts.len());
        let mut length: u64 = 0;
        for id in &new.parts {
            let record = self.store.record(id).await.map_err(part_error)?;
            let RecordKind::Partial { used_by } = &record.kind else {
                return Err(UnusablePart::NotPartial.into());
            };
            if let Some(user) = used_by
                && let Some(made) = self.user_of(id, user, new).await?
            {
                return match &made.kind {
                    RecordKind::Final(of) if is_same(of, new) => Ok(Found::Used(made)),
                    _ => Err(UnusablePart::Missing.into()),
                };
            }
            let stored = self.store.load(id).await.map_err(part_error)?;
            if !record.finished || record.length != Some(stored.offset) {
                return Err(UnusablePart::Unfinished.into());
            }
            length = length
                .checked_add(stored.offset)
                .ok_or(UploadError::ExceedsMaximum { maximum: u64::MAX })?;
            parts.push(record);
        }
        Ok(Found::Ready(parts, length))
    }

    /// The finished upload that `part` says it was used up by. If that was left
    /// behind unfinished by the same request, it is removed.
    async fn user_of(
        &self,
        part: &UploadId,
        user: &UploadId,
        new: &NewFinal,
    ) -> Result<Option<Record>, UploadError> {
        let made = match self.store.load(user).await {
            Ok(stored) => stored.record,
            Err(StoreError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match &made.kind {
            // The id may have been given to another upload since.
            RecordKind::Final(of) if !of.ids.contains(part) => Ok(None),
            RecordKind::Final(_) if made.finished => Ok(Some(made)),
            RecordKind::Final(of) if is_same(of, new) => {
                // Whoever assembles it would hold the lock of this part.
                self.forget(user).await;
                Ok(None)
            }
            _ => Ok(None),
        }
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
        if !made.finished {
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

    /// Whether the record of a part without bytes still tells a client which
    /// upload they became.
    pub(super) async fn is_remembered(&self, id: &UploadId) -> Result<bool, StoreError> {
        let user = match self.store.record(id).await {
            Ok(Record {
                kind: RecordKind::Partial { used_by },
                ..
            }) => used_by,
            Ok(_) | Err(StoreError::NotFound) => None,
            Err(error) => return Err(error),
        };
        let Some(user) = user else {
            return Ok(false);
        };
        match self.store.record(&user).await {
            Ok(made) => Ok(matches!(&made.kind, RecordKind::Final(of) if of.ids.contains(id))),
            Err(StoreError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes an upload that no client knows of.
    pub(super) async fn forget(&self, id: &UploadId) {
        if let Err(left_behind) = self.store.remove(id).await {
            tracing::warn!(upload = %id, error = %left_behind, "a failed creation stays behind");
        }
    }
}

fn new_record(new: NewFinal, length: u64) -> NewRecord {
    let metadata = new.metadata.map(|metadata| metadata.raw().to_owned());
    NewRecord {
        id: UploadId::random(),
        length: Some(length),
        created_at: SystemTime::now(),
        path: None,
        kind: RecordKind::Final(Parts {
            header: new.header,
            ids: new.parts,
            requested_metadata: metadata.clone(),
        }),
        metadata,
    }
}

fn is_used_by(part: &Record, id: &UploadId) -> bool {
    matches!(&part.kind, RecordKind::Partial { used_by: Some(user) } if user == id)
}

fn is_same(made: &Parts, new: &NewFinal) -> bool {
    made.ids == new.parts
        && made.requested_metadata.as_deref() == new.metadata.as_ref().map(Metadata::raw)
}

fn part_error(error: StoreError) -> UploadError {
    match error {
        StoreError::NotFound => UnusablePart::Missing.into(),
        other => other.into(),
    }
}

impl From<UnusablePart> for UploadError {
    fn from(part: UnusablePart) -> Self {
        Self::Part(part)
    }
}
