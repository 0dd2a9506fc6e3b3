//! GET: a finished upload is read. tus leaves this to the server.

use super::disposition::{content_disposition, media_type};
use super::errors::Problem;
use super::response::ResponseBody;
use super::{Response, Tus};
use crate::uploads::{Cause, Metadata, UploadId};

impl Tus {
    pub(super) async fn get(&self, cause: &Cause<'_>, id: &UploadId) -> Result<Response, Problem> {
        let download = self.uploads.read(cause, id).await?;
        let metadata = download
            .upload
            .metadata
            .as_deref()
            .and_then(|raw| Metadata::parse(raw).ok());
        // The names that the wide-spread clients use.
        let text = |keys: &[&str]| metadata.as_ref().and_then(|metadata| metadata.text(keys));
        let name = text(&["filename", "name"]);
        let media_type = media_type(text(&["filetype", "type"]), name);
        let mut response = Response::new(200)
            .with("Content-Type", &media_type)
            .with(
                "Content-Disposition",
                content_disposition(&media_type, name),
            )
            .with("X-Content-Type-Options", "nosniff");
        response.body = ResponseBody::Content {
            length: download.upload.offset,
            stream: download.content,
        };
        Ok(response)
    }
}
