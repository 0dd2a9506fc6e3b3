//! An upload begins.

use std::time::SystemTime;

use super::lock::UploadLock;
use super::receive::Received;
use super::{Body, BodyError, Cause, Metadata, UploadError, UploadId, Uploads, kind_for_hooks};
use crate::hooks::{CreateChanges, EventKind, FinishChanges, UploadState, event_now};
use crate::store::{DataPath, NewRecord, Record, RecordKind};

/// What a client wants to upload.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// Bytes there will be; `None` if the client says it later.
    pub length: Option<u64>,
    /// What the client says about it.
    pub metadata: Option<Metadata>,
    /// Whether it is to be a part of a final upload.
    pub partial: bool,
}

/// An upload that was begun.
#[derive(Debug, Clone)]
pub struct Created {
    /// The last segment of its URL.
    pub id: UploadId,
    /// Bytes stored; `None` if the upload waits for its parts.
    pub offset: Option<u64>,
    /// Header fields that hooks want in the response.
    pub headers: Vec<(String, String)>,
    /// What hooks want in the response, if the upload is finished already.
    pub finish: Option<FinishChanges>,
    /// When the upload expires unless it goes on, if it does.
    pub expires_at: Option<SystemTime>,
}

impl Uploads {
    /// Begins an upload and stores the bytes in `body`, if there are any.
    ///
    /// An upload that is complete is finished at once; that may be one without
    /// bytes. If the connection breaks or somebody takes over while the body
    /// comes, the upload stays, with what came of it. After any other error
    /// nothing of it is left.
    ///
    /// # Errors
    /// `ExceedsMaximum`, `ExceedsLength`, `Refused`, `Conflict`,
    /// `ChecksumMismatch`, `NoChecksum`, `Body`, or the storage failed.
    pub async fn create(
        &self,
        cause: &Cause<'_>,
        new: NewUpload,
        body: Option<Body<'_>>,
    ) -> Result<Created, UploadError> {
        if let Some(length) = new.length {
            self.refuse_above_maximum(length)?;
        }
        if let Some(body) = &body {
            self.end(new.length).refuse_announced(0, body)?;
        }

        let (record, headers) = self.ask_to_create(cause, new.into()).await?;
        let id = record.id.clone();
        // Held before anybody can find the upload.
        let lock = self.locks.acquire(&id).await?;
        let record = self.store.create(record).await?.record;
        let result = self.begin(cause, &lock, record, body).await;
        let (offset, finish) = match result {
            Ok(begun) => begun,
            Err(
                error @ UploadError::Body(
                    BodyError::Disconnected
                    | BodyError::Stalled
                    | BodyError::TakenOver
                    | BodyError::Stopping,
                ),
            ) => {
                self.counts.created.one();
                return Err(error);
            }
            Err(error) => {
                // The client does not know of it and cannot come back to it.
                self.forget(&id).await;
                return Err(error);
            }
        };
        self.counts.created.one();
        let expires_at = self.new_expiry(&id).await?;
        Ok(Created {
            id,
            offset: Some(offset),
            expires_at,
            headers,
            finish,
        })
    }

    /// Asks the hooks and does what they want changed.
    pub(super) async fn ask_to_create(
        &self,
        cause: &Cause<'_>,
        mut record: NewRecord,
    ) -> Result<(NewRecord, Vec<(String, String)>), UploadError> {
        if !self.hooks.wants(EventKind::PreCreate) {
            return Ok((record, Vec::new()));
        }
        let state = UploadState {
            id: record.id.as_str().to_owned(),
            offset: 0,
            length: record.length,
            metadata: Metadata::entries_of(record.metadata.as_deref()),
            kind: kind_for_hooks(&record.kind),
            storage: self.store.name().into(),
            path: None,
            created_at: record.created_at,
        };
        let event = event_now(EventKind::PreCreate, state, cause.request());
        let changes = self.hooks.pre_create(event).await?;
        let headers = apply(changes, &mut record)?;
        Ok((record, headers))
    }

    /// Stores the first bytes of a new upload and tells of it.
    async fn begin(
        &self,
        cause: &Cause<'_>,
        lock: &UploadLock,
        record: Record,
        body: Option<Body<'_>>,
    ) -> Result<(u64, Option<FinishChanges>), UploadError> {
        let received = match body {
            Some(body) => {
                let end = self.end(record.length);
                let mut body = lock.interruptible(body);
                self.receive(&record, 0, end, body.as_body(), None).await?
            }
            None => Received {
                offset: 0,
                cut: None,
            },
        };
        lock.settle();
        if let Some(
            cut @ (UploadError::ExceedsLength
            | UploadError::ExceedsMaximum { .. }
            | UploadError::Body(BodyError::TooLarge)),
        ) = received.cut
        {
            return Err(cut);
        }
        let finish = if record.length == Some(received.offset) {
            Some(self.finish(cause, record, received.offset).await?)
        } else {
            let created = EventKind::PostCreate;
            self.promise(created, &record, received.offset, cause)
                .await?
                .keep();
            None
        };
        match received.cut {
            Some(cut) => Err(cut),
            None => Ok((received.offset, finish)),
        }
    }
}

impl From<NewUpload> for NewRecord {
    fn from(new: NewUpload) -> Self {
        Self {
            id: UploadId::random(),
            length: new.length,
            metadata: new.metadata.map(|metadata| metadata.raw().to_owned()),
            created_at: SystemTime::now(),
            path: None,
            kind: if new.partial {
                RecordKind::Partial { used_by: None }
            } else {
                RecordKind::Whole
            },
        }
    }
}

/// Changes `record` and gives the header fields for the response. What hooks
/// choose was checked where it came in; it is checked again because a store
/// trusts nobody.
fn apply(
    changes: CreateChanges,
    record: &mut NewRecord,
) -> Result<Vec<(String, String)>, UploadError> {
    if let Some(entries) = changes.metadata {
        record.metadata = Metadata::from_entries(entries)
            .map_err(|_| UploadError::UnusableChoice { what: "metadata" })?
            .map(|metadata| metadata.raw().to_owned());
    }
    if let Some(id) = changes.id {
        record.id = UploadId::new(id).map_err(|_| UploadError::UnusableChoice { what: "id" })?;
    }
    if let Some(path) = changes.path {
        record.path =
            Some(DataPath::new(path).map_err(|_| UploadError::UnusableChoice { what: "path" })?);
    }
    Ok(changes.headers)
}
