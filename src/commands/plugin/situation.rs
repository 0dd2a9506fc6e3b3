//! An upload and a request as people write them down, and the event that they
//! make.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::hooks::{
    Event, EventKind, MetadataEntry, RequestState, UploadKind, UploadState, event_now,
};

/// What the upload has where nothing is said: as in the server's trial call.
const SIZE: u64 = 5;

/// What the upload is called where nothing is said.
const ID: &str = "example";

/// What happened, in words that may be left out. The names are those of the
/// formats `default` and `v2`, and shorter ones.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Situation {
    pub(super) upload: Upload,
    pub(super) request: Request,
}

/// An upload.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Upload {
    pub(super) id: Option<String>,
    /// Bytes that there will be.
    #[serde(alias = "length")]
    pub(super) size: Option<u64>,
    /// Whether that is not known yet.
    #[serde(alias = "deferred_size")]
    pub(super) deferred_size: bool,
    /// Bytes that are there.
    pub(super) offset: Option<u64>,
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(alias = "is_partial")]
    pub(super) is_partial: bool,
    /// Follows from `parts`.
    #[serde(alias = "is_final", rename = "is-final")]
    pub(super) _is_final: bool,
    /// The ids of the uploads that it is made of.
    pub(super) parts: Option<Vec<String>>,
    pub(super) path: Option<String>,
    pub(super) storage: Option<String>,
    /// Seconds since 1970.
    #[serde(alias = "created_at")]
    pub(super) created_at: Option<u64>,
}

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Request {
    pub(super) method: Option<String>,
    #[serde(alias = "URI")]
    pub(super) uri: Option<String>,
    #[serde(alias = "remote_addr")]
    pub(super) remote_addr: Option<String>,
    pub(super) headers: BTreeMap<String, String>,
}

impl Situation {
    /// The event. What is not said is as it usually is when this happens.
    pub(super) fn event(self, kind: EventKind) -> Event {
        let upload = self.upload.state(kind);
        let request = self.request.state(kind, &upload.id);
        event_now(kind, upload, Arc::new(request))
    }
}

impl Upload {
    fn state(self, kind: EventKind) -> UploadState {
        let id = self.id.unwrap_or_else(|| ID.to_owned());
        let size = self.size.unwrap_or(SIZE);
        let offset = self.offset.unwrap_or(match kind {
            EventKind::PreCreate | EventKind::PostCreate => 0,
            EventKind::PostReceive => size / 2,
            _ => size,
        });
        let metadata = self.metadata.into_iter().map(|(key, value)| MetadataEntry {
            key,
            value: value.into_bytes(),
        });
        UploadState {
            offset,
            length: (!self.deferred_size).then_some(size),
            metadata: metadata.collect(),
            kind: match self.parts {
                Some(parts) => UploadKind::Final(parts),
                None if self.is_partial => UploadKind::Partial,
                None => UploadKind::Whole,
            },
            storage: Cow::Owned(self.storage.unwrap_or_else(|| "file_storage".to_owned())),
            path: match kind {
                EventKind::PreCreate => self.path,
                _ => Some(self.path.unwrap_or_else(|| format!("/data/{id}"))),
            },
            created_at: self.created_at.map_or_else(SystemTime::now, |seconds| {
                UNIX_EPOCH
                    .checked_add(Duration::from_secs(seconds))
                    .unwrap_or(UNIX_EPOCH)
            }),
            id,
        }
    }
}

impl Request {
    fn state(self, kind: EventKind, id: &str) -> RequestState {
        let (method, uri) = match kind {
            EventKind::PreCreate | EventKind::PostCreate => ("POST", "/files".to_owned()),
            EventKind::PostReceive | EventKind::PreFinish | EventKind::PostFinish => {
                ("PATCH", format!("/files/{id}"))
            }
            EventKind::PreGet => ("GET", format!("/files/{id}")),
            EventKind::PreTerminate | EventKind::PostTerminate => {
                ("DELETE", format!("/files/{id}"))
            }
        };
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        let mut headers: Vec<_> = self.headers.into_iter().map(lower).collect();
        if !headers.iter().any(|(name, _)| name == "host") {
            headers.insert(0, ("host".to_owned(), "localhost".to_owned()));
        }
        RequestState {
            method: self.method.unwrap_or_else(|| method.to_owned()),
            uri: self.uri.unwrap_or(uri),
            remote_address: Some(self.remote_addr.unwrap_or_else(|| "127.0.0.1".to_owned())),
            headers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::Format;

    #[test]
    fn what_is_not_said_is_as_usual() {
        let event = |kind| Situation::default().event(kind);
        let created = event(EventKind::PreCreate);
        assert_eq!((created.upload.offset, created.upload.length), (0, Some(5)));
        assert_eq!(created.upload.path, None);
        assert_eq!(created.request.method, "POST");
        let received = event(EventKind::PostReceive);
        assert_eq!(received.upload.offset, 2);
        let finished = event(EventKind::PostFinish);
        assert_eq!(finished.upload.offset, 5);
        assert_eq!(finished.upload.path.as_deref(), Some("/data/example"));
        assert_eq!(finished.request.uri, "/files/example");
    }

    #[test]
    fn what_command_hooks_get_can_be_read_back() {
        let situation: Situation = toml::from_str(
            "[upload]\nid = \"a\"\nsize = 9\noffset = 3\nparts = [\"x\"]\n\
             metadata = { filename = \"ü\" }\n\
             [request]\nheaders = { X-A = \"b\" }\nmethod = \"PUT\"\n",
        )
        .unwrap();
        let event = situation.event(EventKind::PostCreate);
        for format in [Format::Default, Format::V2] {
            let json = format.body(&event);
            let read: Situation = serde_json::from_str(&json).unwrap();
            let again = read.event(EventKind::PostCreate);
            assert_eq!(format.body(&again), json);
        }
    }

    #[test]
    fn a_name_that_means_nothing_is_an_error() {
        for text in ["[upload]\nsiez = 1", "[request]\nheader = {}", "[uplod]"] {
            assert!(toml::from_str::<Situation>(text).is_err(), "{text}");
        }
    }
}
