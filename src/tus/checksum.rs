//! Checksums of bodies (tus 1.0.0, "Checksum").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Headers;
use super::errors::Problem;
use crate::uploads::{Algorithm, Checksum, Expectation};

/// The checksum that the body of a request has to have.
pub(super) fn expected(headers: &Headers) -> Result<Option<Expectation<'static>>, Problem> {
    let Some(text) = headers.text("upload-checksum")? else {
        return Ok(None);
    };
    parse(text).map(|checksum| Some(Expectation::Given(checksum)))
}

/// A checksum in the form of `Upload-Checksum`: the algorithm's name, a space,
/// and the digest in Base64.
fn parse(text: &str) -> Result<Checksum, Problem> {
    let (name, digest) = text.split_once(' ').ok_or(Problem::Checksum)?;
    let algorithm = name.parse().map_err(|_| Problem::ChecksumAlgorithm)?;
    let digest = STANDARD.decode(digest).map_err(|_| Problem::Checksum)?;
    if digest.is_empty() {
        return Err(Problem::Checksum);
    }
    Ok(Checksum { algorithm, digest })
}

/// The names of the algorithms, as `Tus-Checksum-Algorithm` lists them.
pub(super) fn algorithms() -> String {
    Algorithm::ALL.map(Algorithm::name).join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(matches!(parse(bad), Err(Problem::Checksum)), "{bad}");
        }
        for unknown in ["SHA1 YQ==", "crc32 YQ==", " YQ=="] {
            let refused = parse(unknown);
            assert!(
                matches!(refused, Err(Problem::ChecksumAlgorithm)),
                "{unknown}"
            );
        }
    }
}
