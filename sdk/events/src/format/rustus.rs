//! The formats of rustus itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::Metadata;
use crate::event::{Event, RequestState, UploadState};
use crate::moment::Moment;

/// The older one: everything as in `v2`, with another name for the URI.
#[derive(Serialize)]
pub(super) struct Default<'a> {
    request: DefaultRequest<'a>,
    upload: Upload<'a>,
}

#[derive(Serialize)]
struct DefaultRequest<'a> {
    #[serde(rename = "URI")]
    uri: &'a str,
    headers: Headers<'a>,
    method: &'a str,
    remote_addr: Option<&'a str>,
}

/// The preferred one.
#[derive(Serialize)]
pub(super) struct V2<'a> {
    request: V2Request<'a>,
    upload: Upload<'a>,
}

#[derive(Serialize)]
struct V2Request<'a> {
    headers: Headers<'a>,
    method: &'a str,
    remote_addr: Option<&'a str>,
    uri: &'a str,
}

#[derive(Serialize)]
struct Upload<'a> {
    created_at: i64,
    deferred_size: bool,
    id: &'a str,
    is_final: bool,
    is_partial: bool,
    length: Option<u64>,
    metadata: Metadata<'a>,
    offset: u64,
    parts: Option<&'a [String]>,
    path: Option<&'a str>,
    storage: &'a str,
}

/// One text for each name.
type Headers<'a> = BTreeMap<&'a str, Cow<'a, str>>;

impl<'a> Default<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let request = &*event.request;
        Self {
            request: DefaultRequest {
                uri: &request.uri,
                headers: headers(request),
                method: &request.method,
                remote_addr: request.remote_address.as_deref(),
            },
            upload: Upload::of(&event.upload),
        }
    }
}

impl<'a> V2<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let request = &*event.request;
        Self {
            request: V2Request {
                headers: headers(request),
                method: &request.method,
                remote_addr: request.remote_address.as_deref(),
                uri: &request.uri,
            },
            upload: Upload::of(&event.upload),
        }
    }
}

impl<'a> Upload<'a> {
    fn of(upload: &'a UploadState) -> Self {
        let parts = upload.kind.parts();
        Self {
            created_at: Moment::of(upload.created_at).seconds.max(0),
            deferred_size: upload.length.is_none(),
            id: &upload.id,
            is_final: parts.is_some(),
            is_partial: upload.kind.is_partial(),
            length: upload.length,
            metadata: super::metadata(&upload.metadata),
            offset: upload.offset,
            parts,
            path: upload.path.as_deref(),
            storage: &upload.storage,
        }
    }
}

/// Fields that were repeated are joined by a comma (RFC 9110, 5.3), cookies, which
/// have commas in them, by a semicolon (RFC 9113, 8.2.3).
fn headers(request: &RequestState) -> Headers<'_> {
    let mut headers = Headers::new();
    for (name, value) in &request.headers {
        let separator = if name == "cookie" { "; " } else { ", " };
        headers
            .entry(name)
            .and_modify(|joined| *joined = Cow::Owned(format!("{joined}{separator}{value}")))
            .or_insert(Cow::Borrowed(value));
    }
    headers
}
