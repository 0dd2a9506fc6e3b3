//! How far what comes or goes is, for those who want to hear of it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Hears of transfers. It is told while they go on, so it must not wait for
/// anything.
pub trait Audience: fmt::Debug + Send + Sync {
    /// Something of `size` bytes begins to come or go; `what` says so. What is
    /// returned is told of the bytes, and dropped at the end, be it a good one or
    /// not. What is tried again begins again.
    fn begins(&self, what: String, size: u64) -> Box<dyn Transfer>;
}

/// Something that comes or goes.
pub trait Transfer: Send + Sync {
    /// So many bytes more came or went.
    fn moved(&self, bytes: u64);
}

/// Bytes at a time: a line that moves, and no call for every packet.
const STEP: usize = 64 * 1024;

/// The body of a request that tells how much of it was taken.
pub(super) struct Heard {
    left: Bytes,
    transfer: Box<dyn Transfer>,
}

impl Heard {
    pub(super) fn new(bytes: Bytes, transfer: Box<dyn Transfer>) -> Self {
        Self {
            left: bytes,
            transfer,
        }
    }
}

impl Body for Heard {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let step = STEP.min(self.left.len());
        let part = self.left.split_to(step);
        self.transfer.moved(step as u64);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use http_body_util::BodyExt as _;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU64);

    impl Transfer for Arc<Count> {
        fn moved(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_body_has_its_length_and_tells_of_every_byte() {
        let count = Arc::new(Count::default());
        let bytes = Bytes::from(vec![7; STEP * 2 + 5]);
        let body = Heard::new(bytes.clone(), Box::new(Arc::clone(&count)));
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        assert_eq!(body.collect().await.unwrap().to_bytes(), bytes);
        assert_eq!(count.0.load(Ordering::Relaxed), bytes.len() as u64);
    }
}
