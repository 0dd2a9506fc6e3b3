//! tus 1.0.0 as a thin face: header fields in, header fields out. What happens
//! to an upload is decided below, in [`crate::uploads`].
//!
//! Nothing here knows the HTTP library: [`Request`] and [`Response`] are plain
//! values, and the body is a stream.

mod base_url;
mod body_limit;
mod checksum;
mod checksum_field;
mod concatenation;
mod conditional;
mod creation;
mod disposition;
mod errors;
mod expiration;
mod extensions;
mod get;
mod head;
mod headers;
mod options;
mod patch;
#[cfg(test)]
mod properties;
mod range;
mod request;
mod response;
mod termination;
mod trailers;
mod version;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use extensions::{Extension, ExtensionSet, UnknownExtension};
pub use headers::{Headers, InvalidHeader};
pub use request::{Method, Request, Target};
pub use response::{Response, ResponseBody};
pub use trailers::Trailers;
pub use version::VERSION;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;

use crate::tracing_context;
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
    /// What is spoken besides the core of the protocol.
    pub extensions: ExtensionSet,
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
        let cause = Cause::new(|| {
            let mut described = request.describe();
            // Who hears of it continues the trace from here on.
            tracing_context::replace(&mut described.headers);
            described
        });
        let allowed = self.allowed(&request.target);
        if allowed.is_empty() {
            return Err(Problem::NotFound);
        }
        if !allowed.contains(&request.method.name()) {
            return Err(Problem::MethodNotAllowed(allowed.join(", ")));
        }
        if !matches!(request.method, Method::Options | Method::Get) {
            version::require(&request.headers)?;
        }
        match (&request.target, &request.method) {
            (_, Method::Options) => Ok(self.options()),
            (Target::Collection, _) => {
                let body = self.limit(request, body)?;
                // Boxed, or each had room for the largest of all. A thousand
                // uploads may be under way.
                Box::pin(self.creation(request, &cause, body)).await
            }
            (Target::Upload(id), Method::Get) => {
                Box::pin(self.get(request, &cause, &upload_id(id)?)).await
            }
            (Target::Upload(id), Method::Head) => {
                Box::pin(self.head(&cause, &upload_id(id)?)).await
            }
            (Target::Upload(id), Method::Delete) => {
                Box::pin(self.termination(&cause, &upload_id(id)?)).await
            }
            (Target::Upload(id), _) => {
                let body = self.limit(request, body)?;
                Box::pin(self.patch(request, &cause, &upload_id(id)?, body)).await
            }
            (Target::Other, _) => Err(Problem::NotFound),
        }
    }

    /// The names of the methods that are served for `target`, in order.
    fn allowed(&self, target: &Target) -> Vec<&'static str> {
        let on = |extension| self.config.extensions.contains(extension);
        let methods: &[(&str, bool)] = match target {
            Target::Collection => &[("OPTIONS", true), ("POST", on(Extension::Creation))],
            Target::Upload(_) => &[
                ("DELETE", on(Extension::Termination)),
                ("GET", on(Extension::Getting)),
                ("HEAD", true),
                ("OPTIONS", true),
                ("PATCH", true),
            ],
            Target::Other => &[],
        };
        let served = methods.iter().filter(|(_, served)| *served);
        served.map(|(name, _)| *name).collect()
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
