//! The plugins from registries that serve, and those that should.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::{Arrival, RemotePlugin, imports};
use crate::oci::{Digest, PullPolicy, Pulled, Puller, Wanted};
use crate::plugins::collection::Change;
use crate::plugins::events::EventSet;
use crate::plugins::generation::Generation;
use crate::plugins::loader::{LoadError, Loaded, Loader};
use crate::plugins::standing::Standing;
use crate::plugins::tally::Tally;

/// The plugins of `--hooks-oci` and `--hooks-oci-file`.
#[derive(Default)]
pub(in crate::plugins) struct Adopted {
    wards: Vec<Ward>,
    puller: Option<Arc<Puller>>,
}

/// One of them, be it there or not.
struct Ward {
    plugin: Arc<RemotePlugin>,
    serving: Option<Serving>,
    /// What came last, be it loaded or not.
    came: Option<Digest>,
    refused: Option<Arc<str>>,
    tally: Arc<Tally>,
}

struct Serving {
    generation: Arc<Generation>,
    artifact: Digest,
}

impl Adopted {
    /// None of them serves yet.
    pub(in crate::plugins) fn new(plugins: Vec<Arc<RemotePlugin>>, puller: Arc<Puller>) -> Self {
        let wards = plugins.into_iter().map(|plugin| Ward {
            plugin,
            serving: None,
            came: None,
            refused: None,
            tally: Arc::default(),
        });
        Self {
            wards: wards.collect(),
            puller: Some(puller),
        }
    }

    /// Whether one of them has this name, be it there or not.
    pub(in crate::plugins) fn has(&self, name: &str) -> bool {
        self.wards.iter().any(|ward| ward.plugin.name == name)
    }

    /// How they stand.
    pub(in crate::plugins) fn standings(
        &self,
        disabled: &BTreeSet<String>,
    ) -> impl Iterator<Item = Standing> {
        self.wards.iter().map(|ward| Standing {
            name: ward.plugin.name.as_str().into(),
            built_in: false,
            reference: Some(ward.plugin.reference.to_string().into()),
            disabled: disabled.contains(&ward.plugin.name),
            generation: ward.generation().cloned(),
            refused: ward.refused.clone(),
            tally: Arc::clone(&ward.tally),
        })
    }

    /// The blocking events that must be refused because a plugin that is required
    /// is not there.
    pub(in crate::plugins) fn owed(&self, disabled: &BTreeSet<String>) -> EventSet {
        let absent = self.wards.iter().filter(|ward| ward.serving.is_none());
        absent
            .map(|ward| &ward.plugin)
            .filter(|plugin| plugin.required && !disabled.contains(&plugin.name))
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
        let name = arrival.name();
        let ward = self.wards.iter_mut().find(|it| it.plugin.name == name)?;
        let Arrival::Pulled(_, pulled) = arrival else {
            ward.was_not_fetched();
            return None;
        };
        let (artifact, signed_by) = (pulled.digest.clone(), pulled.signed_by.join(", "));
        ward.came = Some(artifact.clone());
        let change = ward.take(loader, *pulled).await?;
        let plugin = &ward.plugin;
        tracing::info!(
            plugin = plugin.name, reference = %plugin.reference, %artifact, signed_by,
            "plugin fetched from a registry"
        );
        if let Some(puller) = &self.puller {
            ward.lock(puller, &artifact);
        }
        Some(change)
    }

    /// Loads one of them anew from what is cached, with what its grants and secrets
    /// are now. Whether its tag leads elsewhere is not a matter of this.
    pub(in crate::plugins) async fn load_again(
        &mut self,
        loader: &Loader,
        name: &str,
    ) -> Option<Change> {
        let ward = self.wards.iter_mut().find(|it| it.plugin.name == name)?;
        let puller = self.puller.as_ref()?;
        let serving = ward.serving.as_ref().map(|serving| &serving.artifact);
        // One that could not be loaded when it came has nothing that serves.
        let artifact = serving.or(ward.came.as_ref())?.clone();
        let wanted = Wanted {
            reference: ward.plugin.reference.clone(),
            policy: PullPolicy::Never,
            limit: ward.plugin.manifest.limits.module as u64,
        };
        let allowed = |config: &_| imports::check(config, &ward.plugin.manifest);
        match puller.pull_digest(&wanted, artifact.clone(), allowed).await {
            Ok(pulled) => {
                let change = ward.take(loader, pulled).await?;
                ward.lock(puller, &artifact);
                Some(change)
            }
            Err(error) => {
                tracing::error!(
                    plugin = name, reference = %ward.plugin.reference, %error,
                    "plugin from a registry not loaded anew"
                );
                ward.was_not_fetched();
                None
            }
        }
    }
}

impl Ward {
    fn generation(&self) -> Option<&Arc<Generation>> {
        self.serving.as_ref().map(|serving| &serving.generation)
    }

    /// Keeps that its tag leads to what serves.
    fn lock(&self, puller: &Puller, artifact: &Digest) {
        let plugin = &self.plugin;
        if plugin.reference.digest().is_none()
            && let Err(error) = puller.lock.keep(&plugin.reference, artifact)
        {
            tracing::warn!(
                plugin = plugin.name, %error,
                "where its tag leads could not be kept; the next start follows it anew"
            );
        }
    }

    /// Said in the log already. One that serves may be looked at again without
    /// news, so that for it this is over sooner than it would be known.
    fn was_not_fetched(&mut self) {
        self.tally.refusals.count("fetch");
        if self.serving.is_none() {
            self.refused = Some("it was not had from its registry; the log says why".into());
        }
    }

    async fn take(&mut self, loader: &Loader, pulled: Pulled) -> Option<Change> {
        let started = Instant::now();
        let Pulled { digest, module, .. } = pulled;
        match self.load(loader, module).await {
            Ok(Loaded {
                generation,
                compiled,
            }) => {
                self.tally.loads.one();
                self.refused = None;
                self.serving = Some(Serving {
                    generation: Arc::clone(&generation),
                    artifact: digest,
                });
                Some(Change::Loaded {
                    generation,
                    compiled,
                    took: started.elapsed(),
                })
            }
            Err(error) => {
                tracing::error!(
                    plugin = self.plugin.name, reference = %self.plugin.reference,
                    artifact = %digest, %error, serving = self.serving.is_some(),
                    "plugin from a registry not loaded"
                );
                self.tally.refusals.count(error.cause());
                self.refused = Some(error.for_show().into());
                None
            }
        }
    }

    async fn load(&self, loader: &Loader, module: Vec<u8>) -> Result<Loaded, LoadError> {
        let source = self.plugin.source(module, Arc::clone(&self.tally))?;
        let before = self.generation();
        let number = before.map_or(0, |generation| generation.number()) + 1;
        loader.load(source, number).await
    }
}
