//! Events in the words of `wit/`.

use std::time::{SystemTime, UNIX_EPOCH};

use rustus_events::{Event, MetadataEntry, RequestState, UploadKind, UploadState};

use super::bindings::rustus::hooks::types;

/// The record that a plugin is handed. The request's header fields are not in it:
/// a plugin asks for those.
pub(super) fn event(event: &Event) -> types::Event {
    types::Event {
        id: event.id.clone(),
        time: timestamp(event.time),
        upload: upload(&event.upload),
        request: request(&event.request),
    }
}

fn upload(upload: &UploadState) -> types::Upload {
    types::Upload {
        id: upload.id.clone(),
        offset: upload.offset,
        length: upload.length,
        metadata: upload.metadata.iter().map(entry).collect(),
        kind: match &upload.kind {
            UploadKind::Whole => types::UploadKind::Whole,
            UploadKind::Partial => types::UploadKind::Partial,
            UploadKind::Final(parts) => types::UploadKind::Final(parts.clone()),
        },
        storage: upload.storage.clone().into_owned(),
        path: upload.path.clone(),
        created_at: timestamp(upload.created_at),
    }
}

fn request(request: &RequestState) -> types::Request {
    types::Request {
        method: request.method.clone(),
        uri: request.uri.clone(),
        remote_address: request.remote_address.clone(),
    }
}

fn entry(entry: &MetadataEntry) -> types::MetadataEntry {
    types::MetadataEntry {
        key: entry.key.clone(),
        value: entry.value.clone(),
    }
}

/// A time before 1970 is none that a clock in order shows; it becomes 0.
fn timestamp(time: SystemTime) -> types::Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    types::Timestamp {
        seconds: since.as_secs(),
        nanoseconds: since.subsec_nanos(),
    }
}
