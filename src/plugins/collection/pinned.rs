//! The plugins of the server's own: loaded from what is built in, and replaced
//! by nothing in the directory.

use std::sync::Arc;
use std::time::Instant;

use super::super::directory::Place;
use super::super::generation::Generation;
use super::super::loader::{LoadError, Loaded, Source};
use super::super::manifest::Manifest;
use super::super::tally::Tally;
use super::{Change, Collection};

/// A plugin of the server's own.
pub(super) struct Pinned {
    pub(super) module: &'static [u8],
    pub(super) manifest: Manifest,
    pub(super) generation: Arc<Generation>,
    pub(super) refused: Option<Arc<str>>,
    pub(super) tally: Arc<Tally>,
}

impl Collection {
    /// Loads a plugin of the server's own, which nothing in the directory
    /// replaces.
    pub(in super::super) async fn pin(
        &mut self,
        name: &str,
        module: &'static [u8],
        manifest: Manifest,
    ) -> Result<Change, LoadError> {
        let before = self.pinned.get(name);
        let tally = before.map_or_else(Arc::default, |before| Arc::clone(&before.tally));
        let number = before.map_or(0, |before| before.generation.number()) + 1;
        let started = Instant::now();
        let source = Source {
            name: name.to_owned(),
            file: format!("{name}.wasm"),
            place: Place::Directory,
            bytes: module.to_vec(),
            manifest: manifest.clone(),
            secrets: Arc::default(),
            schema: None,
            tally: Arc::clone(&tally),
        };
        let Loaded {
            generation,
            compiled,
        } = self.loader.load(source, number).await?;
        tally.loads.one();
        let pinned = Pinned {
            module,
            manifest,
            generation: Arc::clone(&generation),
            refused: None,
            tally,
        };
        self.pinned.insert(name.to_owned(), pinned);
        Ok(Change::Loaded {
            generation,
            compiled,
            took: started.elapsed(),
        })
    }
}
