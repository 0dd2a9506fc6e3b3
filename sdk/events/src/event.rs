//! Events: the moments in an upload's life that somebody may answer or be told
//! about.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::kept;
use crate::kind::EventKind;

/// One pair of `Upload-Metadata`, decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataEntry {
    /// Printable ASCII without space and comma, not empty, unique within an
    /// upload.
    pub key: String,
    /// Any bytes; empty for a key without value.
    #[serde(with = "kept::bytes")]
    pub value: Vec<u8>,
}

impl MetadataEntry {
    /// The value as text, with U+FFFD in place of bytes that are not UTF-8.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }
}

/// How an upload relates to others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadKind {
    /// Stands for itself.
    #[default]
    Whole,
    /// A part of an upload to come.
    Partial,
    /// Made of the uploads with these ids.
    Final(Vec<String>),
}

impl UploadKind {
    /// Whether the upload is a part of one to come.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        matches!(self, Self::Partial)
    }

    /// The ids of the uploads that it is made of, if it is made of others.
    #[must_use]
    pub fn parts(&self) -> Option<&[String]> {
        match self {
            Self::Final(parts) => Some(parts),
            Self::Whole | Self::Partial => None,
        }
    }
}

/// An upload as it stood when an event happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadState {
    /// The last segment of the upload's URL.
    pub id: String,
    /// Bytes stored.
    pub offset: u64,
    /// Bytes there will be; `None` while deferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Decoded metadata, in the client's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<MetadataEntry>,
    /// Whole, partial or final.
    pub kind: UploadKind,
    /// The storage's name, such as `file_storage`.
    pub storage: Cow<'static, str>,
    /// Where the storage keeps the bytes; `None` before it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// When the upload was created.
    #[serde(with = "kept::time")]
    pub created_at: SystemTime,
}

/// The request that caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestState {
    /// Upper case, after `X-HTTP-Method-Override`.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// The client's address without port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_address: Option<String>,
    /// Lower-case names; values with U+FFFD in place of bytes that are not
    /// UTF-8. Repeated fields stay apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
///
/// # Keeping events
/// Its serde form is made to be kept on a disk across versions of the server; it
/// is none of the formats that leave it. It begins with the number of the
/// encoding, `v`: a reader refuses a number that it does not know. Within one
/// number fields may be added, never renamed or given another meaning, and what
/// a reader does not know it skips. Everything survives exactly: metadata as
/// Base64, times to the nanosecond. Absent and empty fields are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unique, ordered by time (UUIDv7), the same at every repeated delivery.
    pub id: String,
    /// Which moment.
    pub kind: EventKind,
    /// When it happened.
    pub time: SystemTime,
    /// The upload at that moment.
    pub upload: UploadState,
    /// What caused it.
    pub request: Arc<RequestState>,
}
