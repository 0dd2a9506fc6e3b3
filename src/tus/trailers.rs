//! Fields that come after a body (RFC 9110, 6.5).

use std::sync::{Arc, OnceLock};

use super::Headers;

/// The trailers of a request: nothing, until its body has come to its end.
/// Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Trailers(Arc<OnceLock<Headers>>);

impl Trailers {
    /// Says what came after the body. Only the first time counts.
    pub fn set(&self, fields: Headers) {
        drop(self.0.set(fields));
    }

    /// What came after the body; `None` if its end has not come.
    pub(super) fn get(&self) -> Option<&Headers> {
        self.0.get()
    }
}
