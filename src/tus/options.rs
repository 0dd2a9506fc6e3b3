//! OPTIONS: what the server can do (tus 1.0.0, "Core Protocol", OPTIONS).

use super::{Response, Tus, VERSION, checksum};

/// Whether a server speaks an extension.
type Spoken = fn(&Tus) -> bool;

/// The extensions, in the order in which they are told.
const EXTENSIONS: &[(&str, Spoken)] = &[
    ("creation", always),
    ("creation-defer-length", always),
    ("creation-with-upload", always),
    ("checksum", always),
    ("checksum-trailer", always),
    ("expiration", |tus| tus.uploads.expire()),
    ("termination", always),
];

fn always(_: &Tus) -> bool {
    true
}

impl Tus {
    pub(super) fn options(&self) -> Response {
        let response = Response::new(204)
            .with("Tus-Version", VERSION)
            .with("Tus-Extension", self.extensions().join(","))
            .with("Tus-Checksum-Algorithm", checksum::algorithms());
        match self.uploads.max_length() {
            Some(maximum) => response.with("Tus-Max-Size", maximum),
            None => response,
        }
    }

    fn extensions(&self) -> Vec<&'static str> {
        EXTENSIONS
            .iter()
            .filter(|(_, spoken)| spoken(self))
            .map(|(name, _)| *name)
            .collect()
    }
}
