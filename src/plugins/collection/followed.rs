//! Another set of plugins from registries than before.

use std::sync::Arc;

use super::super::remote::{RemotePlugin, Turn};
use super::Collection;

/// The name that two plugins would have.
pub(in super::super) struct NameTaken(pub(in super::super) String);

impl Collection {
    /// From now on these are the plugins from registries. What is there and changed
    /// serves as it is until what it should be was fetched and loaded.
    ///
    /// Nothing is done if one of the names belongs to another plugin that serves:
    /// that one would have to go, and what it refuses would be allowed.
    pub(in super::super) fn follow(
        &mut self,
        plugins: Vec<Arc<RemotePlugin>>,
    ) -> Result<Turn, NameTaken> {
        let taken = |name: &str| {
            self.pinned.contains_key(name) || self.serves(name) && !self.adopted.has(name)
        };
        if let Some(plugin) = plugins.iter().find(|plugin| taken(&plugin.name)) {
            return Err(NameTaken(plugin.name.clone()));
        }
        let turn = self.adopted.follow(plugins);
        for name in &turn.gone {
            // A file that could not have this name now can.
            if let Some(known) = self.known.get_mut(name) {
                known.seen = None;
            }
        }
        Ok(turn)
    }
}
