//! The event as JSON, in the shape that hooks of upload servers are given.

use anyhow::Result;
use rustus::tus::Request;
use rustus::uploads::{Metadata, UploadId};
use serde_json::{Map, Value, json};

/// The creation that `request` asks for.
pub(super) fn json(request: &Request) -> Result<String> {
    let metadata = match request.headers.text("upload-metadata")? {
        Some(raw) => pairs(&Metadata::parse(raw)?),
        None => Map::new(),
    };
    let headers: Map<String, Value> = request
        .headers
        .to_text()
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    let event = json!({
        "upload": {
            "id": UploadId::random().as_str(),
            "offset": 0,
            "length": request.headers.bytes("upload-length")?,
            "path": null,
            "created_at": 1_700_000_000,
            "deferred_size": false,
            "is_partial": false,
            "is_final": false,
            "metadata": metadata,
            "storage": "file_storage",
            "parts": null,
        },
        "request": {
            "URI": request.uri,
            "method": request.method.name(),
            "remote_addr": request.remote_address.map(|address| address.to_string()),
            "headers": headers,
        },
    });
    Ok(event.to_string())
}

fn pairs(metadata: &Metadata) -> Map<String, Value> {
    let entries = metadata.entries().iter();
    entries
        .map(|entry| {
            let value = String::from_utf8_lossy(&entry.value).into_owned();
            (entry.key.clone(), value.into())
        })
        .collect()
}
