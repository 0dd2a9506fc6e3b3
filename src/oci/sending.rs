//! What takes its time to be sent: a large body over a slow line is waited for as
//! long as it moves, within a bound for all of it.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::transfer::Transfer;

/// Bytes at a time: a line that moves, and no call for every packet.
const STEP: usize = 64 * 1024;

/// All of a body may take so many times as long as a registry may be silent.
pub(super) const WHOLE: u32 = 10;

/// A request that is ready to go.
pub(super) struct Outgoing {
    request: RequestBuilder,
    progress: Option<Progress>,
}

/// How much of a body was taken.
struct Progress {
    size: usize,
    taken: watch::Receiver<usize>,
}

/// Why no answer came in time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// All was sent, or there was nothing to send, and nothing was said.
    Silent,
    /// Nothing more was taken after so many bytes of so many.
    Stuck {
        /// Bytes that were taken.
        taken: usize,
        /// Bytes that there are.
        size: usize,
    },
    /// It was taken all the time, and not fast enough.
    Crawling,
}

impl Outgoing {
    /// With a body of which the other side takes as much as it can, and somebody
    /// who may want to hear of it.
    pub(super) fn with_body(
        request: RequestBuilder,
        bytes: Bytes,
        transfer: Option<Box<dyn Transfer>>,
    ) -> Self {
        let size = bytes.len();
        let (told, taken) = watch::channel(0);
        let body = Taken {
            left: bytes,
            told,
            transfer,
        };
        Self {
            request: request.body(reqwest::Body::wrap(body)),
            progress: Some(Progress { size, taken }),
        }
    }

    /// The same with a header.
    pub(super) fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self {
            request: self.request.header(name, value),
            ..self
        }
    }

    /// Sends it and waits for the head of the answer: for `patience` since the last
    /// sign of life, and ten times as long in all.
    pub(super) async fn send(self, patience: Duration) -> Result<reqwest::Result<Response>, Late> {
        in_time(self.request.send(), self.progress, patience).await
    }
}

impl From<RequestBuilder> for Outgoing {
    fn from(request: RequestBuilder) -> Self {
        Self {
            request,
            progress: None,
        }
    }
}

async fn in_time<T>(
    answer: impl Future<Output = T>,
    progress: Option<Progress>,
    patience: Duration,
) -> Result<T, Late> {
    let mut answer = pin!(answer);
    let begun = Instant::now();
    let end = begun + patience * WHOLE;
    let Some(Progress { size, mut taken }) = progress else {
        return tokio::select! {
            answer = &mut answer => Ok(answer),
            () = sleep_until(begun + patience) => Err(Late::Silent),
        };
    };
    let mut until = begun + patience;
    let mut is_told = true;
    loop {
        tokio::select! {
            answer = &mut answer => return Ok(answer),
            moved = taken.changed(), if is_told => is_told = moved.is_ok(),
            () = sleep_until(until) => break,
        }
        let is_whole = *taken.borrow_and_update() == size;
        until = match is_whole {
            // The last of it may be on its way in buffers that nobody sees.
            true if size > STEP => end,
            _ => end.min(Instant::now() + patience),
        };
    }
    let taken = *taken.borrow();
    Err(if until == end {
        Late::Crawling
    } else if taken == size {
        Late::Silent
    } else {
        Late::Stuck { taken, size }
    })
}

/// The body of a request that tells how much of it was taken.
struct Taken {
    left: Bytes,
    told: watch::Sender<usize>,
    transfer: Option<Box<dyn Transfer>>,
}

impl Body for Taken {
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
        self.told.send_modify(|taken| *taken += step);
        if let Some(transfer) = &self.transfer {
            transfer.moved(step as u64);
        }
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
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use http_body_util::BodyExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

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
        let (told, taken) = watch::channel(0);
        let body = Taken {
            left: bytes.clone(),
            told,
            transfer: Some(Box::new(Arc::clone(&count))),
        };
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        assert_eq!(body.collect().await.unwrap().to_bytes(), bytes);
        assert_eq!(count.0.load(Ordering::Relaxed), bytes.len() as u64);
        assert_eq!(*taken.borrow(), bytes.len());
    }

    /// What a body of `size` bytes comes to of which a step is taken after each of
    /// `pauses`, and that is never answered; and after how long.
    async fn unanswered(size: usize, pauses: &[Duration]) -> (Late, Duration) {
        let begun = Instant::now();
        let (told, taken) = watch::channel(0);
        let taking = async {
            for pause in pauses {
                tokio::time::sleep(*pause).await;
                told.send_modify(|taken| *taken = (*taken + STEP).min(size));
            }
            // As long as the other side has not taken all of it, it holds it.
            pending::<()>().await;
        };
        let waiting = in_time(pending::<()>(), Some(Progress { size, taken }), PATIENCE);
        tokio::select! {
            late = waiting => (late.unwrap_err(), begun.elapsed()),
            () = taking => unreachable!(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_moves_is_waited_for_and_what_does_not_is_not() {
        let whole = PATIENCE * WHOLE;
        let slow = PATIENCE * 9 / 10;
        let (large, small) = (STEP * 100, 100);
        for (size, pauses, late, after) in [
            (
                large,
                vec![],
                Late::Stuck {
                    taken: 0,
                    size: large,
                },
                PATIENCE,
            ),
            (
                large,
                vec![slow; 3],
                Late::Stuck {
                    taken: STEP * 3,
                    size: large,
                },
                slow * 3 + PATIENCE,
            ),
            (large, vec![slow; 100], Late::Crawling, whole),
            (STEP * 2, vec![slow; 2], Late::Crawling, whole),
            (small, vec![slow], Late::Silent, slow + PATIENCE),
        ] {
            let (found, took) = unanswered(size, &pauses).await;
            assert_eq!(found, late);
            // Timers are kept in milliseconds.
            let near = took.abs_diff(after);
            assert!(near < Duration::from_millis(50), "{took:?} for {after:?}");
        }
        let late = in_time(pending::<()>(), None, PATIENCE).await;
        assert_eq!(late, Err(Late::Silent));
    }
}
