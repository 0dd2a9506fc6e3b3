//! `Expect: 100-continue` (RFC 9110, 10.1.1): a client that asks before it sends
//! a body is told to go on when the body is wanted, not before. A request that
//! is refused by its head alone, or by a hook, is answered without a byte of it.
//!
//! Over HTTP/1.1 the library asks here, then says `100 Continue`, then calls the
//! handler. So the answering begins here, and the handler goes on with it once
//! the first bytes are asked for. Over HTTP/2 we say it ourselves.

use std::sync::Arc;

use actix_http::{HttpMessage as _, Request};
use actix_web::HttpResponse;
use tokio::sync::oneshot;

use super::handler::Service;
use super::http1::Exchange;

/// The request, when its body is wanted; or the answer to it.
pub(super) async fn go_on(
    mut request: Request,
    service: Arc<Service>,
) -> Result<Request, HttpResponse> {
    let (tell, wanted) = oneshot::channel();
    let mut exchange = Exchange::begin(&mut request, service, Some(tell));
    tokio::select! {
        biased;
        response = exchange.answered() => Err(exchange.end(response)),
        // An error means that nobody will ask: the answer is about to come.
        Ok(()) = wanted => {
            request.extensions_mut().insert(exchange);
            Ok(request)
        }
    }
}
