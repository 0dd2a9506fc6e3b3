//! HTTP/1.1: from the library's requests to ours, and back.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Poll;

use actix_web::body::SizedStream;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{StreamExt as _, stream};

use super::connection::{Busy, Gate};
use super::framing::BodyFraming;
use super::handler::{Head, Service};
use crate::tus::{Response, ResponseBody, Trailers};
use crate::uploads::BodyError;

/// What a request has to know of its connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) gate: Gate,
    pub(super) secure: bool,
    pub(super) peer: Option<IpAddr>,
}

/// Answers every request.
pub(super) async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> HttpResponse {
    // Every connection has one; a new one would guard nothing.
    let origin = request.conn_data::<Origin>().cloned().unwrap_or_default();
    let busy = origin
        .gate
        .begin(body_framing(request.method(), request.headers()));
    let head = head(&request, &origin);
    let ended = Rc::new(Cell::new(false));
    let (end, gate, trailers) = (
        Rc::clone(&ended),
        origin.gate.clone(),
        head.trailers.clone(),
    );
    let body = payload
        .map(|chunk| chunk.map_err(|_| BodyError::Disconnected))
        .chain(stream::poll_fn(move |_| {
            end.set(true);
            if let Some(fields) = gate.take_trailers() {
                trailers.set(fields);
            }
            Poll::Ready(None)
        }));
    let response = service
        .into_inner()
        .answer(head, Box::pin(body), origin.gate)
        .await;
    // The library reads the rest of such a body for ever, to keep the connection.
    // Where the length is known it lingers and closes.
    let is_chunked = request.headers().contains_key("transfer-encoding");
    let rest_of_body = is_chunked && !ended.get();
    if rest_of_body {
        busy.leave_rest_of_body();
    }
    into_http(response, busy, rest_of_body)
}

fn head(request: &HttpRequest, origin: &Origin) -> Head {
    let uri = request.uri();
    Head {
        method: request.method().as_str().to_owned(),
        path: request.path().to_owned(),
        uri: uri.path_and_query().map_or_else(
            || request.path().to_owned(),
            |path| path.as_str().to_owned(),
        ),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
            .collect(),
        has_body: request.headers().contains_key("transfer-encoding")
            || request.headers().contains_key("content-length"),
        trailers: Trailers::default(),
        peer: origin.peer,
        secure: origin.secure,
    }
}

/// How the library frames the body of a request that it took for one.
pub(super) fn body_framing(method: &Method, headers: &HeaderMap) -> BodyFraming {
    let is_websocket = |value: &HeaderValue| {
        let value = value.to_str().map(str::trim);
        value.is_ok_and(|value| value.eq_ignore_ascii_case("websocket"))
    };
    let length = headers
        .get("content-length")
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .unwrap_or(0);
    if headers.contains_key("transfer-encoding") {
        BodyFraming::Chunked
    } else if headers.get_all("upgrade").any(is_websocket)
        || (method == Method::CONNECT && length == 0)
    {
        BodyFraming::Endless
    } else {
        BodyFraming::Bytes(length)
    }
}

fn into_http(response: Response, busy: Busy, close: bool) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut http = HttpResponse::build(status);
    if let Some(reason) = response.reason() {
        http.reason(reason);
    }
    if close {
        http.force_close();
    }
    for (name, value) in &response.headers {
        match (
            HeaderName::try_from(name.as_ref()),
            HeaderValue::from_str(value),
        ) {
            (Ok(name), Ok(value)) => {
                http.append_header((name, value));
            }
            _ => tracing::warn!(%name, "a header field cannot be sent"),
        }
    }
    match response.body {
        ResponseBody::Empty => http.finish(),
        ResponseBody::Text(text) => http.body(text),
        ResponseBody::Content { length, stream } => {
            // The request goes on while its answer does.
            let stream = stream.map(move |chunk| {
                let _busy = &busy;
                chunk.inspect_err(|error| {
                    tracing::error!(
                        error = error as &dyn std::error::Error,
                        "the bytes of an upload cannot be read"
                    );
                })
            });
            http.body(SizedStream::new(length, stream))
        }
    }
}
