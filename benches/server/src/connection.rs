//! One kept connection that waits for its answers: for everything but the load
//! of many small requests.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::answer::{self, Answer};
use crate::body;

/// How long a server may be silent, or not take a byte. The slowest of them
/// takes a second to put a gigabyte away; a disk may stall for some more.
const PATIENCE: Duration = Duration::from_secs(60);

/// Four pairs, as a browser's client sends them: filename, filetype,
/// relativePath, meme.
const METADATA: &str = "filename aG9saWRheS5tcDQ=,filetype dmlkZW8vbXA0,\
                        relativePath bnVsbA==,meme ZG9nZQ==";

/// A connection to one of the servers.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            address,
            buffer: Vec::new(),
        })
    }

    /// Creates an upload. Returns what `read` takes from the answer.
    pub(crate) fn create<T>(
        &mut self,
        length: u64,
        read: impl FnOnce(&Answer<'_>) -> Result<T>,
    ) -> Result<T> {
        let request = creation(self.address, length);
        self.stream
            .write_all(request.as_bytes())
            .context("cannot send a creation")?;
        self.answer(|answer| {
            answer.expect(201)?;
            read(answer)
        })
        .context("a creation")
    }

    /// Sends `head` and then `bytes` of body, and waits for the answer.
    pub(crate) fn send(&mut self, head: &str, bytes: u64, expected: u16) -> Result<()> {
        self.stream
            .write_all(head.as_bytes())
            .context("cannot send the head")?;
        let mut left = bytes;
        while left > 0 {
            let part = body::piece(left);
            self.stream
                .write_all(part)
                .context("cannot send the body")?;
            left -= part.len() as u64;
        }
        self.answer(|answer| answer.expect(expected))
    }

    /// The connection itself, for somebody who waits in another way.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn answer<T>(&mut self, read: impl FnOnce(&Answer<'_>) -> Result<T>) -> Result<T> {
        self.buffer.clear();
        loop {
            let mut part = [0; 4096];
            let count = match self.stream.read(&mut part) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("no answer"),
            };
            self.buffer.extend(part.iter().take(count));
            if let Some(answer) = answer::parse(&self.buffer, false)? {
                return read(&answer);
            }
        }
    }
}

/// The request that creates an upload.
pub(crate) fn creation(address: SocketAddr, length: u64) -> String {
    format!(
        "POST /files HTTP/1.1\r\nHost: {address}\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Length: {length}\r\nUpload-Metadata: {METADATA}\r\nContent-Length: 0\r\n\r\n"
    )
}
