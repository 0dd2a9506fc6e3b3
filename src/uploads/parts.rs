//! What may become a part of a final upload, and whose it is.

use super::lock::UploadLock;
use super::{UploadError, UploadId, Uploads};
use crate::store::{Parts, Record, RecordKind, Stage, StoreError};

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

/// What tells a request for a final upload from another one.
struct Request<'a> {
    ids: &'a [UploadId],
    requested_metadata: Option<&'a str>,
}

/// What the parts turned out to be.
pub(super) enum Found {
    /// All there, in the order of the request, and together this long.
    Ready(Vec<Record>, u64),
    /// Used up by an upload that was made of the same parts and is finished.
    Used(Record),
}

/// What is known of parts that need not be finished.
pub(super) struct Outlook {
    pub(super) finished: bool,
    /// Their bytes together, if that is known.
    pub(super) length: Option<u64>,
}

impl Uploads {
    /// Looks at parts without keeping anybody from them.
    pub(super) async fn outlook(&self, parts: &[UploadId]) -> Result<Outlook, UploadError> {
        let mut finished = true;
        let mut length = Some(0_u64);
        for id in parts {
            let record = self.store.record(id).await.map_err(part_error)?;
            if !matches!(record.kind, RecordKind::Partial { .. }) {
                return Err(UnusablePart::NotPartial.into());
            }
            if !record.finished {
                finished = false;
                // It may have expired.
                self.load(id).await.map_err(|error| match error {
                    UploadError::NotFound | UploadError::Expired => UnusablePart::Missing.into(),
                    other => other,
                })?;
            }
            length = length
                .zip(record.length)
                .and_then(|(sum, part)| sum.checked_add(part));
        }
        Ok(Outlook { finished, length })
    }

    /// Takes the locks of all parts, always in the same order, so that two
    /// requests with the same parts do not wait for each other.
    pub(super) async fn lock_all(
        &self,
        parts: &[UploadId],
    ) -> Result<Vec<UploadLock>, UploadError> {
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
    pub(super) async fn find(
        &self,
        ids: &[UploadId],
        requested_metadata: Option<&str>,
    ) -> Result<Found, UploadError> {
        let new = Request {
            ids,
            requested_metadata,
        };
        let mut parts = Vec::with_capacity(ids.len());
        let mut length: u64 = 0;
        for id in ids {
            let record = self.store.record(id).await.map_err(part_error)?;
            let RecordKind::Partial { used_by } = &record.kind else {
                return Err(UnusablePart::NotPartial.into());
            };
            if let Some(user) = used_by
                && let Some(made) = self.user_of(id, user, &new).await?
            {
                return match &made.kind {
                    RecordKind::Final(of) if new.made(of) => Ok(Found::Used(made)),
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
        new: &Request<'_>,
    ) -> Result<Option<Record>, UploadError> {
        let made = match self.store.load(user).await {
            Ok(stored) => stored.record,
            Err(StoreError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match &made.kind {
            // The id may have been given to another upload since.
            RecordKind::Final(of) if !of.ids.contains(part) => Ok(None),
            RecordKind::Final(_) if made.owns(part) => Ok(Some(made)),
            RecordKind::Final(of) if of.stage == Stage::Begun && new.made(of) => {
                // Whoever assembles it would hold the lock of this part.
                self.forget(user).await;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Whether `part` belongs to an upload that was made of it, or is being made
    /// of it for good.
    pub(super) async fn is_used_up(&self, part: &Record) -> Result<bool, StoreError> {
        let RecordKind::Partial {
            used_by: Some(user),
        } = &part.kind
        else {
            return Ok(false);
        };
        match self.store.record(user).await {
            Ok(made) => Ok(made.owns(&part.id)),
            Err(StoreError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
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
}

impl Request<'_> {
    /// Whether a request like this one made an upload of `parts`.
    fn made(&self, parts: &Parts) -> bool {
        parts.ids == self.ids && parts.requested_metadata.as_deref() == self.requested_metadata
    }
}

/// Whether `part` names the upload `id` as its user.
pub(super) fn is_used_by(part: &Record, id: &UploadId) -> bool {
    matches!(&part.kind, RecordKind::Partial { used_by: Some(user) } if user == id)
}

pub(super) fn part_error(error: StoreError) -> UploadError {
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
