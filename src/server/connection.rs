//! A connection that is not read faster than its bytes can be taken, and that
//! does not wait for ever.
//!
//! The HTTP/1.1 library reads ahead, and when the client breaks off it throws
//! away what it has read and could not hand over yet: up to 128 KiB that the
//! client would have to send again. So the connection gives it nothing to read
//! while the body's queue is full. The end of the connection is then also seen
//! only when all bytes before it were handed over.
//!
//! Large bodies go past it; see [`super::bypass`].
//!
//! It also throws away trailers. The connection keeps step with the messages
//! that pass and keeps their trailers; see [`super::framing`].
//!
//! What the library has no time-out for ends here: a request's head that does
//! not get ready after the first one, the rest of a chunked body that was
//! refused, an answer that nobody reads.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::bypass;
use super::gate::Gate;

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
        self.gate.follow_http1();
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
        if count == 0 && !self.gate.is_broken() {
            self.gate.hold_back(cx);
            return Poll::Pending;
        }
        // If it is broken, nothing more: this is the end.
        buf.put_slice(&self.first.split_to(count));
        Poll::Ready(Ok(()))
    }

    /// Reads what goes past the library, at most `limit` bytes.
    fn read_past(&mut self, cx: &mut Context<'_>, limit: u64) -> Poll<io::Result<()>> {
        let bytes = if self.first.is_empty() {
            ready!(bypass::read(&mut self.io, cx, limit))?
        } else {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            self.first.split_to(limit.min(self.first.len())).freeze()
        };
        self.gate.put_past(bytes);
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
        if self.gate.is_shut() {
            self.gate.wait(cx);
            return Poll::Pending;
        }
        if let Some(paid) = self.gate.pay(cx, buf) {
            return paid;
        }
        let past = self.gate.may_bypass();
        if !self.first.is_empty() && past == 0 {
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
        let read = if past > 0 {
            self.read_past(cx, past)
        } else {
            Pin::new(&mut self.io).poll_read(cx, buf)
        };
        match read {
            // Nothing read means the end.
            Poll::Pending => {
                if self.hang_up.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                self.gate.wait(cx);
                self.poll_head(cx).map(Ok)
            }
            Poll::Ready(Ok(())) if past > 0 => {
                self.gate.pay(cx, buf).unwrap_or(Poll::Ready(Ok(())))
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

    use super::super::framing::BodyFraming;
    use super::super::gate::HEAD;
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
