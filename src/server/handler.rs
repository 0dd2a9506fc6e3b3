//! From the HTTP library's requests to the protocol's, and back.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, rt, web};

use super::body::{self, Intake, RequestBody};
use super::connection::Gate;
use super::in_flight::InFlight;
use crate::tus::{Headers, Method, Request, Response, ResponseBody, Target, Tus, VERSION};

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
}

/// Answers every request.
pub(super) async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> HttpResponse {
    let begun = Instant::now();
    let response = match service.tus.base_url().target(request.path()) {
        Some(target) => {
            // Every connection has one; a new one would guard nothing.
            let gate = request.conn_data::<Gate>().cloned().unwrap_or_default();
            let service = service.into_inner();
            let (intake, body) = body::split(payload, gate, &service.in_flight);
            let request = to_protocol(&request, target);
            let is_head = request.method == Method::Head;
            into_http(answer(request, intake, body, service).await, is_head)
        }
        None => HttpResponse::NotFound().finish(),
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
    let Some(running) = service.in_flight.begin() else {
        return stopping();
    };
    // This future is dropped when the client goes away; the task is not, so
    // that nothing is left half done.
    let mut task = rt::spawn(async move {
        let response = service.tus.handle(&request, body).await;
        drop(running);
        response
    });
    let ended = tokio::select! {
        biased;
        ended = &mut task => ended,
        () = intake.run() => task.await,
    };
    match ended {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request's task did not end");
            plain(500, "Internal error.")
        }
    }
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

fn to_protocol(request: &HttpRequest, target: Target) -> Request {
    let headers: Headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
        .collect();
    let uri = match request.uri().path_and_query() {
        Some(path) => path.as_str(),
        None => request.path(),
    };
    Request::new(
        request.method().as_str(),
        target,
        uri.to_owned(),
        request.peer_addr().map(|address| address.ip()),
        headers,
    )
}

fn into_http(response: Response, is_head: bool) -> HttpResponse {
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
