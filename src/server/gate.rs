//! What a connection and the answering of its requests know of each other: whether
//! it may be read, which request is being answered, how far its body is, and by when
//! the next has to be there.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::bypass::{self, Bypass, PastLibrary};
use super::framing::{BodyFraming, Framing};
use super::{KEEP_ALIVE, LINGER};
use crate::tus::Headers;

/// How long the head of a request may take from its first byte on. Heads are a
/// packet or two; ten seconds forgive a retransmission on a bad line. What comes
/// after a request that was answered before its body ended counts as a head.
pub(super) const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may rest after a request with a body: longer than the
/// library lets it, which comes first when it knows that it rests.
const PAUSE: Duration = KEEP_ALIVE.saturating_add(LINGER);

/// Whether a connection may be read. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Rc<State>);

#[derive(Debug, Default)]
struct State {
    shut: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    /// Requests that are being answered.
    busy: Cell<usize>,
    /// Whether there was a request: before it, the library keeps the time.
    used: Cell<bool>,
    /// Whether bytes came while a request was answered. They may be the
    /// beginning of the next.
    ahead: Cell<bool>,
    /// Whether the rest of a body that nobody wants is on its way.
    left_over: Cell<bool>,
    /// When the next request has to be there.
    until: Cell<Option<Instant>>,
    framing: RefCell<Framing>,
    bypass: RefCell<Bypass>,
    /// Whether bytes wait for what a request does.
    held: Cell<bool>,
}

/// A request that is being answered, until dropped.
#[derive(Debug)]
pub(super) struct Busy(Gate);

impl Gate {
    /// Lets nothing through.
    pub(super) fn shut(&self) {
        self.0.shut.set(true);
    }

    /// Lets bytes through again.
    pub(super) fn open(&self) {
        if self.0.shut.replace(false)
            && let Some(reader) = self.0.reader.take()
        {
            reader.wake();
        }
    }

    /// Whether nothing is let through now.
    pub(super) fn is_shut(&self) -> bool {
        self.0.shut.get()
    }

    /// Has `cx` woken as soon as there is something to read again.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        self.0.reader.replace(Some(cx.waker().clone()));
    }

    /// Keeps step with HTTP/1.1 from here on.
    pub(super) fn follow_http1(&self) {
        self.0.framing.replace(Framing::of_new_connection());
    }

    /// Says that the bytes that came were a request's head.
    pub(super) fn begin(&self, body: BodyFraming) -> Busy {
        let state = &self.0;
        state.busy.set(state.busy.get() + 1);
        state.used.set(true);
        state.until.set(None);
        state.framing.borrow_mut().begin(body);
        self.let_go();
        Busy(self.clone())
    }

    /// Whether what comes is no HTTP/1.1 that can be followed.
    pub(super) fn is_broken(&self) -> bool {
        self.0.framing.borrow().is_broken()
    }

    /// Holds bytes back until a request begins or ends.
    pub(super) fn hold_back(&self, cx: &Context<'_>) {
        self.0.held.set(true);
        self.wait(cx);
    }

    /// Has bytes that were held back looked at again.
    fn let_go(&self) {
        if self.0.held.replace(false)
            && let Some(reader) = self.0.reader.take()
        {
            reader.wake();
        }
    }

    /// The trailers of the body that ended just now, if they are known.
    pub(super) fn take_trailers(&self) -> Option<Headers> {
        self.0.framing.borrow_mut().take_trailers()
    }

    /// Lets a large body past the library, until what this gives is dropped. Asked
    /// right after the request began; `None` if the library is to have the bytes.
    pub(super) fn bypass(&self) -> Option<PastLibrary> {
        let is_large = self.0.framing.borrow().body_left() >= bypass::LARGE;
        is_large.then(|| self.0.bypass.borrow_mut().open())
    }

    /// How many bytes can go past the library now.
    pub(super) fn may_bypass(&self) -> u64 {
        if self.0.bypass.borrow().is_open() {
            self.0.framing.borrow().body_left()
        } else {
            0
        }
    }

    /// Takes bytes that go past the library.
    pub(super) fn put_past(&self, bytes: Bytes) {
        let state = &self.0;
        if !bytes.is_empty() {
            state.framing.borrow_mut().follow_body(bytes.len() as u64);
            state.bypass.borrow().put(bytes);
            self.saw_bytes();
        }
    }

    /// Gives the library what stands for bytes that went past it.
    pub(super) fn pay(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Option<Poll<io::Result<()>>> {
        self.0.bypass.borrow().pay(cx, buf)
    }

    /// How many of `bytes`, which come next, can be handed over.
    pub(super) fn follow(&self, bytes: &[u8]) -> usize {
        let state = &self.0;
        let count = state.framing.borrow_mut().follow(bytes);
        if count > 0 {
            self.saw_bytes();
        }
        count
    }

    fn saw_bytes(&self) {
        let state = &self.0;
        if state.busy.get() > 0 {
            state.ahead.set(true);
        } else if state.used.get() {
            let head = Instant::now() + HEAD;
            let until = state.until.get().map_or(head, |until| until.min(head));
            state.until.set(Some(until));
        }
    }

    /// When the bytes that came have to be a request.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.until.get()
    }
}

impl Busy {
    /// Says that the body did not come to its end. What is still on its way may
    /// arrive for as long as an answer lingers.
    pub(super) fn leave_rest_of_body(&self) {
        self.0.0.left_over.set(true);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let state = &self.0.0;
        state.busy.set(state.busy.get().saturating_sub(1));
        if state.busy.get() > 0 {
            return;
        }
        state.framing.borrow_mut().answered();
        self.0.let_go();
        // If what came ahead is a part of a head, the library waits for the rest
        // without limit. If it was all body, this is a pause.
        let wait = match (state.left_over.get(), state.ahead.replace(false)) {
            (true, _) => Some(LINGER),
            (false, true) => Some(PAUSE),
            (false, false) => None,
        };
        if let Some(wait) = wait {
            state.until.set(Some(Instant::now() + wait));
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
    }
}
