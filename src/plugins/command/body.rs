//! The event of the contract as the formats take it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustus_events::{MetadataEntry, RequestState, UploadKind, UploadState};

use super::super::bindings::rustus::hooks::types;
use super::super::events::EventKind;

/// What happened, in the words of the formats.
pub(super) fn event(kind: EventKind, event: &types::Event) -> rustus_events::Event {
    let upload = &event.upload;
    let request = &event.request;
    rustus_events::Event {
        id: event.id.clone(),
        kind,
        time: time(event.time),
        upload: UploadState {
            id: upload.id.clone(),
            offset: upload.offset,
            length: upload.length,
            metadata: upload.metadata.iter().map(entry).collect(),
            kind: match &upload.kind {
                types::UploadKind::Whole => UploadKind::Whole,
                types::UploadKind::Partial => UploadKind::Partial,
                types::UploadKind::Final(parts) => UploadKind::Final(parts.clone()),
            },
            storage: Cow::Owned(upload.storage.clone()),
            path: upload.path.clone(),
            created_at: time(upload.created_at),
        },
        request: Arc::new(RequestState {
            method: request.method.clone(),
            uri: request.uri.clone(),
            remote_address: request.remote_address.clone(),
            headers: request
                .headers
                .iter()
                .map(|header| (header.name.clone(), header.value.clone()))
                .collect(),
        }),
    }
}

fn entry(entry: &types::MetadataEntry) -> MetadataEntry {
    MetadataEntry {
        key: entry.key.clone(),
        value: entry.value.clone(),
    }
}

fn time(time: types::Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::new(time.seconds, time.nanoseconds.min(999_999_999))
}
