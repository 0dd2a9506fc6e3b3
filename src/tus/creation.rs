//! POST: an upload begins (tus 1.0.0, "Creation", "Creation With Upload" and
//! "Concatenation").

use bytes::Bytes;
use futures_util::Stream;

use super::body_limit::LimitedBody;
use super::concatenation::Concat;
use super::errors::Problem;
use super::patch::is_upload_content;
use super::{Extension, Headers, InvalidHeader, Request, Response, Tus};
use crate::uploads::{BodyError, Cause, Created, Metadata, NewFinal, NewUpload, UploadId};

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
        self.require_on(Extension::Concatenation, headers.contains("upload-concat"))?;
        self.require_on(Extension::CreationWithUpload, body.may_have_bytes())?;
        let deferred = headers.contains("upload-defer-length");
        self.require_on(Extension::CreationDeferLength, deferred)?;
        let partial = match Concat::read(headers, &request.site, &self.config.base_url)? {
            None => false,
            Some(Concat::Partial) => true,
            Some(Concat::Final { header, parts }) => {
                if headers.contains("upload-length") || headers.contains("upload-defer-length") {
                    return Err(Problem::LengthOfFinal);
                }
                if body.may_have_bytes() {
                    return Err(Problem::BytesOfFinal);
                }
                let new = NewFinal {
                    header,
                    parts,
                    metadata: metadata(headers)?,
                    may_wait: self
                        .config
                        .extensions
                        .contains(Extension::ConcatenationUnfinished),
                };
                let created = self.uploads.concatenate(cause, new).await?;
                return Ok(self.created(request, created));
            }
        };
        let new = NewUpload {
            length: length(headers)?,
            metadata: metadata(headers)?,
            partial,
        };
        let checksum = self.expected_checksum(request)?;
        // Many clients set some type even though there is no body.
        let body = if !body.may_have_bytes() {
            None
        } else if is_upload_content(headers) {
            Some(body.as_body(checksum))
        } else {
            return Err(Problem::ContentType);
        };
        let created = self.uploads.create(cause, new, body).await?;
        Ok(self.created(request, created))
    }

    /// Refuses a request that uses an extension which is turned off. Passing
    /// over what it asks for would give its client another upload than it
    /// thinks.
    pub(super) fn require_on(&self, extension: Extension, used: bool) -> Result<(), Problem> {
        if used && !self.config.extensions.contains(extension) {
            return Err(Problem::TurnedOff(extension));
        }
        Ok(())
    }

    fn created(&self, request: &Request, created: Created) -> Response {
        let response = Response::new(201)
            .with("Location", self.location(request, &created.id))
            .expiring(created.expires_at)
            .with_chosen(created.headers);
        // Nothing is said of what waits for its parts (tus 1.0.0,
        // "Concatenation", HEAD).
        let response = match created.offset {
            Some(offset) => response.with("Upload-Offset", offset),
            None => response,
        };
        match created.finish {
            Some(changes) => response.finished(changes),
            None => response,
        }
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
