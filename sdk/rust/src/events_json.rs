//! From an event of the contract to one that can be written as JSON.
//!
//! With the feature `events`, for plugins that pass events on in the formats of
//! the server's own hooks:
//!
//! ```
//! use rustus_events::Format;
//! use rustus_hook::{EventKind, events_json::to_json_event, testing};
//!
//! let event = to_json_event(EventKind::PostFinish, testing::event(&[("a", "b")]));
//! assert!(Format::V2.body(&event).contains(r#""metadata":{"a":"b"}"#));
//! ```

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustus_events::{MetadataEntry, RequestState, UploadState};

use crate::{Event, EventKind, Request, Timestamp, Upload, UploadKind};

/// The event as `rustus-events` has it, with the header fields of its request.
/// Nothing is lost.
pub fn to_json_event(kind: EventKind, event: Event) -> rustus_events::Event {
    rustus_events::Event {
        id: event.id,
        kind: kind.into(),
        time: time(event.time),
        upload: upload(event.upload),
        request: Arc::new(request(event.request)),
    }
}

fn upload(upload: Upload) -> UploadState {
    let entry = |entry: crate::MetadataEntry| MetadataEntry {
        key: entry.key,
        value: entry.value,
    };
    UploadState {
        id: upload.id,
        offset: upload.offset,
        length: upload.length,
        metadata: upload.metadata.into_iter().map(entry).collect(),
        kind: match upload.kind {
            UploadKind::Whole => rustus_events::UploadKind::Whole,
            UploadKind::Partial => rustus_events::UploadKind::Partial,
            UploadKind::Final(parts) => rustus_events::UploadKind::Final(parts),
        },
        storage: upload.storage.into(),
        path: upload.path,
        created_at: time(upload.created_at),
    }
}

fn request(request: Request) -> RequestState {
    let headers = request.headers().into_iter();
    RequestState {
        headers: headers.map(|field| (field.name, field.value)).collect(),
        method: request.method,
        uri: request.uri,
        remote_address: request.remote_address,
    }
}

/// A time that no clock can show, which the server does not send, is 1970.
fn time(time: Timestamp) -> SystemTime {
    Duration::from_secs(time.seconds)
        .checked_add(Duration::from_nanos(time.nanoseconds.into()))
        .and_then(|since| UNIX_EPOCH.checked_add(since))
        .unwrap_or(UNIX_EPOCH)
}

impl From<EventKind> for rustus_events::EventKind {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::PreCreate => Self::PreCreate,
            EventKind::PostCreate => Self::PostCreate,
            EventKind::PostReceive => Self::PostReceive,
            EventKind::PreFinish => Self::PreFinish,
            EventKind::PostFinish => Self::PostFinish,
            EventKind::PreGet => Self::PreGet,
            EventKind::PreTerminate => Self::PreTerminate,
            EventKind::PostTerminate => Self::PostTerminate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn everything_that_an_event_has_arrives() {
        let mut event = testing::event(&[("a", "b")]);
        event.time.nanoseconds = 5;
        event.upload.kind = UploadKind::Final(vec!["p".into()]);
        event.upload.path = Some("/data/x".into());
        testing::headers(&[("host", "h")]);

        let json = to_json_event(EventKind::PreGet, event.clone());
        assert_eq!(json.id, event.id);
        assert_eq!(json.kind.name(), "pre-get");
        assert_eq!(json.time, UNIX_EPOCH + Duration::new(1_700_000_000, 5));
        assert_eq!(json.upload.id, event.upload.id);
        assert_eq!((json.upload.offset, json.upload.length), (0, Some(5)));
        assert_eq!(json.upload.metadata[0].value, b"b");
        assert_eq!(json.upload.kind.parts(), Some(&["p".to_owned()][..]));
        assert_eq!(json.upload.storage, "file_storage");
        assert_eq!(json.upload.path.as_deref(), Some("/data/x"));
        assert_eq!(
            json.upload.created_at,
            UNIX_EPOCH + Duration::from_secs(1_700_000_000)
        );
        assert_eq!(json.request.method, "POST");
        assert_eq!(json.request.uri, "/files");
        assert_eq!(json.request.remote_address.as_deref(), Some("127.0.0.1"));
        assert_eq!(json.request.headers, [("host".into(), "h".into())]);
    }

    #[test]
    fn an_impossible_time_is_1970() {
        let never = Timestamp {
            seconds: u64::MAX,
            nanoseconds: u32::MAX,
        };
        assert_eq!(time(never), UNIX_EPOCH);
    }
}
