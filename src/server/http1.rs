//! HTTP/1.1: from the library's requests to ours, and back.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};

use actix_http::{HttpMessage as _, Payload, Request, RequestHead};
use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::sync::oneshot;

use super::body::Incoming;
use super::bypass::PastLibrary;
use super::framing::BodyFraming;
use super::gate::{Busy, Gate};
use super::handler::{Head, Service};
use crate::tus::{Response, ResponseBody, Trailers};
use crate::uploads::{BodyError, UploadError};

/// What a request has to know of its connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) gate: Gate,
    pub(super) secure: bool,
    pub(super) peer: Option<IpAddr>,
}

/// A request that is being answered.
pub(super) struct Exchange {
    answer: LocalBoxFuture<'static, Response>,
    busy: Busy,
    is_head: bool,
    is_chunked: bool,
    /// Whether the body came to its end.
    has_ended: Rc<Cell<bool>>,
}

impl Exchange {
    /// Begins to answer. `wanted` is told when the body is asked for. Leaves an
    /// empty request behind.
    pub(super) fn begin(
        request: &mut Request,
        service: Arc<Service>,
        wanted: Option<oneshot::Sender<()>>,
    ) -> Self {
        // Every connection has one; a new one would guard nothing.
        let origin = request.conn_data::<Origin>().cloned().unwrap_or_default();
        let payload = request.take_payload();
        let (is_head, is_chunked) = (
            request.method() == Method::HEAD,
            request.headers().contains_key("transfer-encoding"),
        );
        let framing = BodyFraming::of(request.method(), request.headers());
        let busy = origin.gate.begin(framing);
        let head = head(request.head(), &origin);
        // The library keeps heads for later, with all that they have.
        request.headers_mut().clear();
        *request.uri_mut() = Uri::default();
        let has_ended = Rc::new(Cell::new(false));
        let end = Rc::clone(&has_ended);
        let (gate, trailers) = (origin.gate.clone(), head.trailers.clone());
        let source = bytes_of(payload, origin.gate.bypass()).chain(stream::poll_fn(move |_| {
            end.set(true);
            if let Some(fields) = gate.take_trailers() {
                trailers.set(fields);
            }
            Poll::Ready(None)
        }));
        let mut body = Incoming::new(Box::pin(source), origin.gate);
        if let Some(wanted) = wanted {
            body = body.telling(wanted);
        }
        Self {
            answer: service.answer(head, body).boxed_local(),
            busy,
            is_head,
            is_chunked,
            has_ended,
        }
    }

    /// Waits for the answer. May be dropped and called again.
    pub(super) async fn answered(&mut self) -> Response {
        (&mut self.answer).await
    }

    /// The answer as the library sends it.
    pub(super) fn end(self, response: Response) -> HttpResponse {
        // The library reads the rest of such a body for ever, to keep the
        // connection. Where the length is known it lingers and closes.
        let rest_of_body = self.is_chunked && !self.has_ended.get();
        if rest_of_body {
            self.busy.leave_rest_of_body();
        }
        into_http(response, self.is_head, self.busy, rest_of_body)
    }
}

/// Answers every request.
///
/// Lets go of the request as soon as it is read: the values of its fields lie in
/// the buffer that the library reads into, which could not be used again, and
/// every upload under way would have two.
pub(super) fn handle(
    mut request: Request,
    service: Arc<Service>,
) -> impl Future<Output = Result<HttpResponse, Infallible>> {
    // One that asked before it sent its body has begun.
    let begun = request.extensions_mut().remove::<Exchange>();
    let mut exchange = begun.unwrap_or_else(|| Exchange::begin(&mut request, service, None));
    async move {
        let response = exchange.answered().await;
        Ok(exchange.end(response))
    }
}

/// The bytes of a body; those that went `past` the library, if it is such a body.
fn bytes_of(
    mut payload: Payload,
    mut past: Option<PastLibrary>,
) -> impl Stream<Item = Result<Bytes, BodyError>> {
    stream::poll_fn(move |cx| {
        loop {
            if let Some(bytes) = past.as_mut().and_then(PastLibrary::take) {
                return Poll::Ready(Some(Ok(bytes)));
            }
            let chunk = ready!(payload.poll_next_unpin(cx));
            let chunk = chunk.map(|chunk| chunk.map_err(|_| BodyError::Disconnected));
            let settled = match (&mut past, &chunk) {
                (Some(past), Some(Ok(zeros))) => past.settle(zeros),
                (Some(past), None) => past.end(),
                _ => return Poll::Ready(chunk),
            };
            match (settled, chunk) {
                (Err(error), _) => return Poll::Ready(Some(Err(error))),
                (Ok(()), None) => return Poll::Ready(None),
                (Ok(()), Some(_)) => {}
            }
        }
    })
}

fn head(request: &RequestHead, origin: &Origin) -> Head {
    let uri = &request.uri;
    Head {
        method: request.method.as_str().to_owned(),
        path: uri.path().to_owned(),
        uri: uri
            .path_and_query()
            .map_or_else(|| uri.path().to_owned(), |path| path.as_str().to_owned()),
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

fn into_http(response: Response, is_head: bool, busy: Busy, close: bool) -> HttpResponse {
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
        // A length here would be that of the content (RFC 9110, 8.6), which is
        // not nothing.
        ResponseBody::Empty if is_head || status == StatusCode::NOT_MODIFIED => {
            http.body(actix_web::body::None::new())
        }
        ResponseBody::Empty => http.finish(),
        ResponseBody::Text(text) => http.body(text),
        // The library sends the length and none of the bytes.
        ResponseBody::Withheld(length) => http.body(SizedStream::new(
            length,
            stream::empty::<Result<Bytes, UploadError>>(),
        )),
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
