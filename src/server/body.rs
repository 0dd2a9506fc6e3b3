//! A request's body as the layers below see it.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::web;
use bytes::Bytes;
use futures_util::Stream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::in_flight::InFlight;
use crate::uploads::BodyError;

/// The bytes of a request.
///
/// The HTTP library keeps what came before a connection broke, gives it first,
/// and then an error; that also holds when it has dropped the connection.
pub(super) struct RequestBody {
    payload: web::Payload,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl RequestBody {
    pub(super) fn new(payload: web::Payload, in_flight: &InFlight) -> Self {
        Self {
            payload,
            cut: Box::pin(in_flight.cut().clone().cancelled_owned()),
        }
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match Pin::new(&mut self.payload).poll_next(cx) {
            Poll::Ready(next) => {
                Poll::Ready(next.map(|chunk| chunk.map_err(|_| BodyError::Disconnected)))
            }
            Poll::Pending => self
                .cut
                .as_mut()
                .poll(cx)
                .map(|()| Some(Err(BodyError::Stopping))),
        }
    }
}
