//! HTTP by hand, for connections that break where no client would break them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In order: what was sent arrives, then the end.
    Fin,
    /// A reset: what is under way may be lost.
    Rst,
}

/// A connection with the beginning of a request on it.
pub struct Wire {
    stream: TcpStream,
}

impl Wire {
    /// Sends the head of a request and as much of its body as is at hand.
    pub fn open(address: SocketAddr, head: &str, body: &[u8]) -> Self {
        let mut wire = Self::silent(address);
        let head = head.replace('\n', "\r\n");
        wire.write(head.as_bytes()).unwrap();
        wire.write(b"\r\n").unwrap();
        wire.write(body).unwrap();
        wire
    }

    /// Sends nothing yet.
    pub fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// The head of a PATCH that promises `length` bytes.
    pub fn patch_head(path: &str, offset: u64, length: usize) -> String {
        format!(
            "PATCH {path} HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\n\
             Upload-Offset: {offset}\nContent-Type: application/offset+octet-stream\n\
             Content-Length: {length}\n"
        )
    }

    /// The connection itself.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Everything up to the end of the next answer's head.
    pub fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && self.stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    pub fn write(&mut self, body: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(body)
    }

    /// Everything the server says until it closes.
    pub fn read_to_end(mut self) -> String {
        let mut answer = Vec::new();
        // A reset after the answer does not take the answer back.
        drop(self.stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Breaks the connection.
    pub fn end(self, how: End) {
        match how {
            End::Fin => self.stream.shutdown(Shutdown::Both).unwrap(),
            End::Rst => {
                rustix::net::sockopt::set_socket_linger(self.stream.as_fd(), Some(Duration::ZERO))
                    .unwrap()
            }
        }
    }
}
