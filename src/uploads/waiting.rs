//! Final uploads that were asked for before their parts were finished (tus
//! 1.0.0, "Concatenation", which calls it `concatenation-unfinished`).
//!
//! Such an upload is a record that names its parts. Whoever finishes the last
//! of them puts it together, before the answer to the request that did so. Which
//! uploads wait for a part is known to the process that was asked for them, and
//! after a start when [`Upkeep`](super::Upkeep) has found them. What is not
//! known here (the part was finished in another process) is put together when
//! somebody looks at the upload.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::concatenate::{NewFinal, new_record};
use super::parts::{Found, Outlook, UnusablePart};
use super::{Cause, Created, UploadError, UploadId, Uploads};
use crate::hooks::{EventKind, FinishChanges, Refusal};
use crate::store::{Record, Stage};

/// The final uploads that wait, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_part: HashMap<UploadId, Vec<UploadId>>,
    /// Those that have all their bytes, and that a hook refused.
    assembled: HashSet<UploadId>,
}

impl Waiting {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `id` waits for `parts`.
    pub(super) fn add(&self, id: &UploadId, parts: &[UploadId]) {
        let mut known = self.known();
        for part in parts {
            let waiting = known.by_part.entry(part.clone()).or_default();
            if !waiting.contains(id) {
                waiting.push(id.clone());
            }
        }
    }

    /// What waits for `part`.
    fn for_part(&self, part: &UploadId) -> Vec<UploadId> {
        self.known().by_part.get(part).cloned().unwrap_or_default()
    }

    /// `id` waits no more, for none of `parts`.
    fn remove(&self, id: &UploadId, parts: &[UploadId]) {
        let mut known = self.known();
        known.assembled.remove(id);
        for part in parts {
            if let Some(waiting) = known.by_part.get_mut(part) {
                waiting.retain(|other| other != id);
                if waiting.is_empty() {
                    known.by_part.remove(part);
                }
            }
        }
    }
}

impl Uploads {
    /// Begins a final upload whose parts are not all finished.
    pub(super) async fn begin_waiting(
        &self,
        cause: &Cause<'_>,
        new: NewFinal,
        outlook: Outlook,
    ) -> Result<Created, UploadError> {
        if let Some(length) = outlook.length {
            self.refuse_above_maximum(length)?;
        }
        let parts = new.parts.clone();
        let record = new_record(new, outlook.length, Stage::Waiting);
        let (record, headers) = self.ask_to_create(cause, record).await?;
        let id = record.id.clone();
        if parts.contains(&id) {
            return Err(UploadError::Conflict);
        }
        let lock = self.locks.acquire(&id).await?;
        let stored = self.store.create(record).await?;
        match self
            .promise(EventKind::PostCreate, &stored.record, 0, cause)
            .await
        {
            Ok(promised) => promised.keep(),
            Err(error) => {
                self.forget(&id).await;
                return Err(error);
            }
        }
        self.counts.created.one();
        let expires_at = self.expires_at(&stored);
        drop(lock);
        self.waiting.add(&id, &parts);
        // The last part may have been finished since it was looked at.
        self.try_to_complete(cause, &id).await;
        Ok(Created {
            id,
            offset: None,
            headers,
            finish: None,
            expires_at,
        })
    }

    /// Puts those together that waited for `part`, which is finished.
    pub(super) async fn complete_those_waiting_for(&self, cause: &Cause<'_>, part: &UploadId) {
        for id in self.waiting.for_part(part) {
            self.try_to_complete(cause, &id).await;
        }
    }

    /// Completes an upload for whom it is not the matter: what fails is tried
    /// again when somebody looks at it. Whoever holds it may be doing so.
    pub(super) async fn try_to_complete(&self, cause: &Cause<'_>, id: &UploadId) {
        if self.locks.is_held(id).unwrap_or(true) {
            return;
        }
        match self.complete(cause, id).await {
            Ok(_) => {}
            Err(UploadError::Refused(Refusal::Rejected(_))) => {
                tracing::info!(upload = %id, "a hook refused to finish a final upload");
            }
            Err(error) => tracing::warn!(
                upload = %id,
                error = &error as &dyn std::error::Error,
                "a final upload that waited for its parts is not put together"
            ),
        }
    }

    /// Puts an upload together that waited for its parts, if they are all
    /// finished now, or goes on with one whose parts are being moved; `None` if
    /// there is nothing to do.
    ///
    /// # Errors
    /// As [`Uploads::concatenate`]. The upload goes on waiting.
    pub async fn complete(
        &self,
        cause: &Cause<'_>,
        id: &UploadId,
    ) -> Result<Option<FinishChanges>, UploadError> {
        let record = self.store.record(id).await?;
        let Some(of) = record.pending_parts() else {
            return Ok(None);
        };
        if record.parts_at(Stage::Waiting).is_some() && !self.outlook(&of.ids).await?.finished {
            return Ok(None);
        }
        let parts_locks = self.lock_all(&of.ids).await?;
        let lock = self.locks.acquire(id).await?;
        // Nobody is told the offset of what is not put together.
        for held in parts_locks.iter().chain([&lock]) {
            held.settle();
        }
        let mut record = self.load(id).await?.record;
        if record.parts_at(Stage::Moving).is_some() {
            return Ok(Some(self.go_on_moving(cause, record).await?));
        }
        let Some(of) = record.parts_at(Stage::Waiting).cloned() else {
            return Ok(None);
        };
        let requested = of.requested_metadata.as_deref();
        let (parts, length) = match self.find(&of.ids, requested).await? {
            Found::Ready(parts, length) => (parts, length),
            // By another upload that was made of them.
            Found::Used(_) => return Err(UnusablePart::Missing.into()),
        };
        self.refuse_above_maximum(length)?;
        if record.length.is_none() {
            record.length = Some(length);
            self.store.update(&record).await?;
        }
        let finish = if self.waiting.known().assembled.contains(id) {
            self.finish_assembled(cause, &record, length).await?
        } else {
            self.waiting.known().assembled.insert(id.clone());
            let assembled = self.assemble(cause, record, &parts).await;
            if !matches!(assembled, Ok(_) | Err(UploadError::Refused(_))) {
                self.waiting.known().assembled.remove(id);
            }
            assembled?
        };
        self.waiting.remove(id, &of.ids);
        Ok(Some(finish))
    }

    /// Forgets that an upload waits, because it is about to go.
    pub(super) fn wait_no_more(&self, record: &Record) {
        if let Some(of) = record.parts_at(Stage::Waiting) {
            self.waiting.remove(&record.id, &of.ids);
        }
    }
}
