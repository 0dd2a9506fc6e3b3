//! OPTIONS: what the server can do (tus 1.0.0, "Core Protocol", OPTIONS).

use super::{Extension, Response, Tus, VERSION, checksum};

impl Tus {
    pub(super) fn options(&self) -> Response {
        let mut response = Response::new(204).with("Tus-Version", VERSION);
        let mut extensions = self.config.extensions;
        if !self.uploads.expire() {
            extensions = extensions.without(Extension::Expiration);
        }
        let told = extensions.to_string();
        // The field is left out where there would be nothing in it (tus 1.0.0,
        // "Tus-Extension").
        if !told.is_empty() {
            response = response.with("Tus-Extension", told);
        }
        if extensions.contains(Extension::Checksum) {
            response = response.with("Tus-Checksum-Algorithm", checksum::algorithms());
        }
        if let Some(maximum) = self.uploads.max_length() {
            response = response.with("Tus-Max-Size", maximum);
        }
        response
    }
}
