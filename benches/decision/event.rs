//! The event that is told in every measurement.

use rustus::plugins::types::{
    Event, Header, MetadataEntry, Request, Timestamp, Upload, UploadKind,
};

/// An upload with 4 pairs of metadata by a request with 12 header fields, which
/// is what a browser sends.
pub fn event() -> Event {
    let time = Timestamp {
        seconds: 1_700_000_000,
        nanoseconds: 0,
    };
    let metadata = [
        ("filename", "holiday.mp4"),
        ("filetype", "video/mp4"),
        ("relativePath", "null"),
        ("meme", "doge"),
    ];
    Event {
        id: "0190b6f0-0000-7000-8000-000000000000".to_owned(),
        time,
        upload: Upload {
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
            storage: "file_storage".to_owned(),
            path: None,
            created_at: time,
        },
        request: Request {
            method: "POST".to_owned(),
            uri: "/files/".to_owned(),
            remote_address: Some("127.0.0.1".to_owned()),
            headers: (0..12)
                .map(|number| Header {
                    name: format!("x-header-{number}"),
                    value: "a value of middling length, as they are".to_owned(),
                })
                .collect(),
        },
    }
}
