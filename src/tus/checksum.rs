//! Checksums of bodies (tus 1.0.0, "Checksum").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::errors::Problem;
use super::{Extension, Headers, InvalidHeader, Request, Tus};
use crate::uploads::{Algorithm, Checksum, Expectation};

/// The field, and the trailer.
const UPLOAD_CHECKSUM: &str = "upload-checksum";

impl Tus {
    /// The checksum that the body of a request has to have. It may come after
    /// the body if the client says so before.
    pub(super) fn expected_checksum<'a>(
        &self,
        request: &'a Request,
    ) -> Result<Option<Expectation<'a>>, Problem> {
        let headers = &request.headers;
        let (given, late) = (headers.text(UPLOAD_CHECKSUM)?, announced(headers)?);
        self.require_on(Extension::Checksum, given.is_some())?;
        self.require_on(Extension::ChecksumTrailer, late)?;
        match (given, late) {
            (None, false) => Ok(None),
            (Some(text), false) => Ok(Some(Expectation::Given(parse(text)?))),
            (None, true) => Ok(Some(Expectation::Late(Box::new(|| {
                let text = request.trailers.get()?.text(UPLOAD_CHECKSUM).ok()??;
                parse(text).ok()
            })))),
            // Which of them would count?
            (Some(_), true) => Err(InvalidHeader(UPLOAD_CHECKSUM).into()),
        }
    }
}

/// Whether the checksum is to come after the body (tus 1.0.0, "Checksum").
fn announced(headers: &Headers) -> Result<bool, InvalidHeader> {
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
