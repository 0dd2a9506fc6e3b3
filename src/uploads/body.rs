//! Bytes on their way from the client.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;

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
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
