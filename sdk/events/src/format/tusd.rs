//! The formats of tusd.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Metadata;
use crate::event::{Event, RequestState, UploadState};

/// What tusd 1 sent, with the nulls of rustus.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct First<'a> {
    #[serde(rename = "HTTPRequest")]
    http_request: HttpRequest<'a>,
    upload: Upload<'a>,
}

/// What tusd 2 sends. Its programs read the length into a number, the address
/// into a text and the storage into texts: nothing inside of those is null.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Second<'a> {
    event: First<'a>,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HttpRequest<'a> {
    header: BTreeMap<&'a str, Vec<&'a str>>,
    method: &'a str,
    remote_addr: Option<&'a str>,
    #[serde(rename = "URI")]
    uri: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Upload<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    is_final: bool,
    is_partial: bool,
    meta_data: Metadata<'a>,
    offset: u64,
    partial_uploads: Option<&'a [String]>,
    size: Option<u64>,
    size_is_deferred: bool,
    storage: Option<Storage<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Storage<'a> {
    path: Option<&'a str>,
    r#type: &'a str,
}

impl<'a> First<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        Self {
            http_request: HttpRequest::of(&event.request),
            upload: Upload::of(&event.upload),
        }
    }
}

impl<'a> Second<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let mut first = First::of(event);
        first.http_request.remote_addr.get_or_insert("");
        first.upload.size.get_or_insert(0);
        if event.upload.path.is_none() {
            first.upload.storage = None;
        }
        Self {
            event: first,
            r#type: event.kind.name(),
        }
    }
}

impl<'a> HttpRequest<'a> {
    fn of(request: &'a RequestState) -> Self {
        Self {
            header: super::fields(&request.headers),
            method: &request.method,
            remote_addr: request.remote_address.as_deref(),
            uri: &request.uri,
        }
    }
}

impl<'a> Upload<'a> {
    fn of(upload: &'a UploadState) -> Self {
        let parts = upload.kind.parts();
        Self {
            id: &upload.id,
            is_final: parts.is_some(),
            is_partial: upload.kind.is_partial(),
            meta_data: super::metadata(&upload.metadata),
            offset: upload.offset,
            partial_uploads: parts,
            size: upload.length,
            size_is_deferred: upload.length.is_none(),
            storage: Some(Storage {
                path: upload.path.as_deref(),
                r#type: &upload.storage,
            }),
        }
    }
}
