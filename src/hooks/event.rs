//! Events: the moments in an upload's life that somebody may answer or be told
//! about.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

pub use crate::plugins::{EventKind, EventSet, UnknownEvent};
pub use rustus_events::{Event, MetadataEntry, RequestState, UploadKind, UploadState};

/// An event that happens now.
#[must_use]
pub fn event_now(kind: EventKind, upload: UploadState, request: Arc<RequestState>) -> Event {
    Event {
        id: Uuid::now_v7().to_string(),
        kind,
        time: SystemTime::now(),
        upload,
        request,
    }
}
