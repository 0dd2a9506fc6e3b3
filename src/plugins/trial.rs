//! The trial call: a new generation answers one example of each blocking event
//! before it serves.
//!
//! Any answer will do, a rejection or a reported error too: the example has no
//! token and no real file. What fails the trial is a guest that traps or runs
//! out of its limits. Notifications are not tried, since a plugin may pass them
//! on.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use rustus_events::{Event, MetadataEntry, RequestState, UploadKind, UploadState};

use super::events::EventKind;
use super::failure::Failure;
use super::generation::Generation;

/// The upload id of the example. No real upload gets it by chance, and a client
/// can't choose ids.
const ID: &str = "trial";

pub(super) async fn run(generation: &Generation) -> Result<(), (EventKind, Failure)> {
    for kind in generation.subscription().asked.iter() {
        let event = example(kind);
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
pub(super) fn example(kind: EventKind) -> Event {
    let now = SystemTime::now();
    Event {
        id: uuid::Uuid::now_v7().to_string(),
        kind,
        time: now,
        upload: UploadState {
            id: ID.to_owned(),
            offset: 0,
            length: Some(5),
            metadata: vec![MetadataEntry {
                key: "filename".to_owned(),
                value: b"trial.txt".to_vec(),
            }],
            kind: UploadKind::Whole,
            storage: Cow::Borrowed("file_storage"),
            path: None,
            created_at: now,
        },
        request: Arc::new(RequestState {
            method: "POST".to_owned(),
            uri: "/files/".to_owned(),
            remote_address: Some("127.0.0.1".to_owned()),
            headers: vec![("host".to_owned(), "localhost".to_owned())],
        }),
    }
}
