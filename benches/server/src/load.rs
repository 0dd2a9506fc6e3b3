//! The load of many small requests: kept connections on one thread, each one
//! request at a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::answer;
use crate::connection::creation;
use crate::plan::CONNECTIONS;

/// How long one turn may take: twenty thousand of the slowest creations.
const PATIENCE: Duration = Duration::from_secs(300);

/// The length of the uploads that are created and never sent.
const LENGTH: u64 = 123_456_789;

/// Creates `count` uploads. Returns how long it took, from the first request
/// to the last answer.
pub(crate) fn create(address: SocketAddr, count: usize) -> Result<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime
        .block_on(async { timeout(PATIENCE, create_all(address, count)).await })
        .context("the creations took too long")?
}

async fn create_all(address: SocketAddr, count: usize) -> Result<Duration> {
    let left = Arc::new(AtomicUsize::new(count));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address)
            .await
            .context("cannot connect")?;
        stream.set_nodelay(true)?;
        connections.push(stream);
    }
    let request: Arc<str> = creation(address, LENGTH).into();
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for stream in connections {
        tasks.spawn(create_some(stream, Arc::clone(&request), Arc::clone(&left)));
    }
    while let Some(done) = tasks.join_next().await {
        done.context("a connection's task")??;
    }
    Ok(begun.elapsed())
}

/// Creates uploads until none is left to create.
async fn create_some(
    mut stream: TcpStream,
    request: Arc<str>,
    left: Arc<AtomicUsize>,
) -> Result<()> {
    let mut buffer = Vec::with_capacity(4096);
    let take_one = |left: usize| left.checked_sub(1);
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one)
        .is_ok()
    {
        stream
            .write_all(request.as_bytes())
            .await
            .context("cannot send a creation")?;
        buffer.clear();
        loop {
            if stream.read_buf(&mut buffer).await.context("no answer")? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(answer) = answer::parse(&buffer)? {
                answer.expect(201).context("a creation")?;
                break;
            }
        }
    }
    Ok(())
}
