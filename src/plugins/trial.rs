//! The trial call: a new generation answers one example of each blocking event
//! before it serves.
//!
//! Any answer will do, a rejection or a reported error too: the example has no
//! token and no real file. What fails the trial is a guest that traps or runs
//! out of its limits. Notifications are not tried, since a plugin may pass them
//! on.

use std::time::{SystemTime, UNIX_EPOCH};

use super::bindings::rustus::hooks::types::{
    Event, Header, MetadataEntry, Request, Timestamp, Upload, UploadKind,
};
use super::events::EventKind;
use super::failure::Failure;
use super::generation::Generation;

/// The upload id of the example. No real upload gets it by chance, and a client
/// can't choose ids.
const ID: &str = "trial";

pub(super) async fn run(generation: &Generation) -> Result<(), (EventKind, Failure)> {
    let event = example();
    for kind in generation.subscription().asked.iter() {
        let answer = match kind {
            EventKind::PreCreate => generation.pre_create(&event).await.map(drop),
            EventKind::PreFinish => generation.pre_finish(&event).await.map(drop),
            EventKind::PreGet => generation.pre_get(&event).await.map(drop),
            EventKind::PreTerminate => generation.pre_terminate(&event).await.map(drop),
            _ => Ok(()),
        };
        match answer {
            Ok(()) | Err(Failure::Reported(_)) => {}
            Err(failure) => return Err((kind, failure)),
        }
    }
    Ok(())
}

/// An event that never happened.
pub(super) fn example() -> Event {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let time = Timestamp {
        seconds: now.as_secs(),
        nanoseconds: now.subsec_nanos(),
    };
    Event {
        id: uuid::Uuid::now_v7().to_string(),
        time,
        upload: Upload {
            id: ID.to_owned(),
            offset: 0,
            length: Some(5),
            metadata: vec![MetadataEntry {
                key: "filename".to_owned(),
                value: b"trial.txt".to_vec(),
            }],
            kind: UploadKind::Whole,
            storage: "file_storage".to_owned(),
            path: None,
            created_at: time,
        },
        request: Request {
            method: "POST".to_owned(),
            uri: "/files/".to_owned(),
            remote_address: Some("127.0.0.1".to_owned()),
            headers: vec![Header {
                name: "host".to_owned(),
                value: "localhost".to_owned(),
            }],
        },
    }
}
