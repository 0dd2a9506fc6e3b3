//! The load of many requests: kept connections on one thread, each one request
//! at a time.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes};
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::{self, Answer};
use crate::connection::creation;
use crate::plan::CONNECTIONS;

/// How long one turn may take: a hundred thousand creations of a slow server.
const PATIENCE: Duration = Duration::from_secs(300);

/// The length of the uploads that are created and never sent.
const LENGTH: u64 = 123_456_789;

/// Writes the head of the request that has this number on its connection.
pub(crate) type Head = Box<dyn FnMut(u64, &mut String)>;

/// What one connection asks.
pub(crate) struct Lane {
    /// How each request begins.
    pub(crate) head: Head,
    /// What follows each head.
    pub(crate) body: Bytes,
    /// The status of every answer.
    pub(crate) expected: u16,
    /// Whether the requests are HEADs.
    pub(crate) is_head: bool,
}

/// Uploads that were created.
pub(crate) struct Created {
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// Their paths, in no order.
    pub(crate) paths: Vec<String>,
}

/// Creates `count` uploads.
pub(crate) fn create(address: SocketAddr, count: usize) -> Result<Created> {
    let request: Arc<str> = creation(address, LENGTH).into();
    let lane = |_| {
        let request = Arc::clone(&request);
        Lane {
            head: Box::new(move |_, head| head.push_str(&request)),
            body: Bytes::new(),
            expected: 201,
            is_head: false,
        }
    };
    let lanes = (0..CONNECTIONS).map(lane).collect();
    let mut paths = Vec::with_capacity(count);
    let took = run(address, count, lanes, |answer| {
        paths.push(answer.location()?.to_owned());
        Ok(())
    })?;
    Ok(Created { took, paths })
}

/// Asks for the state of `paths` in turns, `count` times. Returns how long it
/// took.
pub(crate) fn head(address: SocketAddr, count: usize, paths: &[String]) -> Result<Duration> {
    let paths: Arc<[String]> = paths.into();
    let lane = |number: usize| {
        let paths = Arc::clone(&paths);
        Lane {
            head: Box::new(move |request, head| {
                let next = number + CONNECTIONS * request as usize;
                if let Some(path) = paths.get(next % paths.len().max(1)) {
                    head.push_str("HEAD ");
                    head.push_str(path);
                    head.push_str(" HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n\r\n");
                }
            }),
            body: Bytes::new(),
            expected: 200,
            is_head: true,
        }
    };
    let lanes = (0..CONNECTIONS).map(lane).collect();
    run(address, count, lanes, |_| Ok(()))
}

/// Asks `count` times over all `lanes` together and gives every answer to
/// `see`. Returns the time from the first request to the last answer.
pub(crate) fn run(
    address: SocketAddr,
    count: usize,
    lanes: Vec<Lane>,
    see: impl FnMut(&Answer<'_>) -> Result<()>,
) -> Result<Duration> {
    on_one_thread(async { timeout(PATIENCE, ask(address, count, lanes, see)).await })?
        .context("the requests took too long")?
}

/// Does `work` on this thread.
pub(crate) fn on_one_thread<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    Ok(runtime.block_on(work))
}

async fn ask(
    address: SocketAddr,
    count: usize,
    lanes: Vec<Lane>,
    see: impl FnMut(&Answer<'_>) -> Result<()>,
) -> Result<Duration> {
    let mut streams = Vec::new();
    for lane in lanes {
        let stream = TcpStream::connect(address)
            .await
            .context("cannot connect")?;
        stream.set_nodelay(true)?;
        streams.push((stream, lane));
    }
    let left = Cell::new(count);
    let see = RefCell::new(see);
    let begun = Instant::now();
    let asked = streams
        .into_iter()
        .map(|(stream, lane)| ask_some(stream, lane, &left, &see));
    try_join_all(asked).await?;
    Ok(begun.elapsed())
}

/// Asks until nobody has anything left to ask.
async fn ask_some(
    mut stream: TcpStream,
    mut lane: Lane,
    left: &Cell<usize>,
    see: &RefCell<impl FnMut(&Answer<'_>) -> Result<()>>,
) -> Result<()> {
    let mut head = String::new();
    let mut buffer = Vec::with_capacity(4096);
    let mut number = 0;
    while let Some(others) = left.get().checked_sub(1) {
        left.set(others);
        head.clear();
        (lane.head)(number, &mut head);
        number += 1;
        let mut request = Buf::chain(head.as_bytes(), lane.body.clone());
        stream
            .write_all_buf(&mut request)
            .await
            .context("cannot send a request")?;
        let is_head = lane.is_head;
        read_answer(&mut stream, &mut buffer, is_head, |answer| {
            answer.expect(lane.expected)?;
            (*see.borrow_mut())(answer)
        })
        .await?;
    }
    Ok(())
}

/// Reads one answer; `buffer` is room for it.
pub(crate) async fn read_answer(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    to_head: bool,
    see: impl FnOnce(&Answer<'_>) -> Result<()>,
) -> Result<()> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await.context("no answer")? == 0 {
            bail!("the server closed the connection");
        }
        if let Some(answer) = answer::parse(buffer, to_head)? {
            return see(&answer);
        }
    }
}
