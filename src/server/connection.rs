//! A connection that is not read faster than its bytes can be taken, and that
//! does not wait for ever.
//!
//! The HTTP/1.1 library reads ahead, and when the client breaks off it throws
//! away what it has read and could not hand over yet: up to 128 KiB that the
//! client would have to send again. So the connection gives it nothing to read
//! while the body's queue is full. The end of the connection is then also seen
//! only when all bytes before it were handed over.
//!
//! It also throws away trailers. The connection keeps step with the messages
//! that pass and keeps their trailers; see [`super::framing`].
//!
//! What the library has no time-out for ends here: a request's head that does
//! not get ready after the first one, the rest of a chunked body that was
//! refused, an answer that nobody reads.

use std::cell::{Cell, RefCell};
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

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

/// What an HTTP/2 connection begins with (RFC 9113, 3.4). No request of
/// HTTP/1.1 does: POST and PATCH part from it at the second byte.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection behind a [`Gate`].
pub(super) struct Connection<T> {
    io: T,
    /// Bytes that came and are still to be read.
    first: BytesMut,
    gate: Gate,
    hang_up: Pin<Box<WaitForCancellationFutureOwned>>,
    head: Option<Pin<Box<Sleep>>>,
    /// How long the client may take nothing of an answer.
    patience: Option<Duration>,
    stalled: Option<Pin<Box<Sleep>>>,
}

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

    /// How many of `bytes`, which come next, can be handed over.
    fn follow(&self, bytes: &[u8]) -> usize {
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
    fn deadline(&self) -> Option<Instant> {
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

impl<T> Connection<T> {
    /// A connection that reads as ended once `hang_up` is cancelled, and breaks
    /// when its client takes nothing of an answer for `patience`.
    pub(super) fn new(io: T, hang_up: &CancellationToken, patience: Option<Duration>) -> Self {
        Self {
            io,
            first: BytesMut::new(),
            gate: Gate::default(),
            hang_up: Box::pin(hang_up.clone().cancelled_owned()),
            head: None,
            patience,
            stalled: None,
        }
    }

    /// Keeps step with HTTP/1.1 from here on.
    pub(super) fn follow_http1(&self) {
        self.gate.0.framing.replace(Framing::of_new_connection());
    }

    /// What lets its bytes through.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What it goes over.
    pub(super) fn transport(&self) -> &T {
        &self.io
    }

    /// Passes on what a write came to, unless it waited for too long.
    fn unless_stalled<R>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let (Some(patience), true) = (self.patience, written.is_pending()) else {
            self.stalled = None;
            return written;
        };
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + patience)));
        stalled
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.gate.deadline() else {
            self.head = None;
            return Poll::Pending;
        };
        let head = self
            .head
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if head.deadline() != deadline {
            head.as_mut().reset(deadline);
        }
        head.as_mut().poll(cx)
    }
}

impl<T: AsyncRead + Unpin> Connection<T> {
    /// Hands over bytes that came before, as far as it may.
    fn hand_over(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = self.first.len().min(buf.remaining());
        let count = self.gate.follow(self.first.split_at(room).0);
        if count == 0 && !self.gate.0.framing.borrow().is_broken() {
            self.gate.0.held.set(true);
            self.gate.0.reader.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        // If it is broken, nothing more: this is the end.
        buf.put_slice(&self.first.split_to(count));
        Poll::Ready(Ok(()))
    }

    /// Whether the client speaks HTTP/2 without having asked (RFC 9113, 3.3).
    /// Waits for as many bytes as that takes; they are not lost.
    pub(super) async fn begins_with_http2(&mut self) -> io::Result<bool> {
        let mut first = Vec::with_capacity(PREFACE.len());
        while PREFACE.starts_with(&first) && first.len() < PREFACE.len() {
            let left = (PREFACE.len() - first.len()) as u64;
            if (&mut *self).take(left).read_buf(&mut first).await? == 0 {
                break;
            }
        }
        let begins = first == PREFACE;
        self.first = BytesMut::from(first.as_slice());
        Ok(begins)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.gate.0.shut.get() {
            self.gate.0.reader.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        if !self.first.is_empty() {
            return self.hand_over(cx, buf);
        }
        if self
            .gate
            .deadline()
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            // Nothing read means the end.
            Poll::Pending => {
                if self.hang_up.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                self.gate.0.reader.replace(Some(cx.waker().clone()));
                self.poll_head(cx).map(Ok)
            }
            Poll::Ready(Ok(())) => {
                let came = buf.filled().split_at(before).1;
                let count = self.gate.follow(came);
                if count == came.len() {
                    return Poll::Ready(Ok(()));
                }
                self.first.extend_from_slice(came.split_at(count).1);
                buf.set_filled(before + count);
                if count > 0 {
                    return Poll::Ready(Ok(()));
                }
                self.hand_over(cx, buf)
            }
            // However it ended, what came before counts; the library would throw
            // away what it read just before an error.
            Poll::Ready(Err(_)) => Poll::Ready(Ok(())),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.unless_stalled(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.unless_stalled(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(cx);
        self.unless_stalled(cx, shut)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::time::timeout;

    use super::*;

    fn connection<T>(io: T) -> Connection<T> {
        Connection::new(io, &CancellationToken::new(), Some(Duration::from_secs(60)))
    }

    #[tokio::test]
    async fn a_connection_is_read_only_while_its_gate_is_open() {
        let mut connection = connection(b"ab".as_slice());
        let gate = connection.gate().clone();
        let mut byte = [0];
        connection.read_exact(&mut byte).await.unwrap();
        gate.shut();
        let blocked = timeout(Duration::from_millis(5), connection.read_exact(&mut byte));
        assert!(blocked.await.is_err());
        let (read, ()) = tokio::join!(connection.read_exact(&mut byte), async { gate.open() });
        read.unwrap();
        assert_eq!(&byte, b"b");
    }

    #[tokio::test]
    async fn a_look_at_the_first_bytes_loses_none() {
        let http2 = [PREFACE, b"rest"].concat();
        for (bytes, expected) in [
            (http2.as_slice(), true),
            (b"PATCH / HTTP/1.1", false),
            (b"PRI * HTTP/1.1\r\n\r\n", false),
            (b"PRI", false),
            (b"", false),
        ] {
            let mut connection = connection(bytes);
            assert_eq!(connection.begins_with_http2().await.unwrap(), expected);
            let mut read = Vec::new();
            connection.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, bytes);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_become_a_request_in_time_ends_the_connection() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut connection = connection(server);
        let gate = connection.gate().clone();
        let mut bytes = [0; 8];
        let busy = gate.begin(BodyFraming::Bytes(0));
        client.write_all(b"body").await.unwrap();
        assert_eq!(connection.read(&mut bytes).await.unwrap(), 4);
        // While a request is answered the time does not run.
        let waiting = timeout(HEAD * 10, connection.read(&mut bytes));
        assert!(waiting.await.is_err());
        drop(busy);
        let waiting = timeout(HEAD, connection.read(&mut bytes));
        assert!(waiting.await.is_err());
        client.write_all(b"PAT").await.unwrap();
        assert_eq!(connection.read(&mut bytes).await.unwrap(), 3);
        assert_eq!(connection.read(&mut bytes).await.unwrap(), 0);
        client.write_all(b"CH").await.unwrap();
        assert_eq!(connection.read(&mut bytes).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_breaks_the_connection() {
        let (_client, server) = tokio::io::duplex(4);
        let mut connection = connection(server);
        let error = connection.write_all(b"too much").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
