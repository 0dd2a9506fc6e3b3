//! A guest that fetches the URL in the metadata `fetch`, follows redirects, and
//! rejects the upload with what came of it.

use rustus_hook::prelude::*;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingResponse, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

rustus_hook::pre_create!(decide);

/// How many redirects are followed.
const REDIRECTS: u32 = 3;

fn decide(event: Event) -> Result<CreateDecision, HookError> {
    let Some(url) = event.upload.metadata("fetch") else {
        return Ok(CreateDecision::proceed());
    };
    let said = fetch(url, REDIRECTS).unwrap_or_else(|error| format!("{error:?}"));
    Ok(CreateDecision::reject(Rejection::new(418, said)))
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
