//! The formats of rustus itself.

use serde_json::{Value, json};

use super::{fields, metadata, object};
use crate::event::{Event, RequestState, UploadState};
use crate::moment::Moment;

/// The older one: everything as in `v2`, with another name for the URI.
pub(super) fn default(event: &Event) -> Value {
    json!({
        "request": {
            "URI": event.request.uri,
            "headers": headers(&event.request),
            "method": event.request.method,
            "remote_addr": event.request.remote_address,
        },
        "upload": upload(&event.upload),
    })
}

/// The preferred one.
pub(super) fn v2(event: &Event) -> Value {
    json!({
        "request": {
            "headers": headers(&event.request),
            "method": event.request.method,
            "remote_addr": event.request.remote_address,
            "uri": event.request.uri,
        },
        "upload": upload(&event.upload),
    })
}

fn upload(upload: &UploadState) -> Value {
    let parts = upload.kind.parts();
    json!({
        "created_at": Moment::of(upload.created_at).seconds.max(0),
        "deferred_size": upload.length.is_none(),
        "id": upload.id,
        "is_final": parts.is_some(),
        "is_partial": upload.kind.is_partial(),
        "length": upload.length,
        "metadata": metadata(&upload.metadata),
        "offset": upload.offset,
        "parts": parts,
        "path": upload.path,
        "storage": upload.storage,
    })
}

/// One text for each name: fields that were repeated are joined by a comma
/// (RFC 9110, 5.3), cookies, which have commas in them, by a semicolon
/// (RFC 9113, 8.2.3).
fn headers(request: &RequestState) -> Value {
    let joined = fields(&request.headers)
        .into_iter()
        .map(|(name, values)| {
            let separator = if name == "cookie" { "; " } else { ", " };
            (name, values.join(separator).into())
        })
        .collect();
    object(joined)
}
