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
    /// Whether it is of what the plugin is to be now, and not of what it was to be
    /// before.
    is_current: bool,
}

/// What became of the plugins when others were to run.
pub(in crate::plugins) struct Turn {
    /// All that are to run now. Those that stay as they are, are the same as before.
    pub(in crate::plugins) plugins: Vec<Arc<RemotePlugin>>,
    /// The names of those that are to be fetched, since they are new or another.
    pub(in crate::plugins) fetched: Vec<String>,
    /// The names of those that no longer run.
    pub(in crate::plugins) gone: Vec<String>,
    /// What no longer serves with that.
    pub(in crate::plugins) changes: Vec<Change>,
}

impl Adopted {
    /// None of them serves yet.
    pub(in crate::plugins) fn new(plugins: Vec<Arc<RemotePlugin>>, puller: Arc<Puller>) -> Self {
        Self {
            wards: plugins.into_iter().map(Ward::new).collect(),
            puller: Some(puller),
        }
    }

    /// Whether one of them has this name, be it there or not.
    pub(in crate::plugins) fn has(&self, name: &str) -> bool {
        self.wards.iter().any(|ward| ward.plugin.name == name)
    }

    /// Has others run than before.
    pub(in crate::plugins) fn follow(&mut self, plugins: Vec<Arc<RemotePlugin>>) -> Turn {
        let mut before = std::mem::take(&mut self.wards);
        let mut fetched = Vec::new();
        for plugin in plugins {
            let known = before.iter().position(|it| it.plugin.name == plugin.name);
            let ward = match known.map(|at| before.swap_remove(at)) {
                Some(ward) if ward.plugin == plugin => ward,
                Some(ward) => {
                    fetched.push(plugin.name.clone());
                    ward.becoming(plugin)
                }
                None => {
                    fetched.push(plugin.name.clone());
                    Ward::new(plugin)
                }
            };
            self.wards.push(ward);
        }
        Turn {
            plugins: self.wards.iter().map(|it| Arc::clone(&it.plugin)).collect(),
            fetched,
            gone: before.iter().map(|it| it.plugin.name.clone()).collect(),
            changes: before
                .into_iter()
                .filter_map(|ward| ward.serving)
                .map(|serving| Change::Removed(serving.generation))
                .collect(),
        }
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
        // What was fetched before the plugin was to be another has no place any more.
        let wanted = arrival.plugin();
        let mut wards = self.wards.iter_mut();
        let ward = wards.find(|it| Arc::ptr_eq(&it.plugin, wanted))?;
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
        let serving = ward.current().map(|serving| &serving.artifact);
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
    fn new(plugin: Arc<RemotePlugin>) -> Self {
        Self {
            plugin,
            serving: None,
            came: None,
            refused: None,
            tally: Arc::default(),
        }
    }

    /// The same, which is to be another. What serves does so until that is there.
    fn becoming(self, plugin: Arc<RemotePlugin>) -> Self {
        let serving = self.serving.map(|serving| Serving {
            is_current: false,
            ..serving
        });
        Self {
            plugin,
            serving,
            came: None,
            refused: None,
            tally: self.tally,
        }
    }

    /// What serves, if that is what should.
    fn current(&self) -> Option<&Serving> {
        self.serving.as_ref().filter(|serving| serving.is_current)
    }

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
        if self.current().is_none() {
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
                    is_current: true,
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
