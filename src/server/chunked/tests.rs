use proptest::prelude::*;

use super::*;

/// Pieces of `bytes`, each with where it begins; the lengths come in turns.
pub(in crate::server) fn split<'a>(
    bytes: &'a [u8],
    lengths: &'a [usize],
) -> impl Iterator<Item = (usize, &'a [u8])> {
    let mut lengths = lengths.iter().cycle();
    let mut place = 0;
    std::iter::from_fn(move || {
        let left = &bytes[place..];
        let length = (*lengths.next()?).min(left.len());
        place += length;
        (length > 0).then(|| (place - length, &left[..length]))
    })
}

/// Chunks as they should be, and as they should not.
pub(in crate::server) fn odd_chunks() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "0\r\n",
        "0\r\n\r\n",
        "\r\n",
        "5\r\nabcde\r\n",
        "1;x=y\r\na\r\n",
        "2 \r\n\r\n\r\n",
        "A: b\r\n",
        "Upload-Checksum: sha1 YQ==\r\n",
        "\n",
        "\r",
        "g",
        "00",
        ";",
        ":",
        " ",
        "ffffffffffffffff",
        "\0",
    ]);
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat().into_bytes())
}

/// What becomes of bytes that come in pieces, cut after so many bytes each.
fn read(bytes: &[u8], pieces: &[usize]) -> (usize, Chunked) {
    let mut chunked = Chunked::default();
    let mut read = 0;
    for (_, piece) in split(bytes, pieces) {
        let taken = chunked.read(piece);
        read += taken;
        if taken < piece.len() {
            assert!(chunked.has_ended() || chunked.is_malformed());
            break;
        }
    }
    (read, chunked)
}

fn trailers(bytes: &str) -> Option<Vec<(String, String)>> {
    let (read, chunked) = read(bytes.as_bytes(), &[1]);
    let ended = chunked.has_ended() && read == bytes.len();
    ended.then(|| chunked.into_trailers().to_text())
}

#[test]
fn a_body_ends_with_its_trailers() {
    let checksum = ("upload-checksum".to_owned(), "sha1 YQ==".to_owned());
    let other = ("x".to_owned(), "a: b".to_owned());
    for (bytes, expected) in [
        ("0\r\n\r\n", vec![]),
        ("1\r\na\r\n0\r\n\r\n", vec![]),
        ("1 ;a=\"b\"\r\na\r\n00;c\r\n\r\n", vec![]),
        (
            "A\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\nUpload-Checksum: sha1 YQ==\r\n\r\n",
            vec![checksum.clone()],
        ),
        (
            "0\r\nX:a: b \r\nupload-checksum:\tsha1 YQ==\r\n\r\n",
            vec![other, checksum],
        ),
    ] {
        assert_eq!(trailers(bytes), Some(expected), "{bytes:?}");
    }
}

#[test]
fn what_is_odd_is_malformed() {
    let long = format!("1;{}\r\n", "a".repeat(SIZE_LINE));
    let zeros = format!("{}1\r\n", "0".repeat(SIZE_LINE));
    let large = format!("0\r\nX: {}\r\n", "a".repeat(TRAILERS));
    let many = format!("0\r\n{}", "X:a\r\n".repeat(TRAILERS / 3 + 1));
    for bytes in [
        "\r\n",
        " 1\r\n",
        "g\r\n",
        "1g\r\n",
        "1 1\r\n",
        "0x1\r\n",
        "-1\r\n",
        "1\n",
        "1\r\r\n",
        "1;\n\r\n",
        "1;\0\r\n",
        "10000000000000000\r\n",
        "1\r\nab\r\n",
        "1\r\na\n",
        "1\r\na\r\r\n",
        "0\r\n\n",
        "0\r\n\r\r\n",
        "0\r\nX\r\n",
        "0\r\n: a\r\n",
        "0\r\nX : a\r\n",
        "0\r\n X: a\r\n",
        "0\r\nX: a\r\n b\r\n",
        "0\r\nX: a\n\r\n",
        "0\r\nX: a\rb\r\n",
        "0\r\nX: \0\r\n",
        &long,
        &zeros,
        &large,
        &many,
    ] {
        let (read, chunked) = read(bytes.as_bytes(), &[1]);
        assert!(chunked.is_malformed() && read < bytes.len(), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn it_does_not_matter_how_bytes_are_split(
        bytes in odd_chunks(),
        pieces in prop::collection::vec(1..20_usize, 1..10),
    ) {
        let (read_whole, whole) = read(&bytes, &[usize::MAX]);
        let (read_split, split) = read(&bytes, &pieces);
        prop_assert_eq!(read_whole, read_split);
        prop_assert_eq!(format!("{whole:?}"), format!("{split:?}"));
    }

    #[test]
    fn any_bytes_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        pieces in prop::collection::vec(1..20_usize, 1..10),
    ) {
        let (read, _) = read(&bytes, &pieces);
        prop_assert!(read <= bytes.len());
    }

    #[test]
    fn what_was_written_is_read(
        chunks in prop::collection::vec(
            ("0{0,3}", "|;[ -~]{0,20}", prop::collection::vec(any::<u8>(), 1..300)),
            0..5,
        ),
        fields in prop::collection::vec(("[A-Za-z-]{1,20}", "([!-~]([ -~]{0,50}[!-~])?)?"), 0..5),
        pieces in prop::collection::vec(1..20_usize, 1..10),
        rest in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = Vec::new();
        for (zeros, extension, content) in &chunks {
            bytes.extend(format!("{zeros}{:X}{extension}\r\n", content.len()).bytes());
            bytes.extend(content);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n");
        for (name, value) in &fields {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        bytes.extend(b"\r\n");
        let length = bytes.len();
        bytes.extend(rest);
        let (read, chunked) = read(&bytes, &pieces);
        prop_assert_eq!(read, length);
        prop_assert!(chunked.has_ended());
        let expected: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        prop_assert_eq!(chunked.into_trailers().to_text(), expected);
    }
}
