//! Bytes on their way from the client.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;

use crate::store::{Algorithm, Checksum};

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The connection broke, or what came over it was no body.
    #[error("the connection broke")]
    Disconnected,
    /// The client sent nothing for too long.
    #[error("nothing came for too long")]
    Stalled,
    /// The body is larger than the server takes in one request.
    #[error("the body is too large")]
    TooLarge,
    /// Another request wants the upload and goes on in place of this one.
    #[error("another request took the upload over")]
    TakenOver,
    /// The server is stopping and takes no more.
    #[error("the server is stopping")]
    Stopping,
}

/// A stream of bytes that may break off.
pub type BodyStream<'a> = Pin<&'a mut (dyn Stream<Item = Result<Bytes, BodyError>> + 'a)>;

/// The bytes that a client sends for an upload.
pub struct Body<'a> {
    /// How many bytes there will be, if the client said.
    pub length: Option<u64>,
    /// The bytes. After an error it is not polled again.
    pub stream: BodyStream<'a>,
    /// What the bytes have to hash to. If there is anything, the bytes are
    /// stored all together or not at all.
    pub checksum: Option<Expectation<'a>>,
}

/// A checksum that a body has to have.
pub enum Expectation<'a> {
    /// It is known before the body is.
    Given(Checksum),
    /// It comes after the body: asked for once, when the stream has ended in
    /// order. `None` if it did not come or is none.
    ///
    /// As long as its algorithm is not known, the body is hashed by all of
    /// them, which costs several times as much.
    Late(Box<dyn FnOnce() -> Option<Checksum> + 'a>),
}

impl Expectation<'_> {
    /// How the body is to be hashed; by every algorithm if `None`.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Given(checksum) => Some(checksum.algorithm),
            Self::Late(_) => None,
        }
    }

    /// What is expected, now that the body has ended.
    pub(super) fn resolve(self) -> Option<Checksum> {
        match self {
            Self::Given(checksum) => Some(checksum),
            Self::Late(ask) => ask(),
        }
    }
}

impl fmt::Debug for Expectation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(checksum) => f.debug_tuple("Given").field(checksum).finish(),
            Self::Late(_) => f.write_str("Late"),
        }
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length)
            .field("checksum", &self.checksum)
            .finish_non_exhaustive()
    }
}
