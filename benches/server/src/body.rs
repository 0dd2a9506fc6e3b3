//! The bytes that are sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rustus::store::Algorithm;
use sha1::Sha1;
use sha2::Sha256;
use sha2::digest::DynDigest;

use anyhow::{Result, bail};

/// Bytes in one write: what a client with a large buffer sends.
pub(crate) const PIECE: usize = 512 * 1024;

/// Bytes of the largest body that is sent as one.
pub(crate) const MOST: usize = 1 << 20;

/// All that is ever sent, again and again.
static BODY: [u8; MOST] = [0x5a; MOST];

/// The next of `left` bytes, at most [`PIECE`].
pub(crate) fn piece(left: u64) -> &'static [u8] {
    let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
    BODY.get(..most).unwrap_or(&BODY)
}

/// A body of `count` bytes, at most [`MOST`].
pub(crate) fn bytes(count: usize) -> Bytes {
    Bytes::from_static(BODY.get(..count).unwrap_or(&BODY))
}

/// Hashes a body of `bytes` with the crates that rustus hashes with. Returns
/// what stands in `Upload-Checksum`.
pub(crate) fn checksum(algorithm: Algorithm, bytes: u64) -> Result<String> {
    let mut hasher: Box<dyn DynDigest> = match algorithm {
        Algorithm::Sha1 => Box::new(Sha1::default()),
        Algorithm::Sha256 => Box::new(Sha256::default()),
        other => bail!("{other} is not measured"),
    };
    let mut left = bytes;
    while left > 0 {
        let part = piece(left);
        hasher.update(part);
        left -= part.len() as u64;
    }
    Ok(format!(
        "{algorithm} {}",
        STANDARD.encode(hasher.finalize())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_bytes() {
        // printf ZZZ | openssl sha1 -binary | base64
        assert_eq!(
            checksum(Algorithm::Sha1, 3).unwrap(),
            "sha1 EW/yIqO0m2M0jXeC5LQ//i3LsZg="
        );
        assert!(checksum(Algorithm::Md5, 3).is_err());
    }
}
