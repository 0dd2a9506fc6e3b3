//! The event that is told in every measurement.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustus::hooks::{Event, EventKind, MetadataEntry, RequestState, UploadKind, UploadState};

/// An upload with 4 pairs of metadata by a request with 12 header fields, which
/// is what a browser sends.
pub fn event() -> Event {
    let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let metadata = [
        ("filename", "holiday.mp4"),
        ("filetype", "video/mp4"),
        ("relativePath", "null"),
        ("meme", "doge"),
    ];
    Event {
        id: "0190b6f0-0000-7000-8000-000000000000".to_owned(),
        kind: EventKind::PreCreate,
        time,
        upload: UploadState {
            id: "5c4cbe9c-41c8-4a68-9e3c-7b8fc3d8f5a5".to_owned(),
            offset: 0,
            length: Some(123_456_789),
            metadata: metadata
                .iter()
                .map(|(key, value)| MetadataEntry {
                    key: (*key).to_owned(),
                    value: value.as_bytes().to_vec(),
                })
                .collect(),
            kind: UploadKind::Whole,
            storage: Cow::Borrowed("file_storage"),
            path: None,
            created_at: time,
        },
        request: Arc::new(RequestState {
            method: "POST".to_owned(),
            uri: "/files/".to_owned(),
            remote_address: Some("127.0.0.1".to_owned()),
            headers: (0..12)
                .map(|number| {
                    (
                        format!("x-header-{number}"),
                        "a value of middling length, as they are".to_owned(),
                    )
                })
                .collect(),
        }),
    }
}
