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
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;
    use crate::store::{FileStore, FileStoreConfig, NewRecord, RecordKind, Store as _};

    const RANDOM: &str = "f995ac50-3c4e-478f-95c3-5bc2c5ca08aa";
    const OTHER: &str = "84df0d3f-7d0b-4a0c-8a43-5ef9a2c8b3c1";

    struct House {
        root: TempDir,
        store: FileStore,
    }

    fn house(structure: &str) -> House {
        let root = TempDir::new().unwrap();
        let store = FileStore::open(FileStoreConfig {
            data_dir: root.path().join("data"),
            info_dir: root.path().join("info"),
            dir_structure: structure.parse().unwrap(),
            force_fsync: false,
        });
        House {
            store: store.unwrap(),
            root,
        }
    }

    impl House {
        fn path(&self, path: &str) -> PathBuf {
            self.root.path().join(path)
        }

        /// Makes a file that is two days old.
        fn put(&self, path: &str, content: &str) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            age(&path);
        }

        async fn create(&self, id: &str) -> crate::store::Record {
            let new = NewRecord {
                id: UploadId::new(id).unwrap(),
                length: Some(5),
                metadata: None,
                created_at: SystemTime::now(),
                path: None,
                kind: RecordKind::Whole,
            };
            self.store.create(new).await.unwrap().record
        }

        async fn sweep(&self) -> Vec<Stale> {
            let hour_ago = SystemTime::now() - Duration::from_secs(3600);
            let mut sweep = self.store.sweep(hour_ago);
            let mut all = Vec::new();
            while let Some(found) = sweep.step().await.unwrap() {
                all.extend(found);
            }
            all
        }
    }

    fn age(path: &Path) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(2 * 24 * 3600))
            .unwrap();
    }

    #[tokio::test]
    async fn unfinished_uploads_that_have_not_changed_are_found() {
        let house = house("y{year}");
        let mut records = Vec::new();
        for id in ["old", "finished", "continued", "young", "touched"] {
            records.push(house.create(id).await);
        }
        records[1].finished = true;
        house.store.update(&records[1]).await.unwrap();
        for (index, record) in records.iter().enumerate() {
            if index < 3 {
                age(&house.path(&format!("info/{}.info", record.id)));
            }
            if index != 2 && index != 3 {
                age(&house.path("data").join(&record.path));
            }
        }
        let old = UploadId::new("old").unwrap();
        assert_eq!(house.sweep().await, [Stale::Unfinished(old)]);
    }

    #[tokio::test]
    async fn every_upload_is_seen_however_many_there_are() {
        let house = house("");
        for n in 0..STEP_ENTRIES * 2 + 50 {
            let id = n.to_string();
            house.create(&id).await;
            age(&house.path("data").join(&id));
            age(&house.path(&format!("info/{id}.info")));
        }
        assert_eq!(house.sweep().await.len(), STEP_ENTRIES * 2 + 50);
    }

    #[tokio::test]
    async fn only_what_a_crash_of_ours_left_is_removed() {
        for (structure, directory) in [("", ""), ("a{year}/{month}", "a2026/2/")] {
            let house = house(structure);
            house.create("present").await;
            let ours = [
                "info/.rustus-abc123".to_owned(),
                "data/.rustus-abc123".to_owned(),
                format!("data/{directory}{RANDOM}"),
            ];
            let foreign = [
                ("info/.rustus-notes", ""),
                ("info/.rustus-abc1234", ""),
                ("info/foreign.info", "{}"),
                ("info/a.b.info", ""),
                ("data/notes", ""),
                ("data/.rustus-", ""),
                ("data/empty", ""),
                ("data/F995AC50-3C4E-478F-95C3-5BC2C5CA08AA", ""),
                (
                    "data/deep/deeper/still/84df0d3f-7d0b-4a0c-8a43-5ef9a2c8b3c1",
                    "",
                ),
                ("data/.hidden/2/84df0d3f-7d0b-4a0c-8a43-5ef9a2c8b3c1", ""),
            ];
            for path in &ours {
                house.put(path, "");
            }
            for (path, content) in foreign {
                house.put(path, content);
            }
            let with_bytes = format!("data/{directory}{OTHER}");
            house.put(&with_bytes, "x");
            let young = format!("data/{directory}0a0f2a2e-54a5-4c0e-9a51-95a1d2d40c11");
            fs::write(house.path(&young), "").unwrap();
            symlink(house.path("data"), house.path("data/link")).unwrap();

            assert_eq!(house.sweep().await, []);
            for path in &ours {
                assert!(!house.path(path).exists(), "{path}");
            }
            for path in [with_bytes.as_str(), &young, "data/link"] {
                assert!(house.path(path).exists(), "{path}");
            }
            for (path, _) in foreign {
                assert!(house.path(path).exists(), "{path}");
            }
        }
    }

    #[tokio::test]
    async fn the_data_file_of_an_upload_is_not_an_orphan() {
        let house = house("");
        house.create(RANDOM).await;
        age(&house.path("data").join(RANDOM));
        house.put(&format!("info/{OTHER}.info"), "not a record at all");
        house.put(&format!("data/{OTHER}"), "");
        house.sweep().await;
        assert!(house.path("data").join(RANDOM).exists());
        assert!(house.path("data").join(OTHER).exists());
    }

    #[tokio::test]
    async fn a_lost_mount_is_not_taken_for_lost_files() {
        let house = house("");
        house.put(&format!("data/{RANDOM}"), "");
        assert_eq!(house.sweep().await, []);
        assert!(house.path("data").join(RANDOM).exists());

        let house = self::house("");
        house.create("a").await;
        age(&house.path("info/a.info"));
        fs::remove_file(house.path("data/a")).unwrap();
        assert_eq!(house.sweep().await, []);
        house.put("data/another", "x");
        let a = UploadId::new("a").unwrap();
        assert_eq!(house.sweep().await, [Stale::WithoutBytes(a)]);
    }
}
