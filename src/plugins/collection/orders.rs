//! What an operator sees of plugins, and has done with them.

use std::sync::Arc;

use super::super::standing::Standing;
use super::{Change, Collection, Known, report_refusal};

impl Collection {
    /// How every plugin stands.
    pub(in super::super) fn standings(&self) -> Vec<Standing> {
        let own = self.pinned.iter().map(|(name, pinned)| Standing {
            name: name.as_str().into(),
            built_in: true,
            reference: None,
            disabled: self.disabled.contains(name),
            generation: Some(Arc::clone(&pinned.generation)),
            refused: pinned.refused.clone(),
            tally: Arc::clone(&pinned.tally),
        });
        // A file that may not serve because of its name is a matter of the log.
        let free = |(name, _): &(&String, &Known)| {
            !self.pinned.contains_key(*name) && !self.adopted.has(name)
        };
        let known = self.known.iter().filter(free);
        let known = known.map(|(name, known)| Standing {
            name: name.as_str().into(),
            built_in: false,
            reference: None,
            disabled: self.disabled.contains(name),
            generation: known.generation.clone(),
            refused: known.refused.clone(),
            tally: Arc::clone(&known.tally),
        });
        let adopted = self.adopted.standings(&self.disabled);
        own.chain(adopted).chain(known).collect()
    }

    /// How one plugin stands.
    pub(in super::super) fn standing(&self, name: &str) -> Option<Standing> {
        let mut all = self.standings().into_iter();
        all.find(|standing| &*standing.name == name)
    }

    /// Switches a plugin on or off. Whether that is a change.
    pub(in super::super) fn set_disabled(&mut self, name: &str, disabled: bool) -> bool {
        if disabled {
            self.disabled.insert(name.to_owned())
        } else {
            self.disabled.remove(name)
        }
    }

    /// Has a plugin's files read at the next look, changed or not. One of the
    /// server's own, or from a registry, is loaded anew at once.
    pub(in super::super) async fn read_again(&mut self, name: &str) -> Option<Change> {
        if let Some(known) = self.known.get_mut(name) {
            known.seen = None;
            known.ingredients = None;
        }
        if self.adopted.has(name) {
            return self.adopted.load_again(&self.loader, name).await;
        }
        let pinned = self.pinned.get(name)?;
        let (module, manifest) = (pinned.module, pinned.manifest.clone());
        match self.pin(name, module, manifest).await {
            Ok(change) => Some(change),
            Err(error) => {
                if let Some(pinned) = self.pinned.get_mut(name) {
                    pinned.tally.refusals.count(error.cause());
                    pinned.refused = Some(error.for_show().into());
                    report_refusal(name, &error, Some(&pinned.generation));
                }
                None
            }
        }
    }
}
