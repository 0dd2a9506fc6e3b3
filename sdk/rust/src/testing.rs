//! Unit tests of a hook's functions, run natively by `cargo test`. Not there on
//! WebAssembly.
//!
//! ```
//! use rustus_hook::{prelude::*, testing};
//!
//! fn decide(event: Event) -> Result<CreateDecision, HookError> {
//!     match event.upload.metadata("meme").map(str::to_owned) == config::get("refuse") {
//!         true => Ok(CreateDecision::reject(Rejection::new(403, "No."))),
//!         false => Ok(CreateDecision::proceed()),
//!     }
//! }
//!
//! testing::config(&[("refuse", "pepe")]);
//! let decision = decide(testing::event(&[("meme", "pepe")]));
//! assert_eq!(decision, Ok(CreateDecision::reject(Rejection::new(403, "No."))));
//! ```

use std::cell::RefCell;

use crate::{Event, MetadataEntry, Request, Timestamp, Upload, UploadKind};

/// An event about an empty upload of five bytes with this metadata, caused by a
/// `POST`. Its parts are public: change what a test needs.
pub fn event(metadata: &[(&str, &str)]) -> Event {
    let time = Timestamp {
        seconds: 1_700_000_000,
        nanoseconds: 0,
    };
    let entry = |(key, value): &(&str, &str)| MetadataEntry {
        key: (*key).to_owned(),
        value: value.as_bytes().to_vec(),
    };
    Event {
        id: "018bcfe5-6800-7000-8000-000000000000".to_owned(),
        time,
        upload: Upload {
            id: "24e533e02ec3bc40c387f1a0e460e216".to_owned(),
            offset: 0,
            length: Some(5),
            metadata: metadata.iter().map(entry).collect(),
            kind: UploadKind::Whole,
            storage: "file_storage".to_owned(),
            path: None,
            created_at: time,
        },
        request: Request {
            method: "POST".to_owned(),
            uri: "/files".to_owned(),
            remote_address: Some("127.0.0.1".to_owned()),
        },
    }
}

thread_local! {
    static CONFIG: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Sets what [`config::get`](crate::config::get) finds on this thread, in place of
/// what was set before.
pub fn config(entries: &[(&str, &str)]) {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    CONFIG.set(entries.iter().map(owned).collect());
}

thread_local! {
    static HEADERS: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Sets the header fields that a [`Request`] has on this thread, in place of what was
/// set before.
pub fn headers(fields: &[(&str, &str)]) {
    let owned = |(name, value): &(&str, &str)| (name.to_ascii_lowercase(), (*value).to_owned());
    HEADERS.set(fields.iter().map(owned).collect());
}

thread_local! {
    static SECRETS: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Sets what [`secrets::get`](crate::secrets::get) finds on this thread, in place of
/// what was set before.
pub fn secrets(entries: &[(&str, &str)]) {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    SECRETS.set(entries.iter().map(owned).collect());
}

/// Stands where the server's `request-headers` interface stands on WebAssembly.
pub(crate) mod headers_source {
    use super::HEADERS;
    use crate::Header;

    pub(crate) fn all() -> Vec<Header> {
        HEADERS.with_borrow(|all| {
            let field = |(name, value): &(String, String)| Header::new(name, value);
            all.iter().map(field).collect()
        })
    }

    pub(crate) fn get(name: &str) -> Vec<String> {
        let mut fields = all();
        fields.retain(|field| field.name.eq_ignore_ascii_case(name));
        fields.into_iter().map(|field| field.value).collect()
    }
}

/// Stands where the server's `secrets` interface stands on WebAssembly.
pub(crate) mod secrets_source {
    use super::SECRETS;
    use crate::secrets::SecretError;

    pub(crate) fn get(name: &str) -> Result<String, SecretError> {
        let listed = SECRETS.with_borrow(|all| {
            let found = all.iter().find(|(listed, _)| listed == name);
            found.map(|(_, value)| value.clone())
        });
        listed.ok_or_else(|| SecretError::Denied(format!("the secret {name:?} is not set")))
    }
}

/// Stands where the server's `config` interface stands on WebAssembly.
pub(crate) mod config_source {
    use super::CONFIG;

    pub(crate) fn all() -> String {
        let pairs = CONFIG.with_borrow(|all| {
            all.iter()
                .map(|(k, v)| format!("{k:?}:{v:?}"))
                .collect::<Vec<_>>()
        });
        format!("{{{}}}", pairs.join(","))
    }

    pub(crate) fn get(key: &str) -> Option<String> {
        CONFIG.with_borrow(|all| {
            all.iter()
                .find(|(k, _)| k == key)
                .map(|(_, value)| value.clone())
        })
    }
}
