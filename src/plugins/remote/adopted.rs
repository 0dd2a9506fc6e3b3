//! The plugins from registries that serve, and those that should.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::{Arrival, RemotePlugin};
use crate::oci::{Pulled, Puller};
use crate::plugins::collection::Change;
use crate::plugins::directory::Place;
use crate::plugins::events::EventSet;
use crate::plugins::generation::Generation;
use crate::plugins::loader::{Loaded, Loader, Source};

/// The plugins of `--hooks-oci` and `--hooks-oci-file`.
#[derive(Default)]
pub(in crate::plugins) struct Adopted {
    plugins: Vec<Arc<RemotePlugin>>,
    serving: BTreeMap<String, Arc<Generation>>,
    puller: Option<Arc<Puller>>,
}

impl Adopted {
    /// None of them serves yet.
    pub(in crate::plugins) const fn new(
        plugins: Vec<Arc<RemotePlugin>>,
        puller: Arc<Puller>,
    ) -> Self {
        Self {
            plugins,
            serving: BTreeMap::new(),
            puller: Some(puller),
        }
    }

    /// Whether one of them has this name, be it there or not.
    pub(in crate::plugins) fn has(&self, name: &str) -> bool {
        self.plugins.iter().any(|plugin| plugin.name == name)
    }

    /// Those that serve.
    pub(in crate::plugins) fn generations(&self) -> impl Iterator<Item = Arc<Generation>> + '_ {
        self.serving.values().cloned()
    }

    /// The blocking events that must be refused because a plugin that is required
    /// is not there.
    pub(in crate::plugins) fn owed(&self) -> EventSet {
        self.plugins
            .iter()
            .filter(|plugin| plugin.required && !self.serving.contains_key(&plugin.name))
            .flat_map(|plugin| plugin.manifest.events.iter())
            .filter(|kind| kind.is_blocking())
            .collect()
    }

    /// Loads what arrived. If it does not do, the generation before keeps
    /// serving, and the lock file leads there.
    pub(in crate::plugins) async fn adopt(
        &mut self,
        loader: &Loader,
        arrival: Arrival,
    ) -> Option<Change> {
        let Arrival::Pulled(plugin, pulled) = arrival else {
            return None;
        };
        let started = Instant::now();
        let Pulled {
            digest,
            module,
            signed_by,
            ..
        } = *pulled;
        let before = self.serving.get(&plugin.name);
        let source = Source {
            name: plugin.name.clone(),
            file: format!("{}.wasm", plugin.name),
            place: Place::Directory,
            bytes: module,
            manifest: plugin.manifest.clone(),
        };
        let number = before.map_or(0, |generation| generation.number()) + 1;
        let loaded = match loader.load(source, number).await {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!(
                    plugin = plugin.name, reference = %plugin.reference, artifact = %digest,
                    %error, serving = before.is_some(),
                    "plugin from a registry not loaded"
                );
                return None;
            }
        };
        tracing::info!(
            plugin = plugin.name, reference = %plugin.reference, artifact = %digest,
            signed_by = signed_by.join(", "),
            "plugin fetched from a registry"
        );
        if let Some(puller) = &self.puller
            && plugin.reference.digest().is_none()
            && let Err(error) = puller.lock.keep(&plugin.reference, &digest)
        {
            tracing::warn!(
                plugin = plugin.name, %error,
                "where its tag leads could not be kept; the next start follows it anew"
            );
        }
        let Loaded {
            generation,
            compiled,
        } = loaded;
        self.serving
            .insert(plugin.name.clone(), Arc::clone(&generation));
        Some(Change::Loaded {
            generation,
            compiled,
            took: started.elapsed(),
        })
    }
}
