//! Checksums of bodies (tus 1.0.0, "Checksum").

use super::checksum_field::{InvalidChecksum, UPLOAD_CHECKSUM, announced, parse};
use super::errors::Problem;
use super::{Extension, InvalidHeader, Request, Tus};
use crate::uploads::{Algorithm, Expectation};

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

/// The names of the algorithms, as `Tus-Checksum-Algorithm` lists them.
pub(super) fn algorithms() -> String {
    Algorithm::ALL.map(Algorithm::name).join(",")
}

impl From<InvalidChecksum> for Problem {
    fn from(invalid: InvalidChecksum) -> Self {
        match invalid {
            InvalidChecksum::Malformed => Self::Checksum,
            InvalidChecksum::UnknownAlgorithm => Self::ChecksumAlgorithm,
        }
    }
}
