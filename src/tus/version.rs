//! The version of the protocol (tus 1.0.0, `Tus-Resumable` and `Tus-Version`).

use super::Headers;
use super::errors::Problem;

/// The one version that is spoken.
pub const VERSION: &str = "1.0.0";

/// Refuses a client that speaks another version or does not say which.
pub(super) fn require(headers: &Headers) -> Result<(), Problem> {
    match headers.text("tus-resumable") {
        Ok(Some(VERSION)) => Ok(()),
        _ => Err(Problem::UnsupportedVersion),
    }
}
