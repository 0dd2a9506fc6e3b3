//! OPTIONS: what the server can do (tus 1.0.0, "Core Protocol", OPTIONS).

use super::{Response, Tus, VERSION};

/// The extensions that are spoken.
const EXTENSIONS: &str = "creation,creation-with-upload,termination";

impl Tus {
    pub(super) fn options(&self) -> Response {
        let response = Response::new(204)
            .with("Tus-Version", VERSION)
            .with("Tus-Extension", EXTENSIONS);
        match self.uploads.max_length() {
            Some(maximum) => response.with("Tus-Max-Size", maximum),
            None => response,
        }
    }
}
