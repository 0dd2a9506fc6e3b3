//! HEAD: how far an upload is (tus 1.0.0, "Core Protocol", HEAD; what is said of
//! parts and of uploads made of them is in "Concatenation", HEAD).

use super::errors::Problem;
use super::{Response, Tus};
use crate::uploads::{RecordKind, UploadId};

impl Tus {
    pub(super) async fn head(&self, id: &UploadId) -> Result<Response, Problem> {
        let upload = self.uploads.status(id).await?;
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
        Ok(match upload.metadata {
            Some(metadata) => response.with("Upload-Metadata", metadata),
            None => response,
        })
    }
}
