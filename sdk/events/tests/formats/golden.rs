//! Two events to the byte: one with everything, one with nothing that can be
//! missing. What is in the files is what consumers parse; it does not change.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustus_events::{
    Event, EventKind, Format, MetadataEntry, RequestState, UploadKind, UploadState,
};

use crate::schemas;

/// A final upload that a `PATCH` to its last part finished.
fn finished() -> Event {
    let created_at = UNIX_EPOCH + Duration::from_millis(1_658_671_969_250);
    Event {
        id: "01822f9d-1c38-7000-8000-000000000001".to_owned(),
        kind: EventKind::PostFinish,
        time: created_at + Duration::from_secs(60),
        upload: UploadState {
            id: "3cd911fe-eba0-499a-b220-b1d1b947b80f".to_owned(),
            offset: 16_392_985,
            length: Some(16_392_985),
            metadata: [
                ("filename", b"shrek2 \xf0\x9f\x90\xb8.mkv".as_slice()),
                ("is_draft", b""),
                ("digest", b"\xff\x00\""),
            ]
            .map(|(key, value)| MetadataEntry {
                key: key.to_owned(),
                value: value.to_owned(),
            })
            .into(),
            kind: UploadKind::Final(vec!["a".to_owned(), "b".to_owned()]),
            storage: "file_storage".into(),
            path: Some("/data/3cd911fe-eba0-499a-b220-b1d1b947b80f".to_owned()),
            created_at,
        },
        request: Arc::new(RequestState {
            method: "PATCH".to_owned(),
            uri: "/files/b?token=1".to_owned(),
            remote_address: Some("127.0.0.1".to_owned()),
            headers: [
                ("host", "rustus.localhost"),
                ("cookie", "a=1, 2"),
                ("x-forwarded-for", "10.0.0.1"),
                ("cookie", "b=3"),
                ("x-forwarded-for", "10.0.0.2"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        }),
    }
}

/// An upload of unknown length, about to be created by nobody known.
fn deferred() -> Event {
    Event {
        id: "01822f9d-1c38-7000-8000-000000000002".to_owned(),
        kind: EventKind::PreCreate,
        time: UNIX_EPOCH + Duration::from_secs(1_658_671_969),
        upload: UploadState {
            id: "317e1429-61f3-4631-a480-c50207b69ee4".to_owned(),
            offset: 0,
            length: None,
            metadata: Vec::new(),
            kind: UploadKind::Partial,
            storage: "file_storage".into(),
            path: None,
            created_at: UNIX_EPOCH + Duration::from_secs(1_658_671_969),
        },
        request: Arc::new(RequestState {
            method: "POST".to_owned(),
            ..RequestState::cut_off("/files/".to_owned())
        }),
    }
}

/// Holds the event in every format against the lines of `expected`.
fn compare(event: &Event, expected: &str) {
    assert_eq!(expected.lines().count(), Format::ALL.len());
    for (format, line) in Format::ALL.into_iter().zip(expected.lines()) {
        let body = format.body(event);
        assert_eq!(body, line, "{format}");
        schemas::read(format, &body).unwrap();
    }
}

#[test]
fn an_event_with_everything_looks_like_this() {
    compare(&finished(), include_str!("../golden/finished.jsonl"));
}

#[test]
fn an_event_with_nothing_that_can_be_missing_looks_like_this() {
    compare(&deferred(), include_str!("../golden/deferred.jsonl"));
}

#[test]
fn an_event_is_kept_like_this() {
    let kept = include_str!("../golden/kept.json").trim_end();
    assert_eq!(serde_json::to_string(&finished()).unwrap(), kept);
    assert_eq!(serde_json::from_str::<Event>(kept).unwrap(), finished());
}
