//! PATCH: bytes are added to an upload (tus 1.0.0, "Core Protocol", PATCH).

use bytes::Bytes;
use futures_util::Stream;

use super::body_limit::LimitedBody;
use super::errors::Problem;
use super::{Headers, InvalidHeader, Request, Response, Tus};
use crate::uploads::{Append, BodyError, Cause, UploadId};

impl Tus {
    pub(super) async fn patch<B>(
        &self,
        request: &Request,
        cause: &Cause<'_>,
        id: &UploadId,
        mut body: LimitedBody<B>,
    ) -> Result<Response, Problem>
    where
        B: Stream<Item = Result<Bytes, BodyError>>,
    {
        let headers = &request.headers;
        if !is_upload_content(headers) {
            return Err(Problem::ContentType);
        }
        let offset = headers
            .bytes("upload-offset")?
            .ok_or(InvalidHeader("upload-offset"))?;
        let append = Append {
            offset,
            length: headers.bytes("upload-length")?,
            body: body.as_body(self.expected_checksum(request)?),
        };
        let appended = self.uploads.append(cause, id, append).await?;
        let response = Response::new(204)
            .with("Upload-Offset", appended.offset)
            .expiring(appended.expires_at);
        Ok(match appended.finish {
            Some(changes) => response.finished(changes),
            None => response,
        })
    }
}

/// Whether the body is bytes for an upload. The type has no parameters; with
/// one it is another type.
pub(super) fn is_upload_content(headers: &Headers) -> bool {
    headers.text("content-type").is_ok_and(|value| {
        value.is_some_and(|value| value.eq_ignore_ascii_case("application/offset+octet-stream"))
    })
}
