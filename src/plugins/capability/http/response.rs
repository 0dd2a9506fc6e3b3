//! The body of an answer, held to its bounds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use wasmtime_wasi_http::Error;

use super::failure;
use crate::plugins::reached::Reached;

/// The cause when there is more than may be.
pub(super) const TOO_LARGE: &str =
    "the answer is larger than `max-response-kib` under [allow.http]";

/// A body with a bound on its bytes and on the time between them.
pub(super) struct Bounded {
    body: reqwest::Body,
    limit: u64,
    left: u64,
    patience: Option<Duration>,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Says to the operator why it broke off: a guest learns only that it did.
    report: Report,
    /// The request's place among those of its instance.
    _place: OwnedSemaphorePermit,
}

/// Takes a cause, and what it counts as.
pub(super) type Report = Box<dyn Fn(&str, Reached) + Send>;

impl Bounded {
    pub(super) fn new(
        body: reqwest::Body,
        limit: u64,
        patience: Option<Duration>,
        report: Report,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            body,
            limit,
            left: limit,
            patience,
            waiting: None,
            report,
            _place: place,
        }
    }

    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Error> {
        self.waiting = None;
        let size = frame.data_ref().map_or(0, Bytes::len) as u64;
        match self.left.checked_sub(size) {
            Some(left) => {
                self.left = left;
                Ok(frame)
            }
            None => {
                (self.report)(TOO_LARGE, Reached::TooLarge);
                Err(Error::HttpResponseBodySize(Some(self.limit)))
            }
        }
    }

    /// Whether nothing came for too long.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(patience) = self.patience else {
            return false;
        };
        self.waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)))
            .as_mut()
            .poll(context)
            .is_ready()
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| match frame {
                Ok(frame) => this.count(frame),
                Err(error) => {
                    let code = match failure::of(&error) {
                        // Its head was there.
                        Error::ConnectionTerminated => Error::HttpResponseIncomplete,
                        other => other,
                    };
                    (this.report)(&failure::in_full(&error), failure::counts_as(&code));
                    Err(code)
                }
            })),
            Poll::Pending if this.is_late(context) => {
                (this.report)("nothing more came in time", Reached::Slow);
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    async fn read(body: reqwest::Body, limit: u64) -> Result<Bytes, Error> {
        let places = Arc::new(Semaphore::new(1));
        let place = places.try_acquire_owned().unwrap();
        let body = Bounded::new(
            body,
            limit,
            Some(Duration::from_secs(5)),
            Box::new(|_, _| ()),
            place,
        );
        body.collect().await.map(|collected| collected.to_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_have_as_many_bytes_as_the_bound_and_no_more() {
        let body = || {
            let parts = ["ab", "cd"].map(Ok::<_, std::io::Error>);
            reqwest::Body::wrap_stream(futures_util::stream::iter(parts))
        };
        assert_eq!(read(body(), 4).await.unwrap(), "abcd");
        let error = read(body(), 3).await.unwrap_err();
        assert!(
            matches!(error, Error::HttpResponseBodySize(Some(3))),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_coming_is_given_up() {
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let error = read(reqwest::Body::wrap_stream(never), 4)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::ConnectionReadTimeout), "{error}");
    }
}
