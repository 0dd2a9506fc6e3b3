//! The formats of tusd.

use serde_json::{Value, json};

use super::{fields, metadata, object};
use crate::event::{Event, RequestState};

/// What tusd 1 sent, with the nulls of rustus.
pub(super) fn first(event: &Event) -> Value {
    let upload = &event.upload;
    let storage = json!({ "Path": upload.path, "Type": upload.storage });
    json!({
        "HTTPRequest": request(&event.request, json!(event.request.remote_address)),
        "Upload": self::upload(event, json!(upload.length), storage),
    })
}

/// What tusd 2 sends. Its programs read the length into a number, the address
/// into a text and the storage into texts: nothing inside of those is null.
pub(super) fn second(event: &Event) -> Value {
    let upload = &event.upload;
    let storage = match &upload.path {
        Some(path) => json!({ "Path": path, "Type": upload.storage }),
        None => Value::Null,
    };
    let address = event.request.remote_address.as_deref().unwrap_or_default();
    json!({
        "Event": {
            "HTTPRequest": request(&event.request, json!(address)),
            "Upload": self::upload(event, json!(upload.length.unwrap_or_default()), storage),
        },
        "Type": event.kind.name(),
    })
}

fn upload(event: &Event, size: Value, storage: Value) -> Value {
    let upload = &event.upload;
    let parts = upload.kind.parts();
    json!({
        "ID": upload.id,
        "IsFinal": parts.is_some(),
        "IsPartial": upload.kind.is_partial(),
        "MetaData": metadata(&upload.metadata),
        "Offset": upload.offset,
        "PartialUploads": parts,
        "Size": size,
        "SizeIsDeferred": upload.length.is_none(),
        "Storage": storage,
    })
}

fn request(request: &RequestState, address: Value) -> Value {
    let headers = fields(&request.headers)
        .into_iter()
        .map(|(name, values)| (name, values.into()))
        .collect();
    json!({
        "Header": object(headers),
        "Method": request.method,
        "RemoteAddr": address,
        "URI": request.uri,
    })
}
