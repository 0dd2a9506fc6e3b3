//! Waiting for several things at once within one call.
//!
//! A guest has one thread and is polled by nobody. What waits says so here, and
//! the call sleeps in the host until an answer is there or a time has come.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustus_hook::http::{self, Exchange, HttpError, Response};

thread_local! {
    /// Whose answers are waited for in this round. Weak: whoever waited may have
    /// ended in the same round.
    static AWAITED: RefCell<Vec<Weak<Exchange>>> = const { RefCell::new(Vec::new()) };

    /// The first moment that is waited for in this round.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs to the end.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
        let awaited = AWAITED.take();
        let awaited: Vec<_> = awaited.iter().filter_map(Weak::upgrade).collect();
        let awaited: Vec<&Exchange> = awaited.iter().map(AsRef::as_ref).collect();
        http::wait(&awaited, UNTIL.take().map(milliseconds_to));
    }
}

/// At least one, so that the moment has come afterwards.
fn milliseconds_to(until: Instant) -> u64 {
    let left = until.saturating_duration_since(Instant::now());
    u64::try_from(left.as_millis()).map_or(u64::MAX, |whole| whole.saturating_add(1))
}

/// The answer, when it is there.
pub(crate) async fn answered(exchange: Exchange) -> Result<Response, HttpError> {
    let exchange = Rc::new(exchange);
    // Nothing is sent before it is waited for.
    let mut was_awaited = false;
    poll_fn(|_| {
        if was_awaited && let Some(answer) = exchange.answer() {
            return Poll::Ready(answer);
        }
        was_awaited = true;
        AWAITED.with_borrow_mut(|all| all.push(Rc::downgrade(&exchange)));
        Poll::Pending
    })
    .await
}

/// For a time.
pub(crate) async fn sleep(time: Duration) {
    // A time that no clock reaches is waited for in vain.
    let until = Instant::now().checked_add(time);
    poll_fn(|_| match until {
        Some(until) if Instant::now() >= until => Poll::Ready(()),
        Some(until) => {
            UNTIL.set(Some(UNTIL.get().map_or(until, |other| other.min(until))));
            Poll::Pending
        }
        None => Poll::Pending,
    })
    .await;
}

/// What comes of `work`, if that is in time. Otherwise it ends.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut late = pin!(sleep(limit));
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        late.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// All of them at the same time, until all are done or `enough` says of one that
/// the others need not be. Those that are not done are `None`.
pub(crate) async fn all<T>(
    works: impl Iterator<Item = impl Future<Output = T>>,
    enough: impl Fn(&T) -> bool,
) -> Vec<Option<T>> {
    let mut works: Vec<(Pin<Box<_>>, Option<T>)> =
        works.map(|work| (Box::pin(work), None)).collect();
    poll_fn(|context| {
        let mut pending = false;
        for (work, done) in works.iter_mut().filter(|(_, done)| done.is_none()) {
            match work.as_mut().poll(context) {
                Poll::Ready(value) => {
                    let ends = enough(&value);
                    *done = Some(value);
                    if ends {
                        return Poll::Ready(());
                    }
                }
                Poll::Pending => pending = true,
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    works.into_iter().map(|(_, done)| done).collect()
}
