//! The bytes of large bodies, past the HTTP/1.1 library.
//!
//! The library reads a body in pieces of 8 to 64 KiB and moves them as its
//! buffer grows; half of the time of a large upload went there. So the
//! connection reads the bytes itself, in larger pieces, and gives the library as
//! many zeros. What the library then hands on only says that so many bytes came.
//! It still decides about everything: where the body ends, what comes next, when
//! the client is gone.
//!
//! A body that stalls keeps no large piece: what did not fill half of one is
//! copied out of it. With many bodies at once the pieces become smaller, so that
//! all together stay small.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use crate::uploads::BodyError;

/// A body goes past the library if it has this many bytes: fewer come with a few
/// reads, and it makes no difference.
pub(super) const LARGE: u64 = 64 * 1024;

/// The most that is read at once. A system call for each of these costs little
/// beside the copying of its bytes, and they still fit a processor's cache.
const PIECE: usize = 256 * 1024;

/// Pieces are never smaller: what a few packets bring.
const LEAST_PIECE: usize = 4 * 1024;

/// What the pieces of all bodies together should not exceed by much.
const ALL_PIECES: usize = 3 << 20;

/// The most zeros in the library's buffer at once. It keeps the buffer as long as
/// the connection lasts.
const ZEROS: usize = 64 * 1024;

/// And at the least, however many bodies there are: half of the buffer that the
/// library begins with.
const LEAST_ZEROS: usize = 4 * 1024;

/// What the zeros of all bodies together should not exceed by much.
const ALL_ZEROS: usize = 1 << 20;

/// Pieces that are kept for the next body: enough for one that comes as fast as
/// it can be written, while another is written.
const SPARE_PIECES: usize = 12;

/// Bodies that are under way in this process, whose memory it is.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Pieces that nobody needs at the moment. New memory costs more than all else
/// that is done with it.
static SPARE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// The connection's side.
#[derive(Debug, Default)]
pub(super) struct Bypass {
    /// Where the bytes of the present body go, if somebody wants them.
    to: Weak<Queue>,
    /// Bytes that came and that the library has no zeros for yet.
    owed: Cell<usize>,
    /// Zeros that the library was given in a row.
    given: Cell<usize>,
}

/// The side of whoever wants the body. The way is closed when it is dropped.
#[derive(Debug)]
pub(super) struct PastLibrary {
    from: Rc<Queue>,
    /// Bytes taken for which the library has handed on no zeros yet.
    ahead: u64,
}

#[derive(Debug)]
struct Queue(RefCell<VecDeque<Bytes>>);

impl Queue {
    fn new() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self(RefCell::default())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Bypass {
    /// Opens the way for a body of which no byte came yet.
    pub(super) fn open(&mut self) -> PastLibrary {
        let queue = Rc::new(Queue::new());
        self.to = Rc::downgrade(&queue);
        PastLibrary {
            from: queue,
            ahead: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.to.strong_count() > 0
    }

    /// Takes bytes that came.
    pub(super) fn put(&self, bytes: Bytes) {
        self.owed.set(self.owed.get() + bytes.len());
        if let Some(queue) = self.to.upgrade() {
            queue.0.borrow_mut().push_back(bytes);
        }
    }

    /// Gives the library zeros for what came, if it lacks any.
    pub(super) fn pay(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Option<Poll<io::Result<()>>> {
        let (owed, given) = (self.owed.get(), self.given.get());
        if owed == 0 {
            return None;
        }
        let most = share(ALL_ZEROS, LEAST_ZEROS, ZEROS);
        let room = match given {
            _ if most > LEAST_ZEROS => buf.remaining(),
            // With no more than this before it looks at them, the library moves
            // what it has to the front of its buffer instead of a larger one.
            0 => (buf.remaining() / 2).max(1),
            _ => 0,
        };
        let count = owed.min(room).min(most.saturating_sub(given));
        if count == 0 {
            // It shall first look at what it has.
            self.given.set(0);
            cx.waker().wake_by_ref();
            return Some(Poll::Pending);
        }
        buf.initialize_unfilled_to(count);
        buf.advance(count);
        self.owed.set(owed - count);
        self.given.set(given + count);
        Some(Poll::Ready(Ok(())))
    }
}

impl PastLibrary {
    /// The next bytes that came.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        let bytes = self.from.0.borrow_mut().pop_front()?;
        self.ahead += bytes.len() as u64;
        Some(bytes)
    }

    /// Compares what was taken with `zeros` that the library handed on. An error
    /// if it has seen more bytes of the body than came.
    pub(super) fn settle(&mut self, zeros: &[u8]) -> Result<(), BodyError> {
        let ahead = self.ahead.checked_sub(zeros.len() as u64);
        self.ahead = ahead.ok_or(BodyError::Disconnected)?;
        Ok(())
    }

    /// An error if it has seen fewer, now that it has seen the body's end.
    pub(super) fn end(&self) -> Result<(), BodyError> {
        if self.ahead > 0 {
            return Err(BodyError::Disconnected);
        }
        Ok(())
    }
}

/// Reads as much as there is, at most `limit`. Nothing at the end.
pub(super) fn read<T: AsyncRead + Unpin>(
    io: &mut T,
    cx: &mut Context<'_>,
    limit: u64,
) -> Poll<io::Result<Bytes>> {
    let most = share(ALL_PIECES, LEAST_PIECE, PIECE).min(usize::try_from(limit).unwrap_or(PIECE));
    let mut piece = Piece::spare();
    let (room, _) = piece.0.split_at_mut(most.min(PIECE));
    let mut buf = ReadBuf::new(room);
    ready!(Pin::new(io).poll_read(cx, &mut buf))?;
    let count = buf.filled().len();
    Poll::Ready(Ok(if count < PIECE / 2 {
        Bytes::copy_from_slice(buf.filled())
    } else {
        Bytes::from_owner(piece).slice(..count)
    }))
}

/// What each of the bodies under way can have of what is there for all.
pub(super) fn share(all: usize, least: usize, most: usize) -> usize {
    let each = all / OPEN.load(Ordering::Relaxed).max(1);
    each.clamp(least, most)
}

/// Memory for [`PIECE`] bytes.
struct Piece(Box<[u8]>);

impl Piece {
    fn spare() -> Self {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self(spare.unwrap_or_else(|| vec![0; PIECE].into()))
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE_PIECES {
            spare.push(std::mem::take(&mut self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio_util::sync::CancellationToken;

    use super::super::connection::Connection;
    use super::super::framing::BodyFraming;
    use super::super::gate::Gate;
    use super::*;

    const HEAD: &[u8] = b"PATCH / HTTP/1.1\r\n\r\n";
    const BODY: usize = 700_001;

    fn body() -> Vec<u8> {
        (0..BODY).map(|place| (place % 251) as u8).collect()
    }

    /// A connection, and its client, which sends `bytes` and closes.
    fn connection(bytes: Vec<u8>) -> Connection<DuplexStream> {
        let (mut client, server) = duplex(300_000);
        tokio::spawn(async move { client.write_all(&bytes).await });
        let connection = Connection::new(server, &CancellationToken::new(), None);
        connection.follow_http1();
        connection
    }

    async fn read_head(connection: &mut Connection<DuplexStream>) -> Gate {
        let mut head = [0; HEAD.len()];
        connection.read_exact(&mut head).await.unwrap();
        assert_eq!(head, HEAD);
        connection.gate().clone()
    }

    #[tokio::test]
    async fn the_bytes_of_a_large_body_go_past_and_as_many_others_do_not() {
        let mut connection = connection([HEAD, &body(), HEAD].concat());
        let gate = read_head(&mut connection).await;
        let busy = gate.begin(BodyFraming::Bytes(BODY as u64));
        let mut past = gate.bypass().unwrap();
        let (mut came, mut zeros) = (Vec::new(), 0);
        let mut buffer = vec![1; 100_000];
        while zeros < BODY {
            let count = connection.read(&mut buffer).await.unwrap();
            assert!(count > 0);
            while let Some(bytes) = past.take() {
                came.extend(bytes);
            }
            past.settle(&buffer[..count]).unwrap();
            zeros += count;
        }
        assert_eq!(zeros, BODY);
        past.end().unwrap();
        assert!(came == body());
        drop((past, busy));
        read_head(&mut connection).await;
    }

    #[tokio::test]
    async fn what_nobody_takes_the_library_has_to_read() {
        let mut connection = connection([HEAD, &body()].concat());
        let gate = read_head(&mut connection).await;
        let _busy = gate.begin(BodyFraming::Bytes(BODY as u64));
        let past = gate.bypass().unwrap();
        let mut part = vec![0; 10_000];
        connection.read_exact(&mut part).await.unwrap();
        drop(past);
        let mut rest = Vec::new();
        connection.read_to_end(&mut rest).await.unwrap();
        assert_eq!(part.len() + rest.len(), BODY);
        assert_eq!(rest.last(), body().last());
    }

    #[tokio::test]
    async fn a_small_body_is_left_to_the_library() {
        let mut connection = connection([HEAD, b"small"].concat());
        let gate = read_head(&mut connection).await;
        let _busy = gate.begin(BodyFraming::Bytes(5));
        assert!(gate.bypass().is_none());
        let mut small = [0; 5];
        connection.read_exact(&mut small).await.unwrap();
        assert_eq!(&small, b"small");
    }

    #[test]
    fn a_library_that_counts_otherwise_is_noticed() {
        let mut bypass = Bypass::default();
        let mut past = bypass.open();
        bypass.put(Bytes::from_static(b"abc"));
        assert_eq!(past.settle(b"0"), Err(BodyError::Disconnected));
        assert_eq!(past.take().unwrap(), "abc");
        assert_eq!(past.end(), Err(BodyError::Disconnected));
        past.settle(b"000").unwrap();
        assert_eq!(past.end(), Ok(()));
    }
}
