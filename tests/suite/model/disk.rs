//! What lies in the directories of a server.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::harness::directory::files_below;

/// One look at a directory of data and records.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    /// By the id of the upload.
    pub records: BTreeMap<String, Record>,
    /// Data files that belong to no record, with their sizes.
    pub strangers: BTreeMap<String, u64>,
    /// Files that are being written, or were.
    pub temporary: usize,
}

#[derive(Debug)]
pub struct Record {
    /// None as long as nobody has said it.
    pub length: Option<u64>,
    pub metadata: Option<String>,
    pub finished: bool,
    path: String,
    /// Bytes from here on do not count yet.
    unverified: Option<u64>,
}

impl Disk {
    /// An error if a record is torn, or if something changes under the look.
    pub fn look(root: &Path) -> Result<Self, String> {
        let (mut records, mut data, mut temporary) = (BTreeMap::new(), BTreeSet::new(), 0);
        for file in files_below(root) {
            if file == ".locks" || file.starts_with(".outbox/") {
                // There as long as the directory.
            } else if file.starts_with(".rustus-") {
                temporary += 1;
            } else if let Some(id) = file.strip_suffix(".info") {
                records.insert(id.to_owned(), Record::read(root, id)?);
            } else {
                data.insert(file);
            }
        }
        for record in records.values() {
            data.remove(&record.path);
        }
        let strangers = data
            .into_iter()
            .map(|file| match fs::metadata(root.join(&file)) {
                Ok(metadata) => Ok((file, metadata.len())),
                Err(error) => Err(format!("{file}: {error}")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            root: root.to_owned(),
            records,
            strangers,
            temporary,
        })
    }

    /// The bytes of an upload that count.
    pub fn data(&self, id: &str) -> Result<Vec<u8>, String> {
        let record = self.records.get(id).ok_or("it has no record")?;
        let mut bytes = fs::read(self.root.join(&record.path))
            .map_err(|error| format!("its data file: {error}"))?;
        if let Some(end) = record.unverified {
            bytes.truncate(usize::try_from(end).unwrap());
        }
        Ok(bytes)
    }

    /// Makes the files of an upload look as if nobody had touched them for this
    /// long.
    pub fn age(&self, id: &str, by: Duration) {
        let record = &self.records[id];
        for file in [format!("{id}.info"), record.path.clone()] {
            age(&self.root.join(file), by);
        }
    }

    /// The same for all files.
    pub fn age_all(&self, by: Duration) {
        for file in files_below(&self.root) {
            age(&self.root.join(file), by);
        }
    }
}

fn age(path: &Path, by: Duration) {
    // The bytes of what a kill cut short may be gone.
    if let Ok(file) = fs::File::options().write(true).open(path) {
        file.set_modified(SystemTime::now() - by).unwrap();
    }
}

impl Record {
    fn read(root: &Path, id: &str) -> Result<Self, String> {
        let text = fs::read_to_string(root.join(format!("{id}.info")))
            .map_err(|error| format!("the record of {id}: {error}"))?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|error| format!("the record of {id} is torn: {error}: {text:?}"))?;
        let record = || {
            Some(Self {
                length: json["length"].as_u64(),
                metadata: json["metadata"].as_str().map(str::to_owned),
                finished: json["finished"].as_bool()?,
                path: json["path"].as_str()?.to_owned(),
                unverified: json["unverified"].as_u64(),
            })
        };
        record().ok_or_else(|| format!("the record of {id} has other fields: {text}"))
    }
}
