//! Checksums of bytes on their way into a store.
//!
//! They find bytes that were changed on the way, by accident: MD5, SHA-1 and
//! CRC-32C say nothing against somebody who wants to deceive.

use std::fmt;
use std::str::FromStr;

use md5::Md5;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};

/// How a checksum is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
    /// MD5, 16 bytes.
    Md5,
    /// CRC-32C (Castagnoli), 4 bytes, the most significant first.
    Crc32c,
}

/// A name that is none of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known checksum algorithm; expected sha1, sha256, sha512, md5 or crc32c")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// All of them. SHA-1 stands first: it is what every client has.
    pub const ALL: [Self; 5] = [
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::Md5,
        Self::Crc32c,
    ];

    /// The name on the wire, lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Md5 => "md5",
            Self::Crc32c => "crc32c",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or(UnknownAlgorithm)
    }
}

/// What bytes are expected to hash to. A digest of a length that the algorithm
/// never gives is one that no bytes have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// How it was made.
    pub algorithm: Algorithm,
    /// What came out.
    pub digest: Vec<u8>,
}

/// Hashes bytes as they come.
pub struct Hasher(Vec<(Algorithm, State)>);

enum State {
    Digest(Box<dyn DynDigest + Send>),
    Crc32c(u32),
}

impl Hasher {
    /// Hashes by `algorithm`, or by every algorithm if it is not known before
    /// the bytes are.
    #[must_use]
    pub fn new(algorithm: Option<Algorithm>) -> Self {
        let algorithms = match algorithm {
            Some(algorithm) => vec![algorithm],
            None => Algorithm::ALL.to_vec(),
        };
        Self(
            algorithms
                .into_iter()
                .map(|algorithm| (algorithm, State::of(algorithm)))
                .collect(),
        )
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for (_, state) in &mut self.0 {
            match state {
                State::Digest(digest) => digest.update(bytes),
                State::Crc32c(crc) => *crc = crc32c::crc32c_append(*crc, bytes),
            }
        }
    }

    /// Whether the bytes so far have `expected`. An algorithm that they were not
    /// hashed by matches nothing.
    #[must_use]
    pub fn matches(self, expected: &Checksum) -> bool {
        self.0.into_iter().any(|(algorithm, state)| {
            algorithm == expected.algorithm && *state.digest() == *expected.digest
        })
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(algorithm, _)| algorithm))
            .finish()
    }
}

impl State {
    fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha1 => Self::Digest(Box::new(Sha1::default())),
            Algorithm::Sha256 => Self::Digest(Box::new(Sha256::default())),
            Algorithm::Sha512 => Self::Digest(Box::new(Sha512::default())),
            Algorithm::Md5 => Self::Digest(Box::new(Md5::default())),
            Algorithm::Crc32c => Self::Crc32c(0),
        }
    }

    fn digest(self) -> Box<[u8]> {
        match self {
            Self::Digest(digest) => digest.finalize(),
            Self::Crc32c(crc) => Box::new(crc.to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Of `123456789`, made by other tools.
    const KNOWN: [(&str, &str); 5] = [
        ("sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
        ("sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        (
            "sha512",
            "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ==",
        ),
        ("md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
        ("crc32c", "4waSgw=="),
    ];

    fn checksum((name, digest): (&str, &str)) -> Checksum {
        Checksum {
            algorithm: name.parse().unwrap(),
            digest: STANDARD.decode(digest).unwrap(),
        }
    }

    #[test]
    fn bytes_have_the_checksums_that_other_tools_give_them() {
        for known in KNOWN {
            let checksum = checksum(known);
            for hasher in [None, Some(checksum.algorithm)] {
                for (bytes, expected) in [("123456789", true), ("123456780", false)] {
                    let mut hasher = Hasher::new(hasher);
                    let (first, second) = bytes.split_at(4);
                    hasher.update(first.as_bytes());
                    hasher.update(second.as_bytes());
                    assert_eq!(hasher.matches(&checksum), expected, "{known:?}");
                }
            }
        }
    }

    #[test]
    fn a_digest_cut_short_or_of_another_algorithm_is_of_no_bytes() {
        let mut sha1 = checksum(KNOWN[0]);
        for algorithm in Algorithm::ALL {
            let mut hasher = Hasher::new(Some(algorithm));
            hasher.update(b"123456789");
            assert_eq!(hasher.matches(&sha1), algorithm == Algorithm::Sha1);
        }
        sha1.digest.pop();
        let mut hasher = Hasher::new(None);
        hasher.update(b"123456789");
        assert!(!hasher.matches(&sha1));
    }

    #[test]
    fn names_are_lower_case() {
        assert_eq!("SHA1".parse::<Algorithm>(), Err(UnknownAlgorithm));
        assert_eq!("".parse::<Algorithm>(), Err(UnknownAlgorithm));
    }
}
