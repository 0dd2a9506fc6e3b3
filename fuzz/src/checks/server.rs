//! Bytes of connections, and what proxies write.

use actix_http::ServiceConfig;

use super::chunked::Chunked;
use super::framing::compare::compare;
use super::proxy::{Forwarded, is_authority};
use crate::checks::lines;
use crate::tus::Headers;

/// The pieces in which bytes come: of so many each, in turns.
fn pieces(lengths: [u8; 3], bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut lengths = lengths.into_iter().cycle();
    let mut left = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(lengths.next()?).saturating_add(1);
        let (piece, rest) = left.split_at(length.min(left.len()));
        left = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// How bytes are split, and the bytes.
fn split(input: &[u8]) -> Option<([u8; 3], &[u8])> {
    let (lengths, bytes) = input.split_first_chunk()?;
    Some((*lengths, bytes))
}

/// A chunked body: it does not matter how its bytes are split, and not more is
/// read than belongs to it.
pub fn chunked(input: &[u8]) {
    let Some((lengths, bytes)) = split(input) else {
        return;
    };
    let mut whole = Chunked::default();
    let read = whole.read(bytes);
    assert!(read == bytes.len() || whole.has_ended() || whole.is_malformed());
    assert!(!(whole.has_ended() && whole.is_malformed()));

    let mut split = Chunked::default();
    let mut read_split = 0;
    for piece in pieces(lengths, bytes) {
        let taken = split.read(piece);
        read_split += taken;
        if taken < piece.len() {
            break;
        }
    }
    assert_eq!(read, read_split);
    assert_eq!(format!("{whole:?}"), format!("{split:?}"));
    if whole.has_ended() {
        // It ended by itself, and not because of what follows.
        let mut again = Chunked::default();
        assert_eq!(again.read(&bytes[..read]), read);
        assert!(again.has_ended());
        assert_eq!(again.into_trailers(), whole.into_trailers());
    }
}

thread_local! {
    /// It starts a clock, which takes a runtime.
    static CONFIG: ServiceConfig =
        actix_rt::System::new().block_on(async { ServiceConfig::default() });
}

/// The messages of a connection: the HTTP library sees the same, however their
/// bytes are split.
pub fn framing(input: &[u8]) {
    let Some((lengths, bytes)) = split(input) else {
        return;
    };
    for early in [false, true] {
        let [whole, split] = [[u8::MAX; 3], lengths].map(|lengths| {
            CONFIG.with(|config| compare(config, pieces(lengths, bytes), early))
        });
        assert_eq!(whole, split);
    }
}

/// `Forwarded` and `X-Forwarded-*`. The lines are the values of the fields.
pub fn forwarded(input: &[u8]) {
    let [forwarded, client, host, proto, prefix] = lines(input);
    let fields = [
        ("forwarded", forwarded),
        ("x-forwarded-for", client),
        ("x-forwarded-host", host),
        ("x-forwarded-proto", proto),
        ("x-forwarded-prefix", prefix),
    ];
    let headers: Headers = fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    let read = Forwarded::read(&headers);
    if let Some(host) = &read.host {
        assert!(is_authority(host) && !host.contains(['/', '@', ' ']));
    }
    if let Some(prefix) = &read.prefix {
        assert!(prefix.is_empty() || prefix.starts_with('/') && !prefix.ends_with('/'));
        assert!(prefix.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
