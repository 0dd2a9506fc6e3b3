//! HEAD: how far an upload is (tus 1.0.0, "Core Protocol", HEAD; what is said of
//! parts and of uploads made of them is in "Concatenation", HEAD).

use super::errors::Problem;
use super::get::agreeing_with_get;
use super::{Extension, Response, Tus};
use crate::uploads::{Cause, RecordKind, UploadId};

impl Tus {
    pub(super) async fn head(&self, cause: &Cause<'_>, id: &UploadId) -> Result<Response, Problem> {
        let upload = self.uploads.status(cause, id).await?;
        let response = Response::new(200).expiring(upload.expires_at);
        let response = match &upload.kind {
            // Nobody can add to it; the field says that all parts are in it.
            RecordKind::Final(_) if !upload.finished => response,
            _ => response.with("Upload-Offset", upload.offset),
        };
        let response = match upload.length {
            Some(length) => response.with("Upload-Length", length),
            None => response.with("Upload-Defer-Length", 1),
        };
        let response = match &upload.kind {
            RecordKind::Partial { .. } => response.with("Upload-Concat", "partial"),
            RecordKind::Final(parts) => response.with("Upload-Concat", &parts.header),
            _ => response,
        };
        let response = match &upload.metadata {
            Some(metadata) => response.with("Upload-Metadata", metadata),
            None => response,
        };
        let is_read = self.config.extensions.contains(Extension::Getting);
        Ok(if is_read && upload.finished {
            agreeing_with_get(response, &upload)
        } else {
            response
        })
    }
}
