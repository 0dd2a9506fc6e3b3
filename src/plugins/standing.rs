//! How a plugin stands: what the admin view shows of it.

use std::sync::Arc;

use super::generation::Generation;
use super::tally::Tally;

/// One plugin that is known, whether it serves or not.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its file's name without `.wasm`.
    pub name: Arc<str>,
    /// Whether it is part of the server and not of the directory.
    pub built_in: bool,
    /// Where it is, if it comes from a registry.
    pub reference: Option<Arc<str>>,
    /// Whether an operator switched it off: it is neither asked nor told.
    pub disabled: bool,
    /// What serves, or would if the plugin were not disabled.
    pub generation: Option<Arc<Generation>>,
    /// Why what its files hold now was not loaded, if it was not.
    pub refused: Option<Arc<str>>,
    /// What was counted.
    pub tally: Arc<Tally>,
}

impl Standing {
    /// The generation, if it is asked and told.
    pub(super) fn serving(&self) -> Option<&Arc<Generation>> {
        self.generation.as_ref().filter(|_| !self.disabled)
    }
}
