//! GET: a finished upload is read. tus leaves this to the server.

use super::conditional::{Validators, Verdict};
use super::disposition::{content_disposition, media_type};
use super::errors::Problem;
use super::range::{Part, part};
use super::response::ResponseBody;
use super::{Request, Response, Tus};
use crate::uploads::{Cause, Metadata, Upload, UploadId};

impl Tus {
    pub(super) async fn get(
        &self,
        request: &Request,
        cause: &Cause<'_>,
        id: &UploadId,
    ) -> Result<Response, Problem> {
        let headers = &request.headers;
        // Hooks are asked first: who may not read is not told what there is.
        let download = self.uploads.read(cause, id).await?;
        let upload = &download.upload;
        let validators = Validators::of(upload);
        match validators.weigh(headers) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Ok(marked(Response::new(304), &validators)),
            Verdict::Failed => {
                return Ok(Response::text(
                    412,
                    "The upload is not the one that was meant.",
                ));
            }
        }
        // It is finished, so that is its length.
        let length = upload.offset;
        let part = match headers.joined("range") {
            Some(value) if validators.allow_part(headers) => part(&value, length),
            _ => Part::Whole,
        };
        let (response, range) = match part {
            Part::Whole => (Response::new(200), 0..length),
            Part::Some(range) => {
                let (first, last) = (range.start, range.end.saturating_sub(1));
                let response = Response::new(206)
                    .with("Content-Range", format!("bytes {first}-{last}/{length}"));
                (response, range)
            }
            Part::Unsatisfiable => {
                return Ok(Response::text(416, "The upload has no such bytes.")
                    .with("Content-Range", format!("bytes */{length}")));
            }
        };
        let mut response = described(marked(response, &validators), upload);
        response.body = ResponseBody::Content {
            length: range.end.saturating_sub(range.start),
            stream: download.content(range).await?,
        };
        Ok(response)
    }
}

/// The answer to HEAD, with what GET would say about a finished upload.
pub(super) fn agreeing_with_get(response: Response, upload: &Upload) -> Response {
    let mut response = described(marked(response, &Validators::of(upload)), upload);
    response.body = ResponseBody::Withheld(upload.offset);
    response
}

fn marked(response: Response, validators: &Validators) -> Response {
    response
        .with("Accept-Ranges", "bytes")
        .with("ETag", &validators.etag)
        .with("Last-Modified", validators.last_modified())
}

/// The response with what browsers need to know about the bytes.
fn described(response: Response, upload: &Upload) -> Response {
    let metadata = upload
        .metadata
        .as_deref()
        .and_then(|raw| Metadata::parse(raw).ok());
    // The names that the wide-spread clients use.
    let text = |keys: &[&str]| metadata.as_ref().and_then(|metadata| metadata.text(keys));
    let name = text(&["filename", "name"]);
    let media_type = media_type(text(&["filetype", "type"]), name);
    response
        .with("Content-Type", &media_type)
        .with(
            "Content-Disposition",
            content_disposition(&media_type, name),
        )
        .with("X-Content-Type-Options", "nosniff")
}
