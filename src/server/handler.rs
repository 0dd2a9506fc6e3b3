//! From the HTTP library's requests to the protocol's, and back.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::SizedStream;
use actix_web::dev::RequestHead;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::rt::task::{JoinError, JoinHandle};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, rt, web};

use super::body::{self, Intake, RequestBody};
use super::connection::Gate;
use super::in_flight::InFlight;
use crate::tus::{
    BaseUrl, Headers, Method, Request, Response, ResponseBody, Target, Tus, VERSION,
};

/// What a request needs; one for all threads.
#[derive(Debug)]
pub(super) struct Service {
    tus: Tus,
    in_flight: InFlight,
}

impl Service {
    pub(super) fn new(tus: Tus, in_flight: InFlight) -> Self {
        Self { tus, in_flight }
    }

    pub(super) fn base_url(&self) -> &BaseUrl {
        self.tus.base_url()
    }

    pub(super) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }
}

/// Answers every request.
pub(super) async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> HttpResponse {
    let begun = Instant::now();
    let running = request.extensions_mut().remove::<Running>();
    let target = service.base_url().target(request.path());
    let response = match (running, target) {
        // HEAD changes nothing, so it is none of these.
        (Some(running), _) => into_http(running.answer().await, false),
        (None, Some(target)) => {
            // Every connection has one; a new one would guard nothing.
            let gate = request.conn_data::<Gate>().cloned().unwrap_or_default();
            let service = service.into_inner();
            let (intake, body) = body::split(payload.into_inner(), gate, &service.in_flight);
            let request = to_protocol(request.head(), target);
            let is_head = request.method == Method::Head;
            into_http(answer(request, intake, body, service).await, is_head)
        }
        (None, None) => HttpResponse::NotFound().finish(),
    };
    tracing::debug!(
        method = %request.method(),
        uri = %request.uri(),
        status = response.status().as_u16(),
        micros = begun.elapsed().as_micros(),
        "request"
    );
    response
}

async fn answer(
    request: Request,
    intake: Intake,
    body: RequestBody,
    service: Arc<Service>,
) -> Response {
    if !request.is_mutating() {
        return service.tus.handle(&request, body).await;
    }
    match begin(request, intake, body, service) {
        Ok(running) => running.answer().await,
        Err(response) => response,
    }
}

/// A request that may change an upload. Its task runs to its end, whether or
/// not anybody waits for the answer: the HTTP library drops this when the client
/// goes away, and nothing must be left half done.
pub(super) struct Running {
    task: JoinHandle<Response>,
    intake: Intake,
}

/// Begins `request`, unless the server is stopping.
pub(super) fn begin(
    request: Request,
    intake: Intake,
    body: RequestBody,
    service: Arc<Service>,
) -> Result<Running, Response> {
    let Some(place) = service.in_flight.begin() else {
        return Err(stopping());
    };
    let task = rt::spawn(async move {
        let response = service.tus.handle(&request, body).await;
        drop(place);
        response
    });
    Ok(Running { task, intake })
}

impl Running {
    /// Waits for the answer without taking in any of the body.
    pub(super) async fn ended(&mut self) -> Response {
        response_of((&mut self.task).await)
    }

    /// Takes in the body and gives the answer.
    async fn answer(self) -> Response {
        let mut task = self.task;
        let ended = tokio::select! {
            biased;
            ended = &mut task => ended,
            () = self.intake.run() => task.await,
        };
        response_of(ended)
    }
}

fn response_of(ended: Result<Response, JoinError>) -> Response {
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "a request's task did not end");
        plain(500, "Internal error.")
    })
}

fn stopping() -> Response {
    let mut response = plain(503, "The server is stopping.");
    response
        .headers
        .push(("Retry-After".into(), "1".to_owned()));
    response
}

/// An answer that the protocol has no part in.
fn plain(status: u16, text: &str) -> Response {
    Response {
        status,
        headers: vec![
            ("Tus-Resumable".into(), VERSION.to_owned()),
            (
                "Content-Type".into(),
                "text/plain; charset=utf-8".to_owned(),
            ),
        ],
        body: ResponseBody::Text(text.to_owned()),
    }
}

pub(super) fn to_protocol(head: &RequestHead, target: Target) -> Request {
    let headers: Headers = head
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
        .collect();
    let uri = match head.uri.path_and_query() {
        Some(path) => path.as_str(),
        None => head.uri.path(),
    };
    Request::new(
        head.method.as_str(),
        target,
        uri.to_owned(),
        head.peer_addr.map(|address| address.ip()),
        headers,
    )
}

pub(super) fn into_http(response: Response, is_head: bool) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut http = HttpResponse::build(status);
    if let Some(reason) = response.reason() {
        http.reason(reason);
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
        ResponseBody::Content { length, stream } => http.body(SizedStream::new(length, stream)),
    }
}
