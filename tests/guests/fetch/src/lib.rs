//! A guest that fetches the URL in the metadata `fetch` or `ask`, follows redirects,
//! and rejects the upload with what came of it. The one goes through `wasi:http`, the
//! other through the server's own interface.

use std::time::Duration;

use rustus_hook::http::{HttpError, Request as HttpRequest};
use rustus_hook::prelude::*;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingResponse, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

rustus_hook::pre_create!(decide);

/// How many redirects are followed.
const REDIRECTS: u32 = 3;

fn decide(event: Event) -> Result<CreateDecision, HookError> {
    let upload = &event.upload;
    let said = match (upload.metadata("fetch"), upload.metadata("ask")) {
        (Some(url), _) => fetch(url, REDIRECTS).unwrap_or_else(|error| format!("{error:?}")),
        (_, Some(url)) => ask(url, REDIRECTS).unwrap_or_else(|error| format!("{error:?}")),
        _ => return Ok(CreateDecision::proceed()),
    };
    Ok(CreateDecision::reject(Rejection::new(418, said)))
}

/// The status and the body.
fn ask(url: &str, redirects: u32) -> Result<String, HttpError> {
    let response = HttpRequest::new("GET", url).send(Duration::from_secs(30))?;
    match response.header("location") {
        Some(location) if redirects > 0 => ask(location, redirects - 1),
        _ => {
            let body = String::from_utf8_lossy(&response.body);
            Ok(format!("{} {body}", response.status))
        }
    }
}

/// The status and the body.
fn fetch(url: &str, redirects: u32) -> Result<String, ErrorCode> {
    let response = get(url)?;
    let status = response.status();
    let location = response.headers().get("location").into_iter().next();
    if let Some(location) = location
        && redirects > 0
    {
        return fetch(&String::from_utf8_lossy(&location), redirects - 1);
    }
    Ok(format!("{status} {}", body(&response)?))
}

fn get(url: &str) -> Result<IncomingResponse, ErrorCode> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let request = OutgoingRequest::new(Fields::new());
    request
        .set_scheme(Some(&scheme))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(path)))
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    let coming = outgoing_handler::handle(request, None)?;
    loop {
        match coming.get() {
            Some(Ok(response)) => return response,
            Some(Err(())) => return Err(ErrorCode::HttpProtocolError),
            None => coming.subscribe().block(),
        }
    }
}

fn body(response: &IncomingResponse) -> Result<String, ErrorCode> {
    let body = response
        .consume()
        .map_err(|()| ErrorCode::HttpProtocolError)?;
    let stream = body.stream().map_err(|()| ErrorCode::HttpProtocolError)?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(more) => bytes.extend(more),
            Err(StreamError::Closed) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(StreamError::LastOperationFailed(_)) => {
                return Err(ErrorCode::HttpResponseIncomplete);
            }
        }
    }
}
