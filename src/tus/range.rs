//! `Range` (RFC 9110, 14): which part of an upload a client wants.
//!
//! One part is given; several are answered with the whole, which every client
//! must be able to take. What cannot be understood does not count.

use std::ops::Range;

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// At least one byte, from the first to the one before the last.
    Some(Range<u64>),
    /// There is no such part.
    Unsatisfiable,
}

/// The part of `length` bytes that the value of a `Range` field asks for. Total:
/// any text gives an answer.
pub(super) fn part(value: &str, length: u64) -> Part {
    match wanted(value) {
        // Nothing can be said of a part of nothing in `Content-Range`.
        Some(Wanted::Last(1..)) if length == 0 => Part::Whole,
        Some(Wanted::Last(0)) => Part::Unsatisfiable,
        Some(Wanted::Last(count)) => Part::Some(length.saturating_sub(count)..length),
        Some(Wanted::From(first, _)) if first >= length => Part::Unsatisfiable,
        Some(Wanted::From(first, last)) => Part::Some(first..last.saturating_add(1).min(length)),
        None => Part::Whole,
    }
}

enum Wanted {
    /// From this byte to that one.
    From(u64, u64),
    /// As many as this at the end.
    Last(u64),
}

fn wanted(value: &str) -> Option<Wanted> {
    let (unit, range) = value.split_once('=')?;
    // Names of units do not care for case; blanks around a list's member don't
    // count.
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim_matches([' ', '\t']).split_once('-')?;
    match (first, last) {
        ("", count) => Some(Wanted::Last(number(count)?)),
        (first, "") => Some(Wanted::From(number(first)?, u64::MAX)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Wanted::From(first, last))
        }
    }
}

/// Digits alone. One that is too large for 64 bits is past every end anyway.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_part_is_given_and_anything_else_is_the_whole() {
        let many = "9".repeat(30);
        for (value, expected) in [
            ("bytes=0-0", Part::Some(0..1)),
            ("bytes=0-9", Part::Some(0..10)),
            ("bytes=3-99", Part::Some(3..10)),
            ("bytes=9-", Part::Some(9..10)),
            ("bytes=-3", Part::Some(7..10)),
            ("bytes=-99", Part::Some(0..10)),
            ("BYTES= 2-4 ", Part::Some(2..5)),
            (&format!("bytes=2-{many}"), Part::Some(2..10)),
            (&format!("bytes=-{many}"), Part::Some(0..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=10-20", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            (&format!("bytes={many}-"), Part::Unsatisfiable),
            ("bytes=5-4", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=1-2-3", Part::Whole),
            ("bytes 0-1", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(part(value, 10), expected, "{value}");
        }
        assert_eq!(part("bytes=-1", 0), Part::Whole);
        assert_eq!(part("bytes=0-", 0), Part::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_upload_whatever_is_asked(
            value in "(bytes=)?[-0-9, =a]{0,24}|.{0,40}",
            length in any::<u64>(),
        ) {
            if let Part::Some(range) = part(&value, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }

        #[test]
        fn a_part_is_the_one_that_is_asked_for(
            length in 1..=u64::MAX,
            one in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
        ) {
            let at = |index: prop::sample::Index| index.index(usize::MAX) as u64 % length;
            let (first, last) = (at(one).min(at(other)), at(one).max(at(other)));
            prop_assert_eq!(
                part(&format!("bytes={first}-{last}"), length),
                Part::Some(first..last + 1)
            );
            prop_assert_eq!(part(&format!("bytes={first}-"), length), Part::Some(first..length));
            prop_assert_eq!(
                part(&format!("bytes=-{}", length - first), length),
                Part::Some(first..length)
            );
        }
    }
}
