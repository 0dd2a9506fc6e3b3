//! HEAD: how far an upload is (tus 1.0.0, "Core Protocol", HEAD).

use super::errors::Problem;
use super::{Response, Tus};
use crate::uploads::UploadId;

impl Tus {
    pub(super) async fn head(&self, id: &UploadId) -> Result<Response, Problem> {
        let upload = self.uploads.status(id).await?;
        let response = Response::new(200)
            .with("Upload-Offset", upload.offset)
            .expiring(upload.expires_at);
        let response = match upload.length {
            Some(length) => response.with("Upload-Length", length),
            None => response.with("Upload-Defer-Length", 1),
        };
        Ok(match upload.metadata {
            Some(metadata) => response.with("Upload-Metadata", metadata),
            None => response,
        })
    }
}
