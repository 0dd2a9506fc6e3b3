//! A request's body on its way from the connection to whoever stores it.
//!
//! Two poll it: the request's handler, which the HTTP library polls together
//! with the connection and drops when the client is gone, and the task that
//! stores the bytes, which runs to its end. The handler takes over bytes right
//! after each read, and shuts the connection's gate while it cannot. So nothing
//! is in the library's hands when the client breaks off.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::bypass::share;
use super::gate::Gate;
use super::in_flight::InFlight;
use crate::uploads::BodyError;

/// Bytes of one body that wait for the storing task, at most: about as many as
/// are read at a time.
const QUEUE_BYTES: usize = 128 * 1024;

/// And at the least, however many bodies there are.
const LEAST_QUEUE_BYTES: usize = 8 * 1024;

/// What the queues of all bodies together should not exceed by much.
const ALL_QUEUES: usize = 4 << 20;

/// A body as it comes off the connection, whichever version of HTTP that is.
pub(super) type Source = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>>>>;

/// A body before anybody has asked for it.
pub(super) struct Incoming {
    source: Source,
    gate: Gate,
    wanted: Option<oneshot::Sender<()>>,
}

impl Incoming {
    /// A body whose connection `gate` holds back while it cannot be taken.
    pub(super) fn new(source: Source, gate: Gate) -> Self {
        Self {
            source,
            gate,
            wanted: None,
        }
    }

    /// Tells `wanted` when the body is asked for the first time.
    pub(super) fn telling(mut self, wanted: oneshot::Sender<()>) -> Self {
        self.wanted = Some(wanted);
        self
    }
}

/// The body as the layers below see it.
pub(super) struct RequestBody {
    shared: Rc<RefCell<Shared>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Who wants to know that the body is wanted.
    tell: Option<oneshot::Sender<()>>,
    silence: Option<Silence>,
}

/// How long nothing has come while something was waited for.
struct Silence {
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    runs: bool,
}

impl Silence {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            timer: Box::pin(sleep(limit)),
            runs: false,
        }
    }

    /// Ready when it was too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.runs {
            self.timer.as_mut().reset(Instant::now() + self.limit);
            self.runs = true;
        }
        self.timer.as_mut().poll(cx)
    }
}

/// The side of the handler.
pub(super) struct Intake {
    shared: Rc<RefCell<Shared>>,
}

struct Shared {
    source: Source,
    /// Shut while the payload may have bytes that the queue has no room for.
    gate: Gate,
    queue: VecDeque<Bytes>,
    queued: usize,
    /// How the payload ended, if it did.
    end: Option<Result<(), BodyError>>,
    /// Whether the handler still takes bytes in.
    has_intake: bool,
    /// The handler, when it waits for room in the queue.
    intake: Option<Waker>,
    /// The task, when it waits for bytes.
    task: Option<Waker>,
}

/// The two sides of a body. It breaks off when nothing comes for `silence`.
pub(super) fn split(
    incoming: Incoming,
    in_flight: &InFlight,
    silence: Option<Duration>,
) -> (Intake, RequestBody) {
    let Incoming {
        source,
        gate,
        wanted,
    } = incoming;
    let shared = Rc::new(RefCell::new(Shared {
        source,
        gate,
        queue: VecDeque::new(),
        queued: 0,
        end: None,
        has_intake: true,
        intake: None,
        task: None,
    }));
    let intake = Intake {
        shared: Rc::clone(&shared),
    };
    let body = RequestBody {
        shared,
        cut: Box::pin(in_flight.cut().clone().cancelled_owned()),
        tell: wanted,
        silence: silence.map(Silence::new),
    };
    (intake, body)
}

impl Intake {
    /// Takes bytes off the connection until there are no more.
    pub(super) async fn run(self) {
        poll_fn(|cx| self.shared.borrow_mut().take_in(cx)).await;
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        shared.has_intake = false;
        shared.gate.open();
        wake(&mut shared.task);
    }
}

impl Shared {
    /// Fills the queue. Ready when the payload has ended.
    fn take_in(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.end.is_none() {
            if self.queued >= share(ALL_QUEUES, LEAST_QUEUE_BYTES, QUEUE_BYTES) {
                self.intake = Some(cx.waker().clone());
                self.gate.shut();
                return Poll::Pending;
            }
            match self.source.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(chunk))) => {
                    self.queued += chunk.len();
                    self.queue.push_back(chunk);
                }
                Poll::Ready(Some(Err(error))) => self.end = Some(Err(error)),
                Poll::Ready(None) => self.end = Some(Ok(())),
                Poll::Pending => {
                    self.gate.open();
                    return Poll::Pending;
                }
            }
            wake(&mut self.task);
        }
        Poll::Ready(())
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.queue.is_empty() && !self.has_intake {
            // Nobody else does, and what came before the connection broke may
            // still be there.
            let waiting = self.take_in(cx).is_pending();
            if waiting && self.queue.is_empty() {
                return Poll::Pending;
            }
        }
        if let Some(chunk) = self.queue.pop_front() {
            self.queued = self.queued.saturating_sub(chunk.len());
            wake(&mut self.intake);
            return Poll::Ready(Some(Ok(chunk)));
        }
        match self.end {
            Some(end) => Poll::Ready(end.err().map(Err)),
            None => {
                self.task = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(tell) = self.tell.take() {
            // Nobody listens any more if the client is gone.
            tell.send(()).ok();
        }
        let next = self.shared.borrow_mut().next(cx);
        if next.is_ready() {
            if let Some(silence) = &mut self.silence {
                silence.runs = false;
            }
            return next;
        }
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(BodyError::Stopping)));
        }
        match &mut self.silence {
            Some(silence) => silence.poll(cx).map(|()| Some(Err(BodyError::Stalled))),
            None => Poll::Pending,
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
