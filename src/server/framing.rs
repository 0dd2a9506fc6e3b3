//! Where the messages on an HTTP/1.1 connection begin and end, and the trailers
//! between them.
//!
//! The HTTP library decides; this keeps step with it. No byte behind an empty
//! line, which is where a head can end, is handed to the library before it has
//! said what it took the head for. So both stand at the same byte when a body
//! begins, and nothing about heads has to be understood a second time.
//!
//! The next head is held back until the request before it is answered: the
//! library confuses the two, and closes the connection because the next body
//! has not come.

use actix_http::Method;
use actix_http::header::{HeaderMap, HeaderValue};

use super::chunked::Chunked;
use crate::tus::Headers;

/// How a body is framed, as the library sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// So many bytes; none if there is no body.
    Bytes(u64),
    /// In chunks.
    Chunked,
    /// All that comes.
    Endless,
}

impl BodyFraming {
    /// How the library frames the body of a request that it took for one.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let is_websocket = |value: &HeaderValue| {
            let value = value.to_str().map(str::trim);
            value.is_ok_and(|value| value.eq_ignore_ascii_case("websocket"))
        };
        let length = headers
            .get("content-length")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .unwrap_or(0);
        if headers.contains_key("transfer-encoding") {
            Self::Chunked
        } else if headers.get_all("upgrade").any(is_websocket)
            || (method == Method::CONNECT && length == 0)
        {
            Self::Endless
        } else {
            Self::Bytes(length)
        }
    }
}

/// How far the bytes of a connection have come.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    /// Whether the last request is answered.
    answered: bool,
    /// The trailers of the last body.
    trailers: Option<Headers>,
}

#[derive(Debug, Default)]
enum State {
    /// Nobody keeps step.
    #[default]
    Unknown,
    Head(Head),
    /// There is a whole head, and the library has not said what it is.
    Held,
    Bytes(u64),
    Chunked(Chunked),
    /// The end: it is not sure what comes.
    Broken,
}

/// How far a head has come.
#[derive(Debug, Default)]
struct Head {
    /// Whether anything came. Empty lines before it do not count (RFC 9112,
    /// 2.2).
    has_begun: bool,
    line: Line,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Empty,
    /// A carriage return and nothing else.
    Return,
    Text,
}

impl Framing {
    /// Of a connection over which nothing has come yet.
    pub(super) fn of_new_connection() -> Self {
        Self {
            state: State::Head(Head::default()),
            answered: true,
            trailers: None,
        }
    }

    /// Gives how many of `bytes`, which come next, can be handed on; fewer than
    /// all if the library has to say something first, or if it is the end.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut left = bytes;
        while !left.is_empty() {
            let taken = match &mut self.state {
                State::Unknown => left.len(),
                State::Held | State::Broken => break,
                State::Head(_) if !self.answered => break,
                State::Head(head) => match head.read(left) {
                    Some(end) => {
                        self.state = State::Held;
                        end
                    }
                    None => left.len(),
                },
                State::Bytes(size) => {
                    let taken = usize::try_from(*size).unwrap_or(usize::MAX).min(left.len());
                    self.follow_body(taken as u64);
                    taken
                }
                State::Chunked(chunked) => {
                    let taken = chunked.read(left);
                    self.after_chunks();
                    taken
                }
            };
            left = left.split_at(taken).1;
        }
        bytes.len() - left.len()
    }

    fn after_chunks(&mut self) {
        match std::mem::take(&mut self.state) {
            State::Chunked(chunked) if chunked.has_ended() => {
                self.trailers = Some(chunked.into_trailers());
                self.state = State::Head(Head::default());
            }
            State::Chunked(chunked) if chunked.is_malformed() => self.state = State::Broken,
            other => self.state = other,
        }
    }

    /// Says that the library took what was handed on for the head of a request.
    pub(super) fn begin(&mut self, body: BodyFraming) {
        self.trailers = None;
        self.answered = false;
        self.state = match (&self.state, body) {
            (State::Unknown, _) | (State::Held, BodyFraming::Endless) => State::Unknown,
            (State::Held, BodyFraming::Bytes(0)) => State::Head(Head::default()),
            (State::Held, BodyFraming::Bytes(size)) => State::Bytes(size),
            (State::Held, BodyFraming::Chunked) => State::Chunked(Chunked::default()),
            _ => State::Broken,
        };
    }

    /// How many bytes of a body come next, if that is known.
    pub(super) fn body_left(&self) -> u64 {
        match self.state {
            State::Bytes(size) => size,
            _ => 0,
        }
    }

    /// Counts `bytes` of a body, at most [`body_left`](Self::body_left), as handed
    /// on.
    pub(super) fn follow_body(&mut self, bytes: u64) {
        if let State::Bytes(size) = &mut self.state {
            *size = size.saturating_sub(bytes);
            if *size == 0 {
                self.state = State::Head(Head::default());
            }
        }
    }

    /// Says that the request is answered.
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    /// The trailers of the body that ended just now; `None` if it is not known
    /// to have ended, or was not chunked.
    pub(super) fn take_trailers(&mut self) -> Option<Headers> {
        self.trailers.take()
    }

    /// Whether it is not sure any more what comes.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken)
    }
}

impl Head {
    /// Reads on. Gives how many bytes there are up to the end of the head, if it
    /// is among them.
    fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        for (place, byte) in bytes.iter().enumerate() {
            match (self.line, byte) {
                (Line::Text, b'\n') => self.line = Line::Empty,
                (Line::Empty | Line::Return, b'\n') if self.has_begun => return Some(place + 1),
                (Line::Empty | Line::Return, b'\n') => self.line = Line::Empty,
                (Line::Empty, b'\r') => self.line = Line::Return,
                (Line::Empty | Line::Return, _) => {
                    self.has_begun = true;
                    self.line = Line::Text;
                }
                (Line::Text, _) => {}
            }
        }
        None
    }
}

// Where it lies is said for `fuzz`, which takes this file into a crate of its own.
#[cfg(any(test, fuzzing))]
#[path = "framing/compare.rs"]
pub(super) mod compare;
#[cfg(test)]
mod tests;
