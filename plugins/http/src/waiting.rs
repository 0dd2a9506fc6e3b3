//! Waiting for several things at once within one call.
//!
//! A guest has one thread and is polled by nobody. What waits says so here, and
//! the call sleeps in the host until one of them is ready.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{Pollable, poll};

/// What is waited for, and whether the host said that it is ready.
struct Awaited {
    pollable: Pollable,
    is_ready: Cell<bool>,
}

thread_local! {
    /// What is waited for in this round. Weak: a pollable must end before what it
    /// belongs to does, and that may end in the same round.
    static AWAITED: RefCell<Vec<Weak<Awaited>>> = const { RefCell::new(Vec::new()) };
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
        let pollables: Vec<&Pollable> = awaited.iter().map(|awaited| &awaited.pollable).collect();
        for ready in poll(&pollables) {
            let ready = usize::try_from(ready).ok();
            if let Some(awaited) = ready.and_then(|ready| awaited.get(ready)) {
                awaited.is_ready.set(true);
            }
        }
    }
}

/// Until something is ready. The host is asked about all that is waited for at
/// once, when nothing else is left to do.
pub(crate) async fn ready(pollable: Pollable) {
    let awaited = Rc::new(Awaited {
        pollable,
        is_ready: Cell::new(false),
    });
    poll_fn(|_| {
        if awaited.is_ready.get() {
            return Poll::Ready(());
        }
        AWAITED.with_borrow_mut(|all| all.push(Rc::downgrade(&awaited)));
        Poll::Pending
    })
    .await;
}

/// For a time.
pub(crate) async fn sleep(time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    ready(monotonic_clock::subscribe_duration(nanoseconds)).await;
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
