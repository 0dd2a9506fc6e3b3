//! `Expect: 100-continue` (RFC 9110, 10.1.1): a client that asks before it sends
//! a body is told to go on when the body is wanted, not before. A request that
//! is refused by its head alone, or by a hook, is answered without a byte of it.
//!
//! The HTTP library asks here, then says `100 Continue`, then calls the handler.
//! So the request's task begins here, and the handler takes it over once the
//! task has asked for the first bytes.

use std::sync::Arc;

use actix_http::{HttpMessage as _, Request};
use actix_web::HttpResponse;
use tokio::sync::oneshot;

use super::body;
use super::connection::Gate;
use super::handler::{Running, Service, begin, into_http, to_protocol};
use crate::tus::Response;

/// The request, when its body is wanted; or the answer to it.
pub(super) async fn go_on(
    mut request: Request,
    service: Arc<Service>,
) -> Result<Request, HttpResponse> {
    let head = request.head();
    let Some(target) = service.base_url().target(head.uri.path()) else {
        return Err(HttpResponse::NotFound().finish());
    };
    let asked = to_protocol(head, target);
    if !asked.is_mutating() {
        // Nothing waits for its body.
        return Ok(request);
    }
    let gate = request.conn_data::<Gate>().cloned().unwrap_or_default();
    let payload = request.take_payload();
    let (tell, wanted) = oneshot::channel();
    let (intake, body) = body::split(payload, gate, service.in_flight());
    let mut running = begin(asked, intake, body.telling(tell), service).map_err(changing_into_http)?;
    tokio::select! {
        biased;
        response = running.ended() => Err(changing_into_http(response)),
        // An error means that nobody will ask: the task is about to end.
        Ok(()) = wanted => {
            request.extensions_mut().insert::<Running>(running);
            Ok(request)
        }
    }
}

/// The answer to a request that may change an upload, which HEAD is not.
fn changing_into_http(response: Response) -> HttpResponse {
    into_http(response, false)
}
