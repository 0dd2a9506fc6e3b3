//! How much of a body is taken (`--max-body-size`).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;

use crate::uploads::{Body, BodyError, Expectation};

/// A body that ends with an error after as many bytes as one request may
/// carry.
pub(super) struct LimitedBody<B> {
    /// How many bytes there will be, if the client said.
    length: Option<u64>,
    left: u64,
    /// Set when a byte too many came: the next poll says so, after the bytes
    /// that fit.
    exceeded: bool,
    stream: Pin<Box<B>>,
}

impl<B: Stream<Item = Result<Bytes, BodyError>>> LimitedBody<B> {
    pub(super) fn new(stream: B, length: Option<u64>, maximum: Option<u64>) -> Self {
        Self {
            length,
            left: maximum.unwrap_or(u64::MAX),
            exceeded: false,
            stream: Box::pin(stream),
        }
    }

    /// Whether there is, or may be, a byte.
    pub(super) fn may_have_bytes(&self) -> bool {
        self.length != Some(0)
    }

    pub(super) fn as_body<'a>(&'a mut self, checksum: Option<Expectation<'a>>) -> Body<'a> {
        let length = self.length;
        let stream: Pin<&mut Self> = Pin::new(self);
        Body {
            length,
            stream,
            checksum,
        }
    }
}

impl<B: Stream<Item = Result<Bytes, BodyError>>> Stream for LimitedBody<B> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.exceeded {
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        }
        let next = ready!(self.stream.as_mut().poll_next(cx));
        let Some(Ok(mut chunk)) = next else {
            return Poll::Ready(next);
        };
        if chunk.len() as u64 > self.left {
            self.exceeded = true;
            // Less than the chunk's length, so it fits.
            chunk.truncate(usize::try_from(self.left).unwrap_or(0));
        }
        self.left -= chunk.len() as u64;
        Poll::Ready(Some(Ok(chunk)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;

    #[test]
    fn a_body_gives_what_fits_and_then_an_error() {
        let too_large = || Err(BodyError::TooLarge);
        for (maximum, expected) in [
            (None, vec![Ok("abc"), Ok("de")]),
            (Some(5), vec![Ok("abc"), Ok("de")]),
            (Some(4), vec![Ok("abc"), Ok("d"), too_large()]),
            (Some(3), vec![Ok("abc"), Ok(""), too_large()]),
            (Some(2), vec![Ok("ab"), too_large()]),
            (Some(0), vec![Ok(""), too_large()]),
        ] {
            let chunks = stream::iter([Ok(Bytes::from("abc")), Ok(Bytes::from("de"))]);
            let mut body = LimitedBody::new(chunks, None, maximum);
            let taken: Vec<_> = (&mut body)
                .take(expected.len())
                .collect()
                .now_or_never()
                .unwrap();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|chunk| chunk.map(|text: &str| Bytes::copy_from_slice(text.as_bytes())))
                .collect();
            assert_eq!(taken, expected, "{maximum:?}");
        }
    }
}
