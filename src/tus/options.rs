//! OPTIONS: what the server can do (tus 1.0.0, "Core Protocol", OPTIONS).

use super::{ExtensionSet, Response, Tus, VERSION};

impl Tus {
    pub(super) fn options(&self) -> Response {
        let response = Response::new(204).with("Tus-Version", VERSION);
        // The field is left out where there would be nothing in it
        // (tus 1.0.0, "Tus-Extension").
        let response = if self.config.extensions == ExtensionSet::EMPTY {
            response
        } else {
            response.with("Tus-Extension", self.config.extensions)
        };
        match self.uploads.max_length() {
            Some(maximum) => response.with("Tus-Max-Size", maximum),
            None => response,
        }
    }
}
