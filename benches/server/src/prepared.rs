//! Uploads that wait for their bytes: one is sent, or many at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::body;
use crate::connection::Connection;
use crate::load::{on_one_thread, read_answer};

/// How long all uploads of a crowd together may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// An upload, and a connection to send its bytes on.
#[derive(Debug)]
pub(crate) struct Prepared {
    connection: Connection,
    head: String,
    bytes: u64,
    expected: u16,
}

impl Prepared {
    /// `head` is that of the request with the bytes, `expected` the status of its
    /// answer.
    pub(crate) fn new(connection: Connection, head: String, bytes: u64, expected: u16) -> Self {
        Self {
            connection,
            head,
            bytes,
            expected,
        }
    }

    /// Sends the bytes. Returns the time from the request's first byte to the
    /// answer.
    pub(crate) fn send(mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.connection
            .send(&self.head, self.bytes, self.expected)?;
        Ok(begun.elapsed())
    }
}

/// Sends the bytes of all `uploads` at once, from one thread. Returns the time
/// from the first byte to the last answer.
pub(crate) fn send_all(uploads: Vec<Prepared>) -> Result<Duration> {
    send_all_with_pause(uploads, 0, || Ok(()))
}

/// Sends the first `before` bytes of all `uploads` at once, then, while every
/// client waits, does `pause`, then sends the rest. Returns the time from the
/// first byte to the last answer.
pub(crate) fn send_all_with_pause(
    uploads: Vec<Prepared>,
    before: u64,
    pause: impl FnOnce() -> Result<()>,
) -> Result<Duration> {
    on_one_thread(async {
        let mut senders = uploads
            .into_iter()
            .map(Sender::new)
            .collect::<Result<Vec<_>>>()?;
        let begun = Instant::now();
        let all = async {
            if before > 0 {
                try_join_all(senders.iter_mut().map(|sender| sender.send(before))).await?;
            }
            pause()?;
            try_join_all(senders.iter_mut().map(Sender::finish)).await
        };
        timeout(PATIENCE, all)
            .await
            .context("the bodies took too long")??;
        Ok(begun.elapsed())
    })?
}

/// A [`Prepared`] of which a part was sent.
struct Sender {
    stream: TcpStream,
    head: String,
    left: u64,
    expected: u16,
}

impl Sender {
    fn new(upload: Prepared) -> Result<Self> {
        let stream = upload.connection.into_stream();
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream)?,
            head: upload.head,
            left: upload.bytes,
            expected: upload.expected,
        })
    }

    /// Sends the head, unless that was done, and the next `bytes`.
    async fn send(&mut self, bytes: u64) -> Result<()> {
        self.stream
            .write_all(std::mem::take(&mut self.head).as_bytes())
            .await
            .context("cannot send the head")?;
        let end = self.left.saturating_sub(bytes);
        while self.left > end {
            let part = body::piece(self.left - end);
            self.stream
                .write_all(part)
                .await
                .context("cannot send the body")?;
            self.left -= part.len() as u64;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<()> {
        self.send(self.left).await?;
        let mut buffer = Vec::new();
        let expected = self.expected;
        read_answer(&mut self.stream, &mut buffer, false, |answer| {
            answer.expect(expected)
        })
        .await
    }
}
