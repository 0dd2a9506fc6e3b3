//! What the uploads of the model consist of.

/// The bytes of an upload from `from` on. No two uploads and no two places of
/// one look alike, so that a byte in the wrong place is seen.
pub fn content(salt: u64, from: u64, length: u64) -> Vec<u8> {
    let (first, last) = (from / 8, (from + length).div_ceil(8));
    let words = (first..last).flat_map(|word| mix(salt.wrapping_mul(0x1_0000_0001) ^ word));
    let skipped = usize::try_from(from % 8).unwrap();
    words
        .skip(skipped)
        .take(usize::try_from(length).unwrap())
        .collect()
}

/// The first place where two byte strings differ.
pub fn first_difference(left: &[u8], right: &[u8]) -> Option<usize> {
    left.iter()
        .zip(right)
        .position(|(left, right)| left != right)
}

/// Eight bytes that look random (the last steps of SplitMix64).
fn mix(number: u64) -> [u8; 8] {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (number ^ (number >> 31)).to_le_bytes()
}

#[test]
fn content_is_the_same_from_wherever_it_is_taken() {
    let whole = content(7, 0, 100);
    for from in 0..100 {
        let start = usize::try_from(from).unwrap();
        assert_eq!(content(7, from, 100 - from), whole[start..]);
    }
    assert_ne!(content(8, 0, 100), whole);
}
