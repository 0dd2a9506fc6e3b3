//! Events: the moments in an upload's life that somebody may answer or be told
//! about.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

pub use crate::plugins::{EventKind, EventSet, UnknownEvent};

/// One pair of `Upload-Metadata`, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataEntry {
    /// Printable ASCII without space and comma, not empty.
    pub key: String,
    /// Any bytes; empty for a key without value.
    pub value: Vec<u8>,
}

/// How an upload relates to others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UploadKind {
    /// Stands for itself.
    #[default]
    Whole,
    /// A part of an upload to come.
    Partial,
    /// Made of the uploads with these ids.
    Final(Vec<String>),
}

/// An upload as it stood when an event happened.
#[derive(Debug, Clone)]
pub struct UploadState {
    /// The last segment of the upload's URL.
    pub id: String,
    /// Bytes stored.
    pub offset: u64,
    /// Bytes there will be; `None` while deferred.
    pub length: Option<u64>,
    /// Decoded metadata, in the client's order.
    pub metadata: Vec<MetadataEntry>,
    /// Whole, partial or final.
    pub kind: UploadKind,
    /// The storage's name, such as `file_storage`.
    pub storage: &'static str,
    /// Where the storage keeps the bytes; `None` before it does.
    pub path: Option<String>,
    /// When the upload was created.
    pub created_at: SystemTime,
}

/// The request that caused an event.
#[derive(Debug, Clone)]
pub struct RequestState {
    /// Upper case, after `X-HTTP-Method-Override`.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// The client's address without port.
    pub remote_address: Option<String>,
    /// Lower-case names; values with U+FFFD in place of bytes that are not
    /// UTF-8. Repeated fields stay apart.
    pub headers: Vec<(String, String)>,
}

impl RequestState {
    /// The `PATCH` that brought the last bytes of the upload at `uri`, if a
    /// crash came before it was answered: no more is known of it.
    #[must_use]
    pub fn cut_off(uri: String) -> Self {
        Self {
            method: "PATCH".to_owned(),
            uri,
            remote_address: None,
            headers: Vec::new(),
        }
    }
}

/// One moment in the life of an upload.
#[derive(Debug, Clone)]
pub struct Event {
    /// Unique, ordered by time (UUIDv7), the same at every repeated delivery.
    pub id: Uuid,
    /// Which moment.
    pub kind: EventKind,
    /// When it happened.
    pub time: SystemTime,
    /// The upload at that moment.
    pub upload: UploadState,
    /// What caused it.
    pub request: Arc<RequestState>,
}

impl Event {
    /// An event that happens now.
    #[must_use]
    pub fn now(kind: EventKind, upload: UploadState, request: Arc<RequestState>) -> Self {
        Self {
            id: Uuid::now_v7(),
            kind,
            time: SystemTime::now(),
            upload,
            request,
        }
    }
}
