//! A plugin wants an upload stopped.

use super::decision::Rejection;

/// The wish of a plugin that was told how far an upload is.
#[derive(Debug)]
pub struct Stop {
    /// The upload's id.
    pub upload: String,
    /// What its client is told.
    pub rejection: Rejection,
}
