//! The framing of a chunked body (RFC 9112, 7.1), followed byte by byte.
//!
//! The HTTP library takes such a body apart and throws the trailers away. This
//! reads along and keeps them. Both have to agree on where the body ends, so
//! nothing is accepted here that the library refuses, and wherever the library
//! is generous (it skips whatever stands in trailers) this is strict: what is
//! odd is malformed, and the connection ends. A test lets the two read the same
//! bytes.

use http::header::HeaderName;

use crate::tus::Headers;

/// Bytes of a line that says a chunk's size. What stands there besides the size
/// means nothing to anybody known.
const SIZE_LINE: usize = 1024;

/// Bytes of all trailers together. A checksum takes about a hundred.
const TRAILERS: usize = 8 << 10;

/// How far a chunked body has come.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// Bytes that are left of the chunk.
    size: u64,
    /// Bytes of the line with the size, or of the trailers.
    length: usize,
    /// The line of the trailers that comes.
    line: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// The first digit of a size.
    #[default]
    Size,
    /// More digits, or what ends them.
    Digits,
    /// The end of the line, or an extension.
    Blank,
    Extension,
    SizeLf,
    Bytes,
    BytesCr,
    BytesLf,
    /// A trailer, or the last line.
    Trailers,
    Trailer,
    TrailerLf,
    LastLf,
    Ended,
    Malformed,
}

impl Chunked {
    /// Reads on, up to the end of the body, and gives how many of `bytes` belong
    /// to it. Fewer than all do if it has ended or is malformed.
    pub(super) fn read(&mut self, bytes: &[u8]) -> usize {
        let mut left = bytes;
        while let Some((first, rest)) = left.split_first() {
            match self.state {
                State::Ended | State::Malformed => break,
                State::Bytes => left = self.skip(left),
                _ => {
                    self.state = self.next(*first);
                    if self.state == State::Malformed {
                        break;
                    }
                    left = rest;
                }
            }
        }
        bytes.len() - left.len()
    }

    /// Whether the body has come to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether what came is no chunked body.
    pub(super) fn is_malformed(&self) -> bool {
        self.state == State::Malformed
    }

    /// The trailers of a body that has ended.
    pub(super) fn into_trailers(self) -> Headers {
        self.trailers.into_iter().collect()
    }

    /// Skips bytes of a chunk.
    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let count = usize::try_from(self.size)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        self.size -= count as u64;
        if self.size == 0 {
            self.state = State::BytesCr;
        }
        bytes.split_at(count).1
    }

    fn next(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (State::Size, _) => {
                (self.size, self.length) = (0, 0);
                self.digit(byte)
            }
            (State::Digits | State::Blank, b'\t' | b' ') => self.within_line(State::Blank),
            (State::Digits | State::Blank, b';') => self.within_line(State::Extension),
            (State::Digits | State::Blank | State::Extension, b'\r') => State::SizeLf,
            (State::Digits, _) => self.digit(byte),
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.within_line(State::Extension),
            (State::SizeLf, b'\n') if self.size > 0 => State::Bytes,
            (State::SizeLf, b'\n') => {
                self.length = 0;
                State::Trailers
            }
            (State::BytesCr, b'\r') => State::BytesLf,
            (State::BytesLf, b'\n') => State::Size,
            (State::Trailers, b'\r') => State::LastLf,
            (State::Trailers, _) => {
                self.line.clear();
                self.trailer(byte)
            }
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::Trailer, _) => self.trailer(byte),
            (State::TrailerLf, b'\n') => self.end_trailer(),
            (State::LastLf, b'\n') => State::Ended,
            _ => State::Malformed,
        }
    }

    fn digit(&mut self, byte: u8) -> State {
        let digit = char::from(byte).to_digit(16);
        match (digit, self.size.checked_mul(16)) {
            (Some(digit), Some(size)) => {
                self.size = size + u64::from(digit);
                self.within_line(State::Digits)
            }
            _ => State::Malformed,
        }
    }

    /// Goes on to `state`, unless the line is too long.
    fn within_line(&mut self, state: State) -> State {
        self.length += 1;
        if self.length > SIZE_LINE {
            return State::Malformed;
        }
        state
    }

    fn trailer(&mut self, byte: u8) -> State {
        self.length += 1;
        if self.length > TRAILERS || !matches!(byte, b'\t' | b' '..=b'~' | 0x80..) {
            return State::Malformed;
        }
        self.line.push(byte);
        State::Trailer
    }

    fn end_trailer(&mut self) -> State {
        let mut parts = self.line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            return State::Malformed;
        };
        // It also is none if the line goes on the one before, or if there is a
        // blank before the colon.
        let Ok(name) = HeaderName::from_bytes(name) else {
            return State::Malformed;
        };
        let value = value.trim_ascii().to_vec();
        self.trailers.push((name.as_str().to_owned(), value));
        State::Trailers
    }
}

#[cfg(test)]
pub(super) mod tests;
