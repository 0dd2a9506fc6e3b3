//! HTTP/2 (RFC 9113): a request is a stream, and each runs in a task of its own.
//!
//! Frames that arrived are not lost here either: those of a stream stay in its
//! queue when the connection breaks or the stream is reset, and the task that
//! answers reads them to the end. The windows bound that queue. Of a frame that
//! did not come to its end (16 KiB at most) nothing is seen.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use h2::RecvStream;
use h2::server::{Builder, SendResponse};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::body::Incoming;
use super::gate::{Gate, HEAD};
use super::handler::{Head, Service};
use super::{KEEP_ALIVE, LINGER};
use crate::tus::{Headers, Response, ResponseBody, Trailers};
use crate::uploads::BodyError;

/// Requests at a time on one connection. Browsers upload a handful of files at a
/// time and queue the rest.
const STREAMS: u32 = 32;

/// Bytes of one body that may be under way or wait here: at 50 ms of round trip
/// that is 10 MB/s for one upload, and less memory than the page cache needs.
const WINDOW: u32 = 512 << 10;

/// Enough for all streams at once, so that one that nobody reads cannot hold up
/// another.
const CONNECTION_WINDOW: u32 = STREAMS * WINDOW;

/// Bytes of a request's head: large metadata, but not the library's 16 MiB.
const HEADERS: u32 = 128 << 10;

/// What all requests on a connection have in common.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) peer: Option<IpAddr>,
    pub(super) secure: bool,
    /// How long it may take nothing of an answer.
    pub(super) patience: Option<Duration>,
}

/// Answers what comes over a connection until it ends. Once `stopping` is
/// cancelled no further request is taken.
pub(super) async fn serve<T>(
    io: T,
    client: Client,
    service: Arc<Service>,
    stopping: CancellationToken,
) where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADERS);
    let Ok(Ok(mut connection)) = timeout(HEAD, builder.handshake::<_, Bytes>(io)).await else {
        return;
    };
    let open = Open::default();
    let mut closing = false;
    loop {
        let allowed = if closing { LINGER } else { KEEP_ALIVE };
        let idle = open.idle_since() + allowed;
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let place = open.begin();
                    let (client, service) = (client.clone(), Arc::clone(&service));
                    rt::spawn(async move {
                        stream(request, respond, client, service).await;
                        drop(place);
                    });
                }
                Some(Err(_)) | None => return,
            },
            () = sleep_until(idle) => {
                if open.is_empty() && open.idle_since() + allowed <= Instant::now() {
                    if closing {
                        return;
                    }
                    closing = true;
                    open.touch();
                    connection.graceful_shutdown();
                }
            }
            () = stopping.cancelled(), if !closing => {
                closing = true;
                open.touch();
                connection.graceful_shutdown();
            }
        }
    }
}

/// Counts the requests that are being answered.
#[derive(Clone)]
struct Open(Rc<(Cell<usize>, Cell<Instant>)>);

struct Place(Open);

impl Default for Open {
    fn default() -> Self {
        Self(Rc::new((Cell::new(0), Cell::new(Instant::now()))))
    }
}

impl Open {
    fn begin(&self) -> Place {
        self.0.0.set(self.0.0.get() + 1);
        Place(self.clone())
    }

    fn is_empty(&self) -> bool {
        self.0.0.get() == 0
    }

    fn touch(&self) {
        self.0.1.set(Instant::now());
    }

    /// Since when nothing is answered; now, if something is.
    fn idle_since(&self) -> Instant {
        if !self.is_empty() {
            self.touch();
        }
        self.0.1.get()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let count = &self.0.0.0;
        count.set(count.get().saturating_sub(1));
        self.0.touch();
    }
}

async fn stream(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    client: Client,
    service: Arc<Service>,
) {
    let (parts, body) = request.into_parts();
    let head = head(&parts, &client, !body.is_end_stream());
    let expects = head.headers.joined("expect");
    let expects = expects.is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
    let stream = Rc::new(RefCell::new(body));
    let source = Frames {
        stream: Rc::clone(&stream),
        trailers: head.trailers.clone(),
    };
    // Flow control is the gate.
    let mut body = Incoming::new(Box::pin(source), Gate::default());
    let (tell, wanted) = oneshot::channel();
    if expects {
        body = body.telling(tell);
    }
    let mut answer = pin!(service.answer(head, body));
    let response = tokio::select! {
        biased;
        response = &mut answer => response,
        // An error means that nobody will ask.
        Ok(()) = wanted => {
            go_on(&mut respond);
            answer.await
        }
    };
    if let Err(error) = send(response, respond, client.patience).await {
        tracing::debug!(%error, "an answer was not taken");
    }
    leave_rest_of_body(&stream).await;
}

/// Reads what is left of a body that nobody wants, for as long as an answer
/// lingers. Dropped any earlier the stream is reset, and there are clients that
/// then do not look at the answer.
async fn leave_rest_of_body(stream: &RefCell<RecvStream>) {
    let rest = poll_fn(|cx| {
        let mut stream = stream.borrow_mut();
        while let Some(Ok(chunk)) = ready!(stream.poll_data(cx)) {
            drop(stream.flow_control().release_capacity(chunk.len()));
        }
        Poll::Ready(())
    });
    // At the end of the time the reset says it.
    drop(timeout(LINGER, rest).await);
}

/// Tells a client that asks before it sends its body; see [`super::expect`].
fn go_on(respond: &mut SendResponse<Bytes>) {
    let mut response = http::Response::new(());
    *response.status_mut() = StatusCode::CONTINUE;
    if let Err(error) = respond.send_informational(response) {
        tracing::debug!(%error, "a client was not told to go on");
    }
}

fn head(parts: &http::request::Parts, client: &Client, has_body: bool) -> Head {
    let mut headers: Vec<(String, Vec<u8>)> = fields(&parts.headers).collect();
    // RFC 9113, 8.3.1: `:authority` stands for `Host`.
    if let Some(authority) = parts.uri.authority() {
        headers.retain(|(name, _)| name != "host");
        headers.push(("host".to_owned(), authority.as_str().as_bytes().to_owned()));
    }
    let path = parts.uri.path();
    Head {
        method: parts.method.as_str().to_owned(),
        path: path.to_owned(),
        uri: parts
            .uri
            .path_and_query()
            .map_or(path, http::uri::PathAndQuery::as_str)
            .to_owned(),
        headers: Headers::from_iter(headers),
        has_body,
        trailers: Trailers::default(),
        peer: client.peer,
        secure: client.secure,
    }
}

/// A body. Room for more is given back as it is taken.
struct Frames {
    stream: Rc<RefCell<RecvStream>>,
    trailers: Trailers,
}

impl Stream for Frames {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut stream = self.stream.borrow_mut();
        match ready!(stream.poll_data(cx)) {
            Some(Ok(chunk)) => {
                // It fails when the stream is reset; the bytes came before that.
                drop(stream.flow_control().release_capacity(chunk.len()));
                return Poll::Ready(Some(Ok(chunk)));
            }
            Some(Err(_)) => return Poll::Ready(Some(Err(BodyError::Disconnected))),
            None => {}
        }
        let Ok(trailers) = ready!(stream.poll_trailers(cx)) else {
            return Poll::Ready(Some(Err(BodyError::Disconnected)));
        };
        self.trailers
            .set(trailers.iter().flat_map(fields).collect());
        Poll::Ready(None)
    }
}

fn fields(map: &HeaderMap) -> impl Iterator<Item = (String, Vec<u8>)> {
    map.iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
}

async fn send(
    response: Response,
    mut respond: SendResponse<Bytes>,
    patience: Option<Duration>,
) -> Result<(), h2::Error> {
    let (head, body) = into_http(response);
    let (mut left, first) = match body {
        ResponseBody::Empty | ResponseBody::Withheld(_) => (None, Bytes::new()),
        ResponseBody::Text(text) => (None, Bytes::from(text)),
        ResponseBody::Content { stream, .. } => (Some(stream), Bytes::new()),
    };
    let nothing = left.is_none() && first.is_empty();
    let mut sender = respond.send_response(head, nothing)?;
    if nothing {
        return Ok(());
    }
    let mut chunk = first;
    loop {
        while !chunk.is_empty() {
            sender.reserve_capacity(chunk.len());
            let room = poll_fn(|cx| sender.poll_capacity(cx));
            let room = match patience {
                Some(patience) => timeout(patience, room).await,
                None => Ok(room.await),
            };
            match room {
                Ok(Some(room)) => {
                    let part = chunk.split_to(room?.min(chunk.len()));
                    sender.send_data(part, false)?;
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    sender.send_reset(h2::Reason::CANCEL);
                    return Ok(());
                }
            }
        }
        let next = match &mut left {
            Some(stream) => stream.next().await,
            None => None,
        };
        chunk = match next {
            Some(Ok(next)) => next,
            None => return sender.send_data(Bytes::new(), true),
            Some(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the bytes of an upload cannot be read"
                );
                sender.send_reset(h2::Reason::INTERNAL_ERROR);
                return Ok(());
            }
        };
    }
}

fn into_http(response: Response) -> (http::Response<()>, ResponseBody) {
    let mut http = http::Response::new(());
    *http.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = http.headers_mut();
    for (name, value) in &response.headers {
        match (
            HeaderName::try_from(name.as_ref()),
            HeaderValue::from_str(value),
        ) {
            // RFC 9113, 8.2.2: what is about the connection is not sent.
            (Ok(name), _)
                if matches!(
                    name.as_str(),
                    "connection"
                        | "transfer-encoding"
                        | "keep-alive"
                        | "upgrade"
                        | "content-length"
                ) => {}
            (Ok(name), Ok(value)) => {
                headers.append(name, value);
            }
            _ => tracing::warn!(%name, "a header field cannot be sent"),
        }
    }
    let length = match &response.body {
        ResponseBody::Empty => None,
        ResponseBody::Text(text) => Some(text.len() as u64),
        ResponseBody::Withheld(length) | ResponseBody::Content { length, .. } => Some(*length),
    };
    if let Some(length) = length {
        headers.insert(http::header::CONTENT_LENGTH, length.into());
    }
    let now = httpdate::fmt_http_date(std::time::SystemTime::now());
    if let Ok(now) = HeaderValue::from_str(&now) {
        headers.insert(http::header::DATE, now);
    }
    (http, response.body)
}
