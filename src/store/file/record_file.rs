//! Records as files: one `ID.info` each, JSON, changed only by renaming a
//! complete file over it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::sync_directory;
use crate::store::{DataPath, Record, RecordKind, StoreError, UploadId};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Begins with a dot, which neither ids nor data paths do.
const TEMPORARY_PREFIX: &str = ".rustus-";

/// A record as it stands in its file.
#[derive(Debug, Serialize, Deserialize)]
struct RecordFile {
    version: u32,
    id: String,
    length: u64,
    metadata: Option<String>,
    created_at: SystemTime,
    path: String,
    finished: bool,
    kind: Kind,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Whole,
}

/// Read on its own first, so that a newer version is recognised as one.
#[derive(Debug, Deserialize)]
struct Version {
    version: u32,
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
        self.root.join(format!("{id}.info"))
    }

    pub(super) fn read(&self, id: &UploadId) -> Result<Record, StoreError> {
        let path = self.file(id);
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NotFound);
            }
            Err(source) => return Err(StoreError::io("read", path, source)),
        };
        parse(&json, id).map_err(|reason| StoreError::DamagedRecord { path, reason })
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
        let path = self.file(&record.id);
        let complete = self.write(record, &path, sync)?;
        complete
            .persist(&path)
            .map_err(|error| StoreError::io("replace", path, error.error))?;
        if sync {
            sync_directory(&self.root)?;
        }
        Ok(())
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

/// A file in `directory` that goes away unless it is given a name.
pub(super) fn temporary_file(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
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
            kind: match record.kind {
                RecordKind::Whole => Kind::Whole,
            },
        }
    }
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
        kind: match file.kind {
            Kind::Whole => RecordKind::Whole,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            let error = parse(json.as_bytes(), &id).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
