//! The request that causes events.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::hooks::RequestState;

/// A request as hooks will see it, which is put together when the first event
/// needs it: most requests cause none that anybody wants.
pub struct Cause<'a> {
    describe: Box<dyn Fn() -> RequestState + Send + Sync + 'a>,
    described: OnceLock<Arc<RequestState>>,
}

impl<'a> Cause<'a> {
    /// A cause that `describe` puts into words, at most once.
    pub fn new(describe: impl Fn() -> RequestState + Send + Sync + 'a) -> Self {
        Self {
            describe: Box::new(describe),
            described: OnceLock::new(),
        }
    }

    pub(super) fn request(&self) -> Arc<RequestState> {
        Arc::clone(self.described.get_or_init(|| Arc::new((self.describe)())))
    }
}

impl fmt::Debug for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cause").finish_non_exhaustive()
    }
}
