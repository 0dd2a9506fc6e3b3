//! tus 1.0.0 as a thin face: header fields in, header fields out. What happens
//! to an upload is decided below, in [`crate::uploads`].
//!
//! Nothing here knows the HTTP library: [`Request`] and [`Response`] are plain
//! values, and the body is a stream.

mod base_url;
mod body_limit;
mod checksum;
mod creation;
mod disposition;
mod errors;
mod expiration;
mod get;
mod head;
mod headers;
mod options;
mod patch;
mod request;
mod response;
mod termination;
mod trailers;
mod version;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use headers::{Headers, InvalidHeader};
pub use request::{Method, Request, Target};
pub use response::{Response, ResponseBody};
pub use trailers::Trailers;
pub use version::VERSION;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;

use crate::uploads::{BodyError, Cause, UploadId, Uploads};
use body_limit::LimitedBody;
use errors::Problem;

/// How the face is set up.
#[derive(Debug, Clone)]
pub struct TusConfig {
    /// Where uploads are found.
    pub base_url: BaseUrl,
    /// Bytes that one request may carry; no limit if `None`.
    pub max_body_size: Option<u64>,
}

/// The face of [`Uploads`] towards tus clients.
#[derive(Debug, Clone)]
pub struct Tus {
    uploads: Arc<Uploads>,
    config: TusConfig,
}

impl Tus {
    /// A face of `uploads`.
    #[must_use]
    pub fn new(uploads: Arc<Uploads>, config: TusConfig) -> Self {
        Self { uploads, config }
    }

    /// What it is a face of.
    #[must_use]
    pub fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Where uploads are found.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        &self.config.base_url
    }

    /// Answers `request`, whose target is below the base URL. `body` is polled
    /// only after everything that can be checked without it was checked, and
    /// not to its end if the request is refused.
    pub async fn handle<B>(&self, request: &Request, body: B) -> Response
    where
        B: Stream<Item = Result<Bytes, BodyError>>,
    {
        let mut response = match self.route(request, body).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(request),
        };
        response.set("Tus-Resumable", VERSION);
        if request.method == Method::Head {
            // Errors too: an upload that is not there may come to be.
            response.set("Cache-Control", "no-store");
        }
        response
    }

    async fn route<B>(&self, request: &Request, body: B) -> Result<Response, Problem>
    where
        B: Stream<Item = Result<Bytes, BodyError>>,
    {
        let cause = Cause::new(|| request.describe());
        match (&request.target, &request.method) {
            (Target::Collection | Target::Upload(_), Method::Options) => Ok(self.options()),
            (Target::Collection, Method::Post) => {
                version::require(&request.headers)?;
                let body = self.limit(request, body)?;
                self.creation(request, &cause, body).await
            }
            (Target::Collection, _) => Err(Problem::MethodNotAllowed("OPTIONS, POST")),
            (Target::Upload(id), method) => match method {
                Method::Get => self.get(&cause, &upload_id(id)?).await,
                Method::Head => {
                    version::require(&request.headers)?;
                    self.head(&upload_id(id)?).await
                }
                Method::Patch => {
                    version::require(&request.headers)?;
                    let body = self.limit(request, body)?;
                    self.patch(request, &cause, &upload_id(id)?, body).await
                }
                Method::Delete => {
                    version::require(&request.headers)?;
                    self.termination(&cause, &upload_id(id)?).await
                }
                _ => Err(Problem::MethodNotAllowed(
                    "DELETE, GET, HEAD, OPTIONS, PATCH",
                )),
            },
            (Target::Other, _) => Err(Problem::NotFound),
        }
    }

    /// The body, if it may be as long as it says it is.
    fn limit<B>(&self, request: &Request, body: B) -> Result<LimitedBody<B>, Problem>
    where
        B: Stream<Item = Result<Bytes, BodyError>>,
    {
        let length = request.headers.content_length()?;
        if let (Some(length), Some(maximum)) = (length, self.config.max_body_size)
            && length > maximum
        {
            return Err(Problem::BodyTooLarge);
        }
        let length = match length {
            None if !request.has_body => Some(0),
            length => length,
        };
        Ok(LimitedBody::new(body, length, self.config.max_body_size))
    }
}

/// An id that cannot be one is that of no upload.
fn upload_id(id: &str) -> Result<UploadId, Problem> {
    UploadId::new(id).map_err(|_| Problem::NotFound)
}
