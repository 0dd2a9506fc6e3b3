//! POST: an upload begins (tus 1.0.0, "Creation" and "Creation With Upload").

use bytes::Bytes;
use futures_util::Stream;

use super::body_limit::LimitedBody;
use super::errors::Problem;
use super::patch::is_upload_content;
use super::{Headers, InvalidHeader, Request, Response, Tus, checksum};
use crate::uploads::{BodyError, Cause, Metadata, NewUpload, UploadId};

impl Tus {
    pub(super) async fn creation<B>(
        &self,
        request: &Request,
        cause: &Cause<'_>,
        mut body: LimitedBody<B>,
    ) -> Result<Response, Problem>
    where
        B: Stream<Item = Result<Bytes, BodyError>>,
    {
        let headers = &request.headers;
        let new = NewUpload {
            length: length(headers)?,
            metadata: metadata(headers)?,
        };
        let checksum = checksum::expected(request)?;
        // Many clients set some type even though there is no body.
        let body = if !body.may_have_bytes() {
            None
        } else if is_upload_content(headers) {
            Some(body.as_body(checksum))
        } else {
            return Err(Problem::ContentType);
        };
        let created = self.uploads.create(cause, new, body).await?;
        let response = Response::new(201)
            .with("Location", self.location(request, &created.id))
            .with("Upload-Offset", created.offset)
            .expiring(created.expires_at)
            .with_chosen(created.headers);
        Ok(match created.finish {
            Some(changes) => response.finished(changes),
            None => response,
        })
    }

    /// The upload's URL: absolute if it is known what the client calls the
    /// server.
    fn location(&self, request: &Request, id: &UploadId) -> String {
        format!("{}{}/{id}", request.site, self.config.base_url.as_str())
    }
}

/// Exactly one of `Upload-Length` and `Upload-Defer-Length: 1` is there (tus
/// 1.0.0, "Creation", POST).
fn length(headers: &Headers) -> Result<Option<u64>, InvalidHeader> {
    let length = headers.bytes("upload-length")?;
    match (length, headers.text("upload-defer-length")?) {
        (Some(length), None) => Ok(Some(length)),
        (None, Some("1")) => Ok(None),
        (None, None) => Err(InvalidHeader("upload-length")),
        (_, Some(_)) => Err(InvalidHeader("upload-defer-length")),
    }
}

fn metadata(headers: &Headers) -> Result<Option<Metadata>, Problem> {
    match headers.text("upload-metadata")? {
        // An empty field has no pair, as if it were not there.
        None | Some("") => Ok(None),
        Some(raw) => Ok(Some(Metadata::parse(raw)?)),
    }
}
