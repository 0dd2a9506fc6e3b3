//! POST: an upload begins (tus 1.0.0, "Creation" and "Creation With Upload").

use bytes::Bytes;
use futures_util::Stream;

use super::body_limit::LimitedBody;
use super::errors::Problem;
use super::patch::is_upload_content;
use super::{Headers, InvalidHeader, Request, Response, Tus};
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
        // Many clients set some type even though there is no body.
        let body = if !body.may_have_bytes() {
            None
        } else if is_upload_content(headers) {
            Some(body.as_body())
        } else {
            return Err(Problem::ContentType);
        };
        let created = self.uploads.create(cause, new, body).await?;
        let response = Response::new(201)
            .with("Location", self.location(request, &created.id))
            .with("Upload-Offset", created.offset)
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

fn length(headers: &Headers) -> Result<u64, InvalidHeader> {
    headers
        .bytes("upload-length")?
        .ok_or(InvalidHeader("upload-length"))
}

fn metadata(headers: &Headers) -> Result<Option<Metadata>, Problem> {
    match headers.text("upload-metadata")? {
        // An empty field has no pair, as if it were not there.
        None | Some("") => Ok(None),
        Some(raw) => Ok(Some(Metadata::parse(raw)?)),
    }
}
