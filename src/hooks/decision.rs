//! What comes back from those who were asked.

use std::time::Duration;

use super::event::MetadataEntry;

/// What the plugins want changed in an upload before it is created, taken
/// together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateChanges {
    /// Replaces the metadata.
    pub metadata: Option<Vec<MetadataEntry>>,
    /// Replaces the id. Already of the permitted form; may be taken.
    pub id: Option<String>,
    /// Where to put the bytes, relative to the data directory. Already of the
    /// permitted form; may be taken.
    pub path: Option<String>,
    /// Header fields for the response. Already valid, and none that HTTP or
    /// tus keep for themselves.
    pub headers: Vec<(String, String)>,
}

/// What the plugins want changed in the response that finishes an upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FinishChanges {
    /// 200 to 299.
    pub status: Option<u16>,
    /// Valid, and none that HTTP or tus keep for themselves.
    pub headers: Vec<(String, String)>,
    /// The response's body.
    pub body: Option<String>,
}

/// What a client is answered instead of its request being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// 400 to 599.
    pub status: u16,
    /// Valid, and none that HTTP or tus keep for themselves.
    pub headers: Vec<(String, String)>,
    /// Sent as it is.
    pub body: String,
}

/// Why a request may not be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A plugin decided so.
    Rejected(Rejection),
    /// A plugin that had to be asked could not answer, so the answer is no.
    Unavailable {
        /// When the plugin thinks it may be able to.
        retry_after: Option<Duration>,
    },
}
