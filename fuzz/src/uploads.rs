use std::time::SystemTime;

#[path = "../../src/uploads/metadata.rs"]
mod metadata;

pub use crate::store::{Algorithm, Checksum, UploadId};
pub use metadata::{InvalidMetadata, Metadata};

/// What of an upload is looked at.
pub struct Upload {
    pub id: UploadId,
    pub offset: u64,
    pub created_at: SystemTime,
}
