//! A body that somebody can take the upload away from.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use super::{Body, BodyError};

/// Bytes that are still taken after the interruption if they are there without
/// waiting: what the server has read already, so that an acknowledged packet is
/// not thrown away, and not more, so that a fast sender does not keep the
/// newcomer waiting.
const AT_HAND: usize = 256 * 1024;

/// The body, which ends with [`BodyError::TakenOver`] when `wanted` resolves.
pub(super) struct Interruptible<'b, 'w> {
    body: Body<'b>,
    /// Not there any more once it has resolved.
    wanted: Option<Pin<Box<dyn Future<Output = ()> + 'w>>>,
    left: usize,
}

impl<'b, 'w> Interruptible<'b, 'w> {
    pub(super) fn new(body: Body<'b>, wanted: impl Future<Output = ()> + 'w) -> Self {
        Self {
            body,
            wanted: Some(Box::pin(wanted)),
            left: AT_HAND,
        }
    }

    pub(super) fn as_body(&mut self) -> Body<'_> {
        let (length, checksum) = (self.body.length, self.body.checksum.take());
        let stream: Pin<&mut Self> = Pin::new(self);
        Body {
            length,
            stream,
            checksum,
        }
    }

    fn is_wanted(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(wanted) = &mut self.wanted
            && wanted.as_mut().poll(cx).is_ready()
        {
            self.wanted = None;
        }
        self.wanted.is_none()
    }
}

impl Stream for Interruptible<'_, '_> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let wanted = self.is_wanted(cx);
        if wanted && self.left == 0 {
            return Poll::Ready(Some(Err(BodyError::TakenOver)));
        }
        match self.body.stream.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                if wanted {
                    self.left = self.left.saturating_sub(chunk.len());
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Pending if wanted => Poll::Ready(Some(Err(BodyError::TakenOver))),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;
    use crate::uploads::BodyStream;

    fn taken(stream: BodyStream<'_>, wanted: bool) -> (usize, Option<BodyError>) {
        let body = Body {
            length: None,
            stream,
            checksum: None,
        };
        let wanted = async move {
            if !wanted {
                pending().await
            }
        };
        let mut stream = Interruptible::new(body, wanted);
        let mut bytes = 0;
        loop {
            match stream.next().now_or_never() {
                Some(Some(Ok(chunk))) => bytes += chunk.len(),
                Some(Some(Err(error))) => return (bytes, Some(error)),
                Some(None) | None => return (bytes, None),
            }
        }
    }

    #[test]
    fn what_is_at_hand_is_taken_and_no_more() {
        let chunk = || Ok(Bytes::from(vec![0; 64 * 1024]));
        let over = Some(BodyError::TakenOver);
        for (chunks, wanted, expected) in [
            (3, false, (3 * 64 * 1024, None)),
            (3, true, (3 * 64 * 1024, over)),
            (9, true, (AT_HAND, over)),
        ] {
            let body = pin!(stream::iter((0..chunks).map(|_| chunk())).chain(stream::pending()));
            assert_eq!(taken(body, wanted), expected, "{chunks} {wanted}");
        }
    }

    #[test]
    fn a_body_that_is_at_its_end_is_whole() {
        let body = pin!(stream::iter([Ok(Bytes::from_static(b"abc"))]));
        assert_eq!(taken(body, true), (3, None));
    }
}
