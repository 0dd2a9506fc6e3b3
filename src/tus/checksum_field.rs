//! The value of `Upload-Checksum`, and the announcement that it comes after the
//! body (tus 1.0.0, "Checksum").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Headers, InvalidHeader};
use crate::uploads::Checksum;

/// The field, and the trailer.
pub(super) const UPLOAD_CHECKSUM: &str = "upload-checksum";

/// Why a value is no checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvalidChecksum {
    /// It is not a name, a space and Base64.
    Malformed,
    /// The name is none of a known algorithm.
    UnknownAlgorithm,
}

/// Whether the checksum is to come after the body (tus 1.0.0, "Checksum").
pub(super) fn announced(headers: &Headers) -> Result<bool, InvalidHeader> {
    if !headers.contains("trailer") {
        return Ok(false);
    }
    let names = headers.joined("trailer").ok_or(InvalidHeader("trailer"))?;
    Ok(names
        .split(',')
        .any(|name| name.trim().eq_ignore_ascii_case(UPLOAD_CHECKSUM)))
}

/// A checksum in the form of `Upload-Checksum`: the algorithm's name, a space,
/// and the digest in Base64.
pub(super) fn parse(text: &str) -> Result<Checksum, InvalidChecksum> {
    let (name, digest) = text.split_once(' ').ok_or(InvalidChecksum::Malformed)?;
    let algorithm = name
        .parse()
        .map_err(|_| InvalidChecksum::UnknownAlgorithm)?;
    let digest = STANDARD
        .decode(digest)
        .map_err(|_| InvalidChecksum::Malformed)?;
    if digest.is_empty() {
        return Err(InvalidChecksum::Malformed);
    }
    Ok(Checksum { algorithm, digest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uploads::Algorithm;

    #[test]
    fn a_checksum_is_a_name_and_base64() {
        let read = parse("sha1 98O8HYCOBHMq32eZZczDTKeuNEE=").unwrap();
        assert_eq!((read.algorithm, read.digest.len()), (Algorithm::Sha1, 20));
        for bad in [
            "",
            "sha1",
            "sha1 ",
            "sha1  98O8HYCOBHMq32eZZczDTKeuNEE=",
            "sha1 !!!",
            "sha1 98O8HYCOBHMq32eZZczDTKeuNEE",
            "sha1 98O8HYCOBHMq32eZZczDTKeuNEE=,md5 JfnnlDI7RTiF9RgfG2JNCw==",
        ] {
            assert_eq!(parse(bad), Err(InvalidChecksum::Malformed), "{bad}");
        }
        for unknown in ["SHA1 YQ==", "crc32 YQ==", " YQ=="] {
            let refused = parse(unknown);
            assert_eq!(refused, Err(InvalidChecksum::UnknownAlgorithm), "{unknown}");
        }
    }
}
