//! A connection that is not read faster than its bytes can be taken.
//!
//! The HTTP library reads ahead, and when the client breaks off it throws away
//! what it has read and could not hand over yet: up to 128 KiB that the client
//! would have to send again. So the connection gives it nothing to read while
//! the body's queue is full. The end of the connection is then also seen only
//! when all bytes before it were handed over.

use std::cell::{Cell, RefCell};
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A connection behind a [`Gate`].
pub(super) struct Connection<T> {
    io: T,
    gate: Gate,
    hang_up: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Whether a connection may be read. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Rc<State>);

#[derive(Debug, Default)]
struct State {
    shut: Cell<bool>,
    reader: RefCell<Option<Waker>>,
}

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
}

impl<T> Connection<T> {
    /// A connection that reads as ended once `hang_up` is cancelled.
    pub(super) fn new(io: T, hang_up: &CancellationToken) -> Self {
        Self {
            io,
            gate: Gate::default(),
            hang_up: Box::pin(hang_up.clone().cancelled_owned()),
        }
    }

    /// What lets its bytes through.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
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
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            // Nothing read means the end.
            Poll::Pending => self.hang_up.as_mut().poll(cx).map(Ok),
            ready => ready,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt as _;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_connection_is_read_only_while_its_gate_is_open() {
        let mut connection = Connection::new(b"ab".as_slice(), &CancellationToken::new());
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
}
