//! The framing and the HTTP library read the same bytes.

use actix_http::h1::{Codec, Message};
use actix_http::{HttpMessage as _, ServiceConfig};
use bytes::BytesMut;
use tokio_util::codec::Decoder as _;

use super::{BodyFraming, Framing, Headers, State};

/// The library, and how far it has come.
struct Library {
    codec: Codec,
    bytes: BytesMut,
}

/// What the library makes of bytes.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// A request with such a body begins.
    Request(BodyFraming),
    /// A body ended.
    End,
    /// More is needed.
    More,
    /// This is no HTTP.
    Error,
}

impl Library {
    fn new(config: &ServiceConfig) -> Self {
        Self {
            codec: Codec::new(config.clone()),
            bytes: BytesMut::new(),
        }
    }

    /// The next thing that is not just a part of a body.
    fn next(&mut self) -> Said {
        loop {
            return match self.codec.decode(&mut self.bytes) {
                Ok(Some(Message::Chunk(Some(_)))) => continue,
                Ok(Some(Message::Item(request))) => {
                    Said::Request(BodyFraming::of(request.method(), request.headers()))
                }
                Ok(Some(Message::Chunk(None))) => Said::End,
                Ok(None) => Said::More,
                Err(_) => Said::Error,
            };
        }
    }
}

/// Lets both read the same bytes and compares. Gives the bodies that ended.
/// Requests are answered `early`, before their bodies came, or after that.
pub(in crate::server) fn compare<'a>(
    config: &ServiceConfig,
    pieces: impl Iterator<Item = &'a [u8]>,
    early: bool,
) -> Vec<Option<Headers>> {
    let mut library = Library::new(config);
    let mut framing = Framing::of_new_connection();
    let mut bodies = Vec::new();
    for mut piece in pieces {
        while !piece.is_empty() {
            let taken = framing.follow(piece);
            let (handed_on, rest) = piece.split_at(taken);
            library.bytes.extend_from_slice(handed_on);
            piece = rest;
            loop {
                let held = matches!(framing.state, State::Held);
                match library.next() {
                    Said::Request(body) => {
                        assert!(held && library.bytes.is_empty());
                        framing.begin(body);
                        if early || body == BodyFraming::Bytes(0) {
                            framing.answered();
                        }
                    }
                    Said::End => {
                        bodies.push(framing.take_trailers());
                        assert!(early || library.bytes.is_empty());
                        framing.answered();
                    }
                    Said::Error => return bodies,
                    Said::More => {
                        assert!(!held, "the library needs more");
                        break;
                    }
                }
            }
            if framing.is_broken() {
                return bodies;
            }
        }
    }
    // Where a body ends for one it ends for the other.
    match &framing.state {
        State::Head(_) | State::Unknown => {}
        _ => assert!(library.bytes.is_empty(), "{framing:?}"),
    }
    bodies
}
