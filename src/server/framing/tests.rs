use actix_http::ServiceConfig;
use actix_web::rt::System;
use proptest::prelude::*;

use super::super::chunked::tests::{odd_chunks, split};
use super::*;

thread_local! {
    /// It starts a clock, which takes a runtime.
    static CONFIG: ServiceConfig = System::new().block_on(async { ServiceConfig::default() });
}

/// Lets both read the same bytes and compares, as [`compare::compare`] does.
fn compare(bytes: &[u8], pieces: &[usize], early: bool) -> Vec<Option<Headers>> {
    let pieces = split(bytes, pieces).map(|(_, piece)| piece);
    CONFIG.with(|config| compare::compare(config, pieces, early))
}

const CHUNKED: &str = "PATCH /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

fn fields(text: &str) -> Option<Headers> {
    let field = ("x".to_owned(), text.as_bytes().to_vec());
    Some(Headers::from_iter([field]))
}

#[test]
fn requests_are_told_apart_however_they_are_split() {
    let bytes = [
        "\r\n\nOPTIONS /a HTTP/1.1\nHost: h\n\n",
        CHUNKED,
        "5\r\n\r\n\r\n0\r\n0\r\nX: 1\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n\r\n\r\n",
        CHUNKED,
        "0\r\n\r\n",
        CHUNKED,
        "0\r\nx:2\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        CHUNKED,
        "3\r\nabc\r\n0\r\nx: 3 \r\n\r\n",
    ]
    .concat();
    let expected = [
        fields("1"),
        None,
        Some(Headers::default()),
        fields("2"),
        fields("3"),
    ];
    for length in 1..bytes.len() {
        for early in [false, true] {
            let bodies = compare(bytes.as_bytes(), &[length], early);
            assert_eq!(bodies, expected, "{length} {early}");
        }
    }
}

#[test]
fn a_head_waits_for_the_answer_before() {
    let mut framing = Framing::of_new_connection();
    assert_eq!(framing.follow(b"A\n\n1B\n\n"), 3);
    framing.begin(BodyFraming::Bytes(1));
    assert_eq!(framing.follow(b"1B\n\n"), 1);
    framing.answered();
    assert_eq!(framing.follow(b"B\n\nC"), 3);
    framing.begin(BodyFraming::Bytes(1));
    framing.answered();
    assert_eq!(framing.follow(b"2C\n\n"), 4);
}

#[test]
fn a_request_that_nobody_expects_breaks_the_connection() {
    let mut framing = Framing::of_new_connection();
    framing.begin(BodyFraming::Bytes(0));
    assert!(framing.is_broken());
    assert_eq!(framing.follow(b"a"), 0);
}

#[test]
fn what_follows_an_upgrade_is_nobodys_business() {
    let mut framing = Framing::of_new_connection();
    assert_eq!(framing.follow(b"CONNECT a:1 HTTP/1.1\n\nb\n\nc"), 22);
    framing.begin(BodyFraming::Endless);
    assert_eq!(framing.follow(b"b\n\nc"), 4);
    assert_eq!(framing.take_trailers(), None);
}

/// Heads as they should be, and as they should not.
fn odd_heads() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "OPTIONS /a HTTP/1.1\r\n",
        "GET /a HTTP/1.0\n",
        "CONNECT a:1 HTTP/1.1\r\n",
        "Host: h\r\n",
        "Host: h\n",
        "X: y\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding: Chunked \r\n",
        "Transfer-Encoding: identity\r\n",
        "Connection: upgrade\r\nUpgrade: WebSocket\r\n",
        "Expect: 100-continue\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        "abc",
        "\r\n\r\n",
    ]);
    prop::collection::vec(part, 0..7).prop_map(|parts| parts.concat().into_bytes())
}

/// Messages one after the other, and what is none.
fn odd_messages() -> impl Strategy<Value = Vec<u8>> {
    let head = prop::sample::select(vec![
        CHUNKED,
        "POST /a HTTP/1.1\nHost: h\nContent-Length: 3\n\n",
        "POST /a HTTP/1.1\nHost: h\nContent-Length: 0\n\n",
        "OPTIONS /a HTTP/1.0\r\n\r\n",
        "GET /a HTTP/1.1\nHost: h\nUpgrade: x\nUpgrade: websocket\nContent-Length: 1\n\n",
        "CONNECT a:1 HTTP/1.1\nHost: h\n\n",
        "CONNECT a:1 HTTP/1.1\nHost: h\nContent-Length: 3\n\n",
        "PATCH /a HTTP/1.1\nHost: h\nExpect: 100-continue\nTransfer-Encoding: chunked\n\n",
    ])
    .prop_map(|head| head.as_bytes().to_vec());
    let part =
        prop_oneof![3 => head, 1 => odd_heads(), 3 => odd_chunks(), 1 => Just(b"abc".to_vec())];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn the_library_sees_the_same_messages(
        bytes in odd_messages(),
        pieces in prop::collection::vec(1..40_usize, 1..10),
        early: bool,
    ) {
        let split = compare(&bytes, &pieces, early);
        let whole = compare(&bytes, &[usize::MAX], early);
        prop_assert_eq!(split, whole);
    }
}
