//! Records as files: one `ID.info` each, JSON, changed only by renaming a
//! complete file over it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{require_directory, sync_all, sync_directory};
use crate::store::{DataPath, InvalidId, Parts, Record, RecordKind, Stage, StoreError, UploadId};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// What the name of a record ends in, after the id.
const ENDING: &str = ".info";

/// Begins with a dot, which neither ids nor data paths do.
const TEMPORARY_PREFIX: &str = ".rustus-";

/// A record as it stands in its file.
#[derive(Debug, Serialize, Deserialize)]
struct RecordFile {
    version: u32,
    id: String,
    /// Null while the client has not said.
    length: Option<u64>,
    metadata: Option<String>,
    created_at: SystemTime,
    path: String,
    finished: bool,
    kind: Kind,
    /// Only there while bytes are unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unverified: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Whole,
    Partial {
        used_by: Option<String>,
    },
    Final {
        header: String,
        parts: Vec<String>,
        requested_metadata: Option<String>,
        #[serde(default)]
        stage: Stage,
    },
}

/// Read on its own first, so that a newer version is recognised as one.
#[derive(Debug, Deserialize)]
struct Version {
    version: u32,
}

/// A record that does not stand yet. Its file goes when it is dropped.
#[derive(Debug)]
pub(super) struct Prepared {
    complete: NamedTempFile,
    path: PathBuf,
    sync: bool,
}

/// The info directory. Everything here blocks.
#[derive(Debug)]
pub(super) struct RecordDir {
    root: PathBuf,
}

impl RecordDir {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The directory itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn file(&self, id: &UploadId) -> PathBuf {
        self.root.join(format!("{id}{ENDING}"))
    }

    /// Whether there is a record of this name, whatever it is.
    pub(super) fn exists(&self, id: &UploadId) -> io::Result<bool> {
        self.file(id).try_exists()
    }

    pub(super) fn read(&self, id: &UploadId) -> Result<Record, StoreError> {
        self.read_edition(id).map(|(record, _)| record)
    }

    /// A record, and which of its editions it is.
    pub(super) fn read_edition(&self, id: &UploadId) -> Result<(Record, Edition), StoreError> {
        let path = self.file(id);
        let read = || {
            let mut file = File::open(&path)?;
            let edition = Edition::of(&file.metadata()?);
            let mut json = Vec::new();
            file.read_to_end(&mut json)?;
            Ok((json, edition))
        };
        let (json, edition) = read().map_err(|source| self.unreadable(&path, source))?;
        match parse(&json, id) {
            Ok(record) => Ok((record, edition)),
            Err(reason) => Err(StoreError::DamagedRecord { path, reason }),
        }
    }

    fn unreadable(&self, path: &Path, source: io::Error) -> StoreError {
        if source.kind() != io::ErrorKind::NotFound {
            return StoreError::io("read", path, source);
        }
        // A client that is told that there is no such upload begins anew; it
        // must not be told so by a mount that was lost.
        match require_directory(&self.root) {
            Ok(()) => StoreError::NotFound,
            Err(lost) => lost,
        }
    }

    /// Which edition of a record stands now.
    pub(super) fn edition(&self, id: &UploadId) -> Result<Edition, StoreError> {
        let path = self.file(id);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Edition::of(&metadata)),
            Err(source) => Err(self.unreadable(&path, source)),
        }
    }

    /// Writes the record of a new upload.
    pub(super) fn create(&self, record: &Record, sync: bool) -> Result<(), StoreError> {
        let path = self.file(&record.id);
        let complete = self.write(record, &path, sync)?;
        match complete.persist_noclobber(&path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(StoreError::IdTaken);
            }
            Err(error) => return Err(StoreError::io("create", path, error.error)),
        }
        if sync {
            sync_directory(&self.root)?;
        }
        Ok(())
    }

    /// Writes the record of an existing upload anew.
    pub(super) fn replace(&self, record: &Record, sync: bool) -> Result<(), StoreError> {
        self.put(self.prepare(record, sync)?)
    }

    /// Writes the record of an existing upload beside the one that stands.
    pub(super) fn prepare(&self, record: &Record, sync: bool) -> Result<Prepared, StoreError> {
        let path = self.file(&record.id);
        let complete = self.write(record, &path, sync)?;
        Ok(Prepared {
            complete,
            path,
            sync,
        })
    }

    /// Puts a record in the place of the one that stands.
    pub(super) fn put(&self, prepared: Prepared) -> Result<(), StoreError> {
        let Prepared {
            complete,
            path,
            sync,
        } = prepared;
        complete
            .persist(&path)
            .map_err(|error| StoreError::io("replace", path, error.error))?;
        if sync {
            sync_directory(&self.root)?;
        }
        Ok(())
    }

    /// Makes the record and its name durable.
    pub(super) fn sync(&self, id: &UploadId) -> Result<(), StoreError> {
        sync_all(&self.file(id))?;
        sync_directory(&self.root)
    }

    pub(super) fn remove(&self, id: &UploadId, sync: bool) -> Result<(), StoreError> {
        let path = self.file(id);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NotFound);
            }
            Err(source) => return Err(StoreError::io("remove", path, source)),
        }
        if sync {
            sync_directory(&self.root)?;
        }
        Ok(())
    }

    /// A complete file without its name yet.
    fn write(&self, record: &Record, path: &Path, sync: bool) -> Result<NamedTempFile, StoreError> {
        let failed = |source| StoreError::io("write", path, source);
        let json = serde_json::to_vec(&RecordFile::from(record))
            .map_err(|error| failed(io::Error::other(error)))?;
        let mut file = temporary_file(&self.root).map_err(failed)?;
        file.write_all(&json).map_err(failed)?;
        if sync {
            file.as_file().sync_all().map_err(failed)?;
        }
        Ok(file)
    }
}

/// Whether a file of this name is one that was being written: the prefix and
/// the six letters and digits that the temporary names are made of.
pub(super) fn is_temporary(name: &str) -> bool {
    name.strip_prefix(TEMPORARY_PREFIX).is_some_and(|random| {
        random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Whose record a file of this name is.
pub(super) fn record_id(name: &str) -> Option<UploadId> {
    UploadId::new(name.strip_suffix(ENDING)?).ok()
}

/// Tells one file from the next that was renamed over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edition {
    inode: u64,
    changed: (i64, i64),
}

impl Edition {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file in `directory` that goes away unless it is given a name. Who may read
/// it the umask decides, as for data files.
pub(super) fn temporary_file(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)
}

impl From<&Record> for RecordFile {
    fn from(record: &Record) -> Self {
        Self {
            version: VERSION,
            id: record.id.as_str().to_owned(),
            length: record.length,
            metadata: record.metadata.clone(),
            created_at: record.created_at,
            path: record.path.as_str().to_owned(),
            finished: record.finished,
            kind: Kind::from(&record.kind),
            unverified: record.unverified,
        }
    }
}

impl From<&RecordKind> for Kind {
    fn from(kind: &RecordKind) -> Self {
        match kind {
            RecordKind::Whole => Self::Whole,
            RecordKind::Partial { used_by } => Self::Partial {
                used_by: used_by.as_ref().map(|id| id.as_str().to_owned()),
            },
            RecordKind::Final(parts) => Self::Final {
                header: parts.header.clone(),
                parts: parts.ids.iter().map(|id| id.as_str().to_owned()).collect(),
                requested_metadata: parts.requested_metadata.clone(),
                stage: parts.stage,
            },
        }
    }
}

fn kind(kind: Kind) -> Result<RecordKind, InvalidId> {
    Ok(match kind {
        Kind::Whole => RecordKind::Whole,
        Kind::Partial { used_by } => RecordKind::Partial {
            used_by: used_by.map(UploadId::new).transpose()?,
        },
        Kind::Final {
            header,
            parts,
            requested_metadata,
            stage,
        } => RecordKind::Final(Parts {
            header,
            ids: parts
                .into_iter()
                .map(UploadId::new)
                .collect::<Result<_, _>>()?,
            requested_metadata,
            stage,
        }),
    })
}

/// The record in `json`, which was found under `id`.
fn parse(json: &[u8], id: &UploadId) -> Result<Record, String> {
    let Version { version } = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if version != VERSION {
        return Err(format!("its version is {version}, expected {VERSION}"));
    }
    let file: RecordFile = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if file.id != id.as_str() {
        return Err("it is the record of another upload".to_owned());
    }
    Ok(Record {
        id: id.clone(),
        length: file.length,
        metadata: file.metadata,
        created_at: file.created_at,
        path: DataPath::new(file.path).map_err(|error| error.to_string())?,
        finished: file.finished,
        kind: kind(file.kind).map_err(|error| error.to_string())?,
        unverified: file.unverified,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_are_known_by_their_names() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..100 {
            let file = temporary_file(directory.path()).unwrap();
            let name = file.path().file_name().unwrap().to_str().unwrap();
            assert!(is_temporary(name), "{name}");
        }
        for foreign in [
            ".rustus-",
            ".rustus-notes",
            ".rustus-abcde.",
            "rustus-abcdef",
        ] {
            assert!(!is_temporary(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_record_that_is_not_ours_is_damaged_and_not_a_panic() {
        let id = UploadId::new("a").unwrap();
        let good = r#"{"version":1,"id":"a","length":3,"metadata":null,"created_at":{"secs_since_epoch":1,"nanos_since_epoch":5},"path":"a","finished":false,"kind":"whole"}"#;
        assert!(parse(good.as_bytes(), &id).is_ok());
        for (json, reason) in [
            (String::new(), "EOF"),
            (good[..40].to_owned(), "EOF"),
            (r#"{"id":"a"}"#.to_owned(), "version"),
            (
                good.replace("\"version\":1", "\"version\":2"),
                "version is 2",
            ),
            (
                good.replace("\"id\":\"a\"", "\"id\":\"b\""),
                "another upload",
            ),
            (
                good.replace("\"path\":\"a\"", "\"path\":\"../a\""),
                "data path",
            ),
            (good.replace(":3", ":-3"), "invalid value"),
            (good.replace("whole", "half"), "half"),
            (
                good.replace("\"whole\"", r#"{"partial":{"used_by":"../a"}}"#),
                "upload id",
            ),
        ] {
            let error = parse(json.as_bytes(), &id).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
