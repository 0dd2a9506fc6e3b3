//! The plugins that are known, and what a new look at the directory changes.
//!
//! A plugin whose files changed is loaded anew; if that fails, its old
//! generation keeps serving. The result of one look is published in one swap,
//! so that a renamed plugin is never missing and never there twice.

mod followed;
mod orders;
mod pinned;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::directory::{Listing, PluginFiles, Stranger};
use super::events::EventSet;
use super::generation::Generation;
use super::ingredients::{Gathered, Ingredients, Seen, gather};
use super::loader::{LoadError, Loaded, Loader, Source};
use super::module::PORTING;
use super::remote::{Adopted, Arrival};
use super::tally::Tally;
use pinned::Pinned;

pub(super) use followed::NameTaken;

/// One plugin and the files it was last loaded from.
struct Known {
    /// `None` when they are to be read again, changed or not.
    seen: Option<Seen>,
    ingredients: Option<Ingredients>,
    generation: Option<Arc<Generation>>,
    number: u64,
    /// Why what the files hold now does not serve.
    refused: Option<Arc<str>>,
    tally: Arc<Tally>,
}

/// All plugins of one directory.
pub(super) struct Collection {
    loader: Loader,
    known: BTreeMap<String, Known>,
    strangers: BTreeMap<PathBuf, Stranger>,
    /// The plugins of the server's own, which stay as they are.
    pinned: BTreeMap<String, Pinned>,
    /// The names of plugins that an operator switched off.
    disabled: BTreeSet<String>,
    adopted: Adopted,
}

/// What a look at the directory came to.
pub(super) struct Outcome {
    /// What serves now and did not before, and what no longer does.
    pub(super) changes: Vec<Change>,
    /// What was not loaded, and why. Said in the log already.
    pub(super) refused: Vec<(String, LoadError)>,
    /// When to look again because a file is still being written.
    pub(super) unsettled: Option<Duration>,
}

/// One plugin more, another or less. Said in the log when it is true.
pub(super) enum Change {
    Loaded {
        generation: Arc<Generation>,
        compiled: bool,
        took: Duration,
    },
    Removed(Arc<Generation>),
}

impl Change {
    pub(super) fn report(&self) {
        match self {
            Self::Loaded {
                generation,
                compiled,
                took,
            } => tracing::info!(
                plugin = generation.name(),
                generation = generation.number(),
                digest = generation.digest(),
                events = generation.subscription().all().to_string(),
                compiled,
                milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "plugin loaded"
            ),
            Self::Removed(generation) => tracing::info!(
                plugin = generation.name(),
                generation = generation.number(),
                digest = generation.digest(),
                "plugin removed"
            ),
        }
    }
}

/// What was read of a plugin's files.
enum Candidate {
    Unsettled(Duration),
    /// The same content in a file with another stamp.
    Same,
    Ready(Box<Source>, Ingredients),
}

impl Collection {
    pub(super) fn new(loader: Loader, adopted: Adopted) -> Self {
        Self {
            loader,
            known: BTreeMap::new(),
            strangers: BTreeMap::new(),
            pinned: BTreeMap::new(),
            disabled: BTreeSet::new(),
            adopted,
        }
    }

    /// The blocking events that are to be refused because a plugin from a
    /// registry is not there.
    pub(super) fn owed(&self) -> EventSet {
        self.adopted.owed(&self.disabled)
    }

    /// Whether a plugin from a registry has this name.
    pub(super) fn awaits(&self, name: &str) -> bool {
        self.adopted.has(name)
    }

    /// Loads what came from a registry.
    pub(super) async fn adopt(&mut self, arrival: Arrival) -> Option<Change> {
        self.adopted.adopt(&self.loader, arrival).await
    }

    /// Whether there is a plugin of this name that serves.
    pub(super) fn serves(&self, name: &str) -> bool {
        self.known
            .get(name)
            .is_some_and(|known| known.generation.is_some())
    }

    /// Brings the collection to what `listing` shows.
    pub(super) async fn update(&mut self, listing: Listing) -> Outcome {
        let mut outcome = Outcome {
            changes: self.remove_gone(&listing),
            refused: Vec::new(),
            unsettled: None,
        };
        for (name, files) in &listing.plugins {
            let known = self.known.get(name).and_then(|known| known.seen.as_ref());
            let mut seen = Seen::now(files, known);
            if known == Some(&seen) || listing.stale.contains(&files.place) {
                continue;
            }
            match self.load(name, files, &mut seen).await {
                Ok(None) => self.touch(name, seen),
                Ok(Some(Step::Wait(left))) => {
                    outcome.unsettled = Some(outcome.unsettled.map_or(left, |old| old.max(left)));
                }
                Ok(Some(Step::Swap(swap))) => {
                    let change = self.swap(name, seen, *swap);
                    outcome.changes.push(change);
                }
                Err(error) => {
                    self.keep(name, seen, &error);
                    outcome.refused.push((name.clone(), error));
                }
            }
        }
        self.report_strangers(listing.strangers);
        outcome
    }

    /// Notes in `seen` the files that it reads.
    async fn load(
        &self,
        name: &str,
        files: &PluginFiles,
        seen: &mut Seen,
    ) -> Result<Option<Step>, LoadError> {
        if self.pinned.contains_key(name) {
            return Err(LoadError::NameTaken);
        }
        if self.awaits(name) {
            return Err(LoadError::NameOfRemote);
        }
        let started = Instant::now();
        let (source, ingredients) = match self.candidate(name, files, seen)? {
            Candidate::Unsettled(left) => return Ok(Some(Step::Wait(left))),
            Candidate::Same => return Ok(None),
            Candidate::Ready(source, ingredients) => (source, ingredients),
        };
        let number = self.known.get(name).map_or(0, |known| known.number) + 1;
        let tally = Arc::clone(&source.tally);
        let loaded = self.loader.load(*source, number).await?;
        let swap = Swap {
            loaded,
            ingredients,
            tally,
            took: started.elapsed(),
        };
        Ok(Some(Step::Swap(Box::new(swap))))
    }

    fn candidate(
        &self,
        name: &str,
        files: &PluginFiles,
        seen: &mut Seen,
    ) -> Result<Candidate, LoadError> {
        let (manifest, bytes, ingredients) = match gather(files, seen)? {
            Gathered::Unsettled(left) => return Ok(Candidate::Unsettled(left)),
            Gathered::Whole {
                manifest,
                bytes,
                ingredients,
            } => (manifest, bytes, ingredients),
        };
        let known = self.known.get(name);
        if known.is_some_and(|known| known.ingredients.as_ref() == Some(&ingredients)) {
            return Ok(Candidate::Same);
        }
        let file = files.module.path.file_name().unwrap_or_default();
        let source = Source {
            name: name.to_owned(),
            file: file.to_string_lossy().into_owned(),
            place: files.place,
            bytes,
            manifest: *manifest,
            secrets: Arc::clone(&ingredients.secrets),
            schema: ingredients.schema.clone(),
            tally: known.map_or_else(Arc::default, |known| Arc::clone(&known.tally)),
        };
        Ok(Candidate::Ready(Box::new(source), ingredients))
    }

    fn remove_gone(&mut self, listing: &Listing) -> Vec<Change> {
        let gone = self
            .known
            .extract_if(.., |name, _| !listing.plugins.contains_key(name));
        gone.filter_map(|(_, known)| known.generation)
            .map(Change::Removed)
            .collect()
    }

    fn touch(&mut self, name: &str, seen: Seen) {
        if let Some(known) = self.known.get_mut(name) {
            known.seen = Some(seen);
            // What was refused since is gone again.
            known.refused = None;
        }
    }

    fn swap(&mut self, name: &str, seen: Seen, swap: Swap) -> Change {
        let Loaded {
            generation,
            compiled,
        } = swap.loaded;
        swap.tally.loads.one();
        self.known.insert(
            name.to_owned(),
            Known {
                seen: Some(seen),
                ingredients: Some(swap.ingredients),
                number: generation.number(),
                generation: Some(Arc::clone(&generation)),
                refused: None,
                tally: swap.tally,
            },
        );
        Change::Loaded {
            generation,
            compiled,
            took: swap.took,
        }
    }

    fn keep(&mut self, name: &str, seen: Seen, error: &LoadError) {
        let known = self.known.entry(name.to_owned()).or_insert(Known {
            seen: None,
            ingredients: None,
            generation: None,
            number: 0,
            refused: None,
            tally: Arc::default(),
        });
        known.seen = Some(seen);
        known.tally.refusals.count(error.cause());
        known.refused = Some(error.for_show().into());
        report_refusal(name, error, known.generation.as_deref());
    }

    fn report_strangers(&mut self, strangers: BTreeMap<PathBuf, Stranger>) {
        for (path, stranger) in &strangers {
            if self.strangers.get(path) == Some(stranger) {
                continue;
            }
            let file = path.display();
            match stranger {
                Stranger::Native => {
                    tracing::error!(%file, "a native hook is refused: {PORTING}");
                }
                Stranger::Other(reason) => {
                    tracing::warn!(%file, reason, "file in the directory of plugins ignored");
                }
            }
        }
        self.strangers = strangers;
    }
}

/// What to do with a plugin whose files changed.
enum Step {
    Wait(Duration),
    Swap(Box<Swap>),
}

/// A generation that takes another's place.
struct Swap {
    loaded: Loaded,
    ingredients: Ingredients,
    tally: Arc<Tally>,
    took: Duration,
}

fn report_refusal(plugin: &str, error: &LoadError, serving: Option<&Generation>) {
    match serving {
        Some(generation) => tracing::error!(
            plugin,
            error = error.to_string(),
            generation = generation.number(),
            digest = generation.digest(),
            "plugin not loaded; the generation before keeps serving"
        ),
        None => tracing::error!(
            plugin,
            error = error.to_string(),
            "plugin not loaded; nothing answers in its place"
        ),
    }
}
