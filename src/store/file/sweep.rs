//! A walk over the files of a store, for what nobody needs any more.
//!
//! The directories may hold files of others, so only what the server itself
//! must have made is removed here, and only when it is old:
//! - temporary files, by their names;
//! - empty data files without a record, which a crash in the middle of a
//!   creation leaves, if they are named by an id of the server's own making and
//!   lie where such files lie.
//!
//! A data file with bytes is never removed without its record. And neither a
//! missing record nor a missing data file is believed while the directory where
//! it should be is empty: that is what a lost mount looks like.

use std::fs::{self, DirEntry, FileType, Metadata, ReadDir};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::Inner;
use super::record_file::{is_temporary, record_id};
use crate::store::{Stale, StoreError, Sweep, UploadId};

/// Directory entries looked at in one visit to the blocking threads: about a
/// millisecond when the records have to be read.
const STEP_ENTRIES: usize = 100;

/// How long what belongs to nobody stays. No operation takes as long, so nothing
/// is removed that is just being made.
const ORPHAN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A walk under way.
pub(super) struct FileSweep(Option<Walk>);

struct Walk {
    store: Arc<Inner>,
    unchanged_since: SystemTime,
    orphaned_since: SystemTime,
    current: Option<(Place, ReadDir)>,
    next: Vec<Place>,
    /// Whether there is any record.
    has_records: bool,
}

#[derive(Clone)]
enum Place {
    /// The info directory.
    Records,
    /// A directory of data files, so many levels above the files.
    Data { directory: PathBuf, above: usize },
}

impl FileSweep {
    pub(super) fn new(store: Arc<Inner>, unchanged_since: SystemTime) -> Self {
        let now = SystemTime::now();
        let data = Place::Data {
            directory: store.data.root().to_owned(),
            above: store.data.depth(),
        };
        Self(Some(Walk {
            store,
            unchanged_since,
            orphaned_since: now
                .checked_sub(ORPHAN_AGE)
                .unwrap_or(SystemTime::UNIX_EPOCH),
            current: None,
            // Taken from the end.
            next: vec![data, Place::Records],
            has_records: false,
        }))
    }
}

#[async_trait]
impl Sweep for FileSweep {
    async fn step(&mut self) -> Result<Option<Vec<Stale>>, StoreError> {
        let Some(mut walk) = self.0.take() else {
            return Ok(None);
        };
        let (walk, found) = spawn_blocking(move || {
            let found = walk.step();
            (walk, found)
        })
        .await?;
        if found.is_some() {
            self.0 = Some(walk);
        }
        Ok(found)
    }
}

impl Walk {
    /// What the next entries show; `None` at the end.
    fn step(&mut self) -> Option<Vec<Stale>> {
        let mut found = Vec::new();
        for _ in 0..STEP_ENTRIES {
            let Some((place, entry)) = self.next_entry() else {
                return (!found.is_empty()).then_some(found);
            };
            // What went away in between is nobody's any more.
            match self.look_at(&place, &entry) {
                Ok(stale) => found.extend(stale),
                Err(error) => {
                    tracing::debug!(path = %entry.path().display(), %error, "passed over");
                }
            }
        }
        Some(found)
    }

    fn next_entry(&mut self) -> Option<(Place, DirEntry)> {
        loop {
            if let Some((place, entries)) = &mut self.current {
                match entries.next() {
                    Some(Ok(entry)) => return Some((place.clone(), entry)),
                    Some(Err(_)) | None => self.current = None,
                }
            }
            let place = self.next.pop()?;
            let directory = match &place {
                Place::Records => self.store.records.root(),
                Place::Data { directory, .. } => directory,
            };
            match fs::read_dir(directory) {
                Ok(entries) => self.current = Some((place, entries)),
                Err(error) => {
                    tracing::warn!(directory = %directory.display(), %error, "cannot be cleaned");
                }
            }
        }
    }

    fn look_at(&mut self, place: &Place, entry: &DirEntry) -> io::Result<Option<Stale>> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Ok(None);
        };
        // Links are not followed: what they lead to is not ours to judge.
        let kind = entry.file_type()?;
        if is_temporary(name) {
            self.remove_temporary(entry, kind)?;
            return Ok(None);
        }
        match place {
            Place::Records if kind.is_file() => match record_id(name) {
                Some(id) => self.look_at_record(id, &entry.metadata()?),
                None => Ok(None),
            },
            Place::Records => Ok(None),
            Place::Data { above: 0, .. } => {
                self.look_at_data_file(name, entry, kind)?;
                Ok(None)
            }
            Place::Data { above, .. } => {
                if kind.is_dir() && !name.starts_with('.') {
                    self.next.push(Place::Data {
                        directory: entry.path(),
                        above: above.saturating_sub(1),
                    });
                }
                Ok(None)
            }
        }
    }

    fn look_at_record(&mut self, id: UploadId, file: &Metadata) -> io::Result<Option<Stale>> {
        self.has_records = true;
        let changed = file.modified()?;
        // The bytes of an upload are hardly ever older than its record, so most
        // records need not be read. Those that are, are looked at later.
        if changed > self.unchanged_since && changed > self.orphaned_since {
            return Ok(None);
        }
        let record = self.store.records.read(&id).map_err(io::Error::other)?;
        match self.store.data.state(&record.path) {
            Ok(data) if !record.finished && data.changed_at <= self.unchanged_since => {
                Ok(Some(Stale::Unfinished(id)))
            }
            Ok(_) => Ok(None),
            Err(StoreError::NotFound) if changed <= self.orphaned_since => {
                let file = self.store.data.file(&record.path);
                Ok(has_entries(file.parent())?.then_some(Stale::WithoutBytes(id)))
            }
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn look_at_data_file(&self, name: &str, entry: &DirEntry, kind: FileType) -> io::Result<()> {
        if !kind.is_file() || !is_random_id(name) || !self.has_records {
            return Ok(());
        }
        let file = entry.metadata()?;
        let Ok(id) = UploadId::new(name) else {
            return Ok(());
        };
        if file.len() == 0
            && file.modified()? <= self.orphaned_since
            && !self.store.records.exists(&id)?
        {
            fs::remove_file(entry.path())?;
            tracing::info!(path = %entry.path().display(), "an empty data file without record removed");
        }
        Ok(())
    }

    fn remove_temporary(&self, entry: &DirEntry, kind: FileType) -> io::Result<()> {
        if kind.is_file() && entry.metadata()?.modified()? <= self.orphaned_since {
            fs::remove_file(entry.path())?;
            tracing::info!(path = %entry.path().display(), "a temporary file left by a crash removed");
        }
        Ok(())
    }
}

/// Whether `name` is one that [`UploadId::random`] may have given.
fn is_random_id(name: &str) -> bool {
    Uuid::try_parse(name).is_ok_and(|uuid| uuid.get_version_num() == 4 && uuid.to_string() == name)
}

fn has_entries(directory: Option<&Path>) -> io::Result<bool> {
    match directory.map(fs::read_dir) {
        Some(Ok(mut entries)) => Ok(entries.next().is_some()),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Some(Err(error)) => Err(error),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests;
