//! DELETE: an upload is removed (tus 1.0.0, "Termination").

use super::errors::Problem;
use super::{Response, Tus};
use crate::uploads::{Cause, UploadId};

impl Tus {
    pub(super) async fn termination(
        &self,
        cause: &Cause<'_>,
        id: &UploadId,
    ) -> Result<Response, Problem> {
        self.uploads.terminate(cause, id).await?;
        Ok(Response::new(204))
    }
}
