//! What clients are told when something is wrong: a status and a short text
//! that stays the same. What went on inside stands in the log.

use std::time::Duration;

use super::request::Request;
use super::response::Response;
use super::{Extension, InvalidHeader, VERSION, checksum};
use crate::hooks::{Refusal, Rejection};
use crate::uploads::{BodyError, InvalidMetadata, UnusablePart, UploadError};

/// A status of tus alone (tus 1.0.0, "Checksum").
const CHECKSUM_MISMATCH: u16 = 460;

/// Why a request is not answered as its sender hoped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("nothing is found there")]
    NotFound,
    #[error("the method is not allowed; allowed are {0}")]
    MethodNotAllowed(String),
    #[error("an extension is turned off")]
    TurnedOff(Extension),
    #[error("the client speaks another version")]
    UnsupportedVersion,
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    #[error("the body is of another type")]
    ContentType,
    #[error("the checksum is none")]
    Checksum,
    #[error("the checksum is made in an unknown way")]
    ChecksumAlgorithm,
    #[error("the body is too large")]
    BodyTooLarge,
    #[error("a final upload comes with a length")]
    LengthOfFinal,
    #[error("a final upload comes with bytes")]
    BytesOfFinal,
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl Problem {
    pub(super) fn into_response(self, request: &Request) -> Response {
        match self {
            Self::NotFound => Response::text(404, "Not found."),
            Self::MethodNotAllowed(allowed) => {
                Response::text(405, "Method not allowed.").with("Allow", allowed)
            }
            Self::TurnedOff(extension) => Response::text(
                400,
                &format!("{} is turned off on this server.", extension.name()),
            ),
            Self::UnsupportedVersion => {
                Response::text(412, "Tus-Resumable must be 1.0.0.").with("Tus-Version", VERSION)
            }
            Self::Header(InvalidHeader(name)) => {
                Response::text(400, &format!("{} is missing or invalid.", canonical(name)))
            }
            Self::Metadata(_) => Response::text(400, "Upload-Metadata is invalid."),
            Self::ContentType => {
                Response::text(415, "Content-Type must be application/offset+octet-stream.")
            }
            Self::LengthOfFinal => {
                Response::text(400, "Upload-Length must not be given for a final upload.")
            }
            Self::BytesOfFinal => {
                Response::text(400, "A final upload takes no bytes but those of its parts.")
            }
            Self::Checksum => Response::text(400, "Upload-Checksum is invalid."),
            Self::ChecksumAlgorithm => {
                Response::text(400, "The checksum algorithm is not supported.")
                    .with("Tus-Checksum-Algorithm", checksum::algorithms())
            }
            Self::BodyTooLarge => Response::text(413, "The body is too large."),
            Self::Upload(error) => upload_error(error, request),
        }
    }
}

fn upload_error(error: UploadError, request: &Request) -> Response {
    match error {
        UploadError::NotFound => Response::text(404, "Upload not found."),
        UploadError::Expired => Response::text(410, "The upload has expired."),
        UploadError::Locked => Response::text(423, "Another request is using the upload."),
        UploadError::OffsetMismatch { current } => {
            Response::text(409, "Upload-Offset does not match.").with("Upload-Offset", current)
        }
        UploadError::ChecksumMismatch => {
            Response::text(CHECKSUM_MISMATCH, "The body does not match its checksum.")
        }
        UploadError::NoChecksum => {
            Response::text(400, "The trailer Upload-Checksum is missing or invalid.")
                .with("Tus-Checksum-Algorithm", checksum::algorithms())
        }
        UploadError::ExceedsLength => {
            Response::text(413, "The body goes past the end of the upload.")
        }
        UploadError::LengthIsFixed { .. } => {
            Response::text(400, "Upload-Length is set already and cannot change.")
        }
        UploadError::LengthBelowOffset { offset } => {
            Response::text(400, "Upload-Length is below the offset.").with("Upload-Offset", offset)
        }
        UploadError::ExceedsMaximum { .. } => Response::text(413, "The upload is too large."),
        UploadError::Conflict => Response::text(409, "The upload exists already."),
        UploadError::Final => Response::text(403, "A final upload cannot be added to."),
        UploadError::Part(UnusablePart::Missing) => {
            Response::text(404, "A part in Upload-Concat does not exist.")
        }
        UploadError::Part(UnusablePart::NotPartial) => {
            Response::text(400, "A part in Upload-Concat is not a partial upload.")
        }
        UploadError::Part(UnusablePart::Unfinished) => {
            Response::text(409, "A part in Upload-Concat is not finished.")
        }
        UploadError::Unfinished => Response::text(409, "The upload is not finished."),
        UploadError::Refused(Refusal::Rejected(rejection)) => rejected(rejection),
        UploadError::Refused(Refusal::Unavailable { retry_after }) => unavailable(retry_after),
        // Mostly written to nobody.
        UploadError::Body(BodyError::Disconnected) => Response::text(400, "The body ended early."),
        UploadError::Body(BodyError::Stalled) => {
            Response::text(408, "Nothing came for too long. What came is stored.")
        }
        UploadError::Body(BodyError::TooLarge) => Response::text(413, "The body is too large."),
        // As for `Locked`: the client asks for the offset and goes on from it.
        UploadError::Body(BodyError::TakenOver) => {
            Response::text(423, "Another request took the upload over.")
        }
        UploadError::Body(_) => {
            Response::text(503, "The server is stopping.").with("Retry-After", 1)
        }
        UploadError::StorageFull(error) => {
            tracing::error!(uri = %request.uri, %error, "the storage is full");
            Response::text(507, "There is no space left.")
        }
        other => {
            tracing::error!(
                method = %request.method.name(),
                uri = %request.uri,
                error = &other as &dyn std::error::Error,
                "a request failed"
            );
            Response::text(500, "Internal error.")
        }
    }
}

fn rejected(rejection: Rejection) -> Response {
    Response::new(rejection.status)
        .with_chosen(rejection.headers)
        .with_chosen_body(rejection.body)
}

fn unavailable(retry_after: Option<Duration>) -> Response {
    let response = Response::text(503, "The request could not be checked. Try again later.");
    match retry_after {
        Some(after) => {
            let whole = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.with("Retry-After", whole)
        }
        None => response,
    }
}

/// A lower-case field name as the protocol writes it.
fn canonical(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            first.to_ascii_uppercase() + rest
        })
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_rounded_up_to_seconds() {
        for (millis, expected) in [(0, "0"), (1, "1"), (1000, "1"), (1001, "2")] {
            let response = unavailable(Some(Duration::from_millis(millis)));
            let field = response
                .headers
                .iter()
                .find(|(name, _)| name == "Retry-After");
            assert_eq!(field.map(|(_, value)| value.as_str()), Some(expected));
        }
    }

    #[test]
    fn fields_are_named_as_the_protocol_writes_them() {
        assert_eq!(canonical("upload-offset"), "Upload-Offset");
    }
}
