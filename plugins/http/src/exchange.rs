//! One request and its answer, through `wasi:http`.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, Scheme, http_error_code,
};
use wasip2::io::streams::{OutputStream, StreamError};

use crate::target::Target;
use crate::waiting::ready;

/// What is read or written at once.
const CHUNK: u64 = 64 * 1024;

/// An answer, read to its end. The host bounds its size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    /// Not read of a success, where it means nothing.
    pub(crate) location: Option<String>,
    /// Likewise.
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// A number that nobody guesses.
pub(crate) fn random() -> u64 {
    wasip2::random::random::get_random_u64()
}

/// Posts `body`, and waits for the answer for as long as it takes.
pub(crate) async fn post(
    target: &Target,
    fields: &[(String, String)],
    body: &str,
) -> Result<Answer, ErrorCode> {
    let request = request(target, fields)?;
    let outgoing = request.body().map_err(|()| ErrorCode::HttpProtocolError)?;
    let stream = outgoing
        .write()
        .map_err(|()| ErrorCode::HttpProtocolError)?;
    // Most are small, and one that is whole goes out together with the head.
    let rest = write_now(&stream, body.as_bytes());
    if matches!(rest, Ok([])) {
        drop(stream);
        finish(outgoing);
        let coming = outgoing_handler::handle(request, None)?;
        return read(arrived(&coming).await?).await;
    }
    let coming = outgoing_handler::handle(request, None)?;
    // A server that does not want it says so in its answer.
    let written = write(&stream, rest.unwrap_or_default()).await;
    drop(stream);
    if written.is_ok() {
        finish(outgoing);
    }
    read(arrived(&coming).await?).await
}

fn request(target: &Target, fields: &[(String, String)]) -> Result<OutgoingRequest, ErrorCode> {
    let bytes = |(name, value): &(String, String)| (name.clone(), value.clone().into_bytes());
    let headers = Fields::from_list(&fields.iter().map(bytes).collect::<Vec<_>>());
    let request = OutgoingRequest::new(headers.map_err(|_| ErrorCode::HttpProtocolError)?);
    let scheme = if target.is_tls {
        Scheme::Https
    } else {
        Scheme::Http
    };
    request
        .set_method(&Method::Post)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(&target.authority)))
        .and_then(|()| request.set_path_with_query(Some(&target.path)))
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    Ok(request)
}

/// A body that is not whole is the host's to report, with the answer.
fn finish(outgoing: OutgoingBody) {
    drop(OutgoingBody::finish(outgoing, None));
}

/// Writes as much as there is room for, and returns the rest.
fn write_now<'a>(stream: &OutputStream, bytes: &'a [u8]) -> Result<&'a [u8], StreamError> {
    let room = usize::try_from(stream.check_write()?.min(CHUNK)).unwrap_or_default();
    let (now, later) = bytes.split_at(room.min(bytes.len()));
    if !now.is_empty() {
        stream.write(now)?;
    }
    Ok(later)
}

async fn write(stream: &OutputStream, mut rest: &[u8]) -> Result<(), StreamError> {
    while !rest.is_empty() {
        let later = write_now(stream, rest)?;
        if later.len() == rest.len() {
            ready(stream.subscribe()).await;
        }
        rest = later;
    }
    stream.flush()
}

async fn arrived(coming: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    loop {
        // No server answers at once.
        ready(coming.subscribe()).await;
        match coming.get() {
            Some(Ok(response)) => return response,
            Some(Err(())) => return Err(ErrorCode::HttpProtocolError),
            None => {}
        }
    }
}

async fn read(response: IncomingResponse) -> Result<Answer, ErrorCode> {
    let headers = response.headers();
    let field = |name: &str| {
        let value = headers.get(name).into_iter().next()?;
        String::from_utf8(value).ok()
    };
    let status = response.status();
    let is_success = matches!(status, 200..=299);
    let mut answer = Answer {
        status,
        content_type: field("content-type"),
        location: (!is_success).then(|| field("location")).flatten(),
        retry_after: (!is_success).then(|| field("retry-after")).flatten(),
        body: Vec::new(),
    };
    drop(headers);
    let body = response
        .consume()
        .map_err(|()| ErrorCode::HttpProtocolError)?;
    let stream = body.stream().map_err(|()| ErrorCode::HttpProtocolError)?;
    loop {
        match stream.read(CHUNK) {
            Ok(bytes) if bytes.is_empty() => ready(stream.subscribe()).await,
            Ok(bytes) => answer.body.extend(bytes),
            Err(StreamError::Closed) => return Ok(answer),
            Err(StreamError::LastOperationFailed(error)) => {
                // The host has no code for all that can happen to a body.
                return Err(http_error_code(&error).unwrap_or(ErrorCode::HttpResponseIncomplete));
            }
        }
    }
}
