//! HTTP/2 by hand, for bodies that end as no client would end them.

use std::future::poll_fn;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::server::PATIENCE;

/// A connection.
pub struct Http2 {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    address: SocketAddr,
}

/// A request whose head is sent.
pub struct Sent<'a> {
    runtime: &'a Runtime,
    body: SendStream<Bytes>,
    answer: ResponseFuture,
}

/// An answer with its body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Http2 {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let requests = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let (requests, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            requests
        });
        Self {
            runtime,
            requests,
            address,
        }
    }

    /// Sends the head of a request that has a body.
    pub fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Sent<'_> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("Tus-Resumable", "1.0.0");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let (answer, body) = self.runtime.block_on(async {
            let mut requests = self.requests.clone().ready().await.unwrap();
            requests.send_request(request, false).unwrap()
        });
        Sent {
            runtime: &self.runtime,
            body,
            answer,
        }
    }

    /// Sends the head of a PATCH.
    pub fn patch(&self, path: &str, offset: u64, headers: &[(&str, &str)]) -> Sent<'_> {
        let offset = offset.to_string();
        let own = [
            ("Upload-Offset", offset.as_str()),
            ("Content-Type", super::tus::OFFSET_TYPE),
        ];
        self.begin("PATCH", path, &[&own, headers].concat())
    }
}

impl Sent<'_> {
    /// Waits until the server says that the body is wanted; or for the answer, if
    /// that comes first.
    pub fn is_told_to_go_on(&mut self) -> bool {
        let told = poll_fn(|cx| self.answer.poll_informational(cx));
        let told = self
            .runtime
            .block_on(async { timeout(PATIENCE, told).await })
            .unwrap();
        told.is_some_and(|answer| answer.unwrap().status() == 100)
    }

    /// Sends more of the body.
    pub fn write(&mut self, bytes: &[u8]) {
        self.body
            .send_data(Bytes::copy_from_slice(bytes), false)
            .unwrap();
    }

    /// Sends so many bytes as the server gives room for them. Gives whether it
    /// took them all.
    pub fn is_taken(&mut self, count: usize) -> bool {
        let body = &mut self.body;
        let send = async {
            let mut left = count;
            while left > 0 {
                body.reserve_capacity(left);
                let Some(Ok(room)) = poll_fn(|cx| body.poll_capacity(cx)).await else {
                    return false;
                };
                let part = room.min(left);
                left -= part;
                if body.send_data(vec![0; part].into(), false).is_err() {
                    return false;
                }
            }
            true
        };
        self.runtime
            .block_on(async { timeout(PATIENCE, send).await })
            .unwrap()
    }

    /// Ends the body.
    pub fn end(&mut self) {
        self.body.send_data(Bytes::new(), true).unwrap();
    }

    /// Ends the body with trailers.
    pub fn end_with(&mut self, trailers: HeaderMap) {
        self.body.send_trailers(trailers).unwrap();
    }

    /// Takes the request back.
    pub fn reset(mut self) {
        self.body.send_reset(Reason::CANCEL);
    }

    /// Waits for the answer, whether or not the body has ended.
    pub fn answer(&mut self) -> Answer {
        let read = async {
            let (head, mut stream) = (&mut self.answer).await.unwrap().into_parts();
            let mut body = Vec::new();
            while let Some(chunk) = stream.data().await {
                body.extend_from_slice(&chunk.unwrap());
            }
            Answer {
                status: head.status.as_u16(),
                headers: head.headers,
                body: String::from_utf8(body).unwrap(),
            }
        };
        self.runtime
            .block_on(async { timeout(PATIENCE, read).await })
            .unwrap()
    }
}
