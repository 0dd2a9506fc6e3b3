//! What lies in the directories of a server.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

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
    pub length: u64,
    pub metadata: Option<String>,
    pub finished: bool,
    path: String,
}

impl Disk {
    /// An error if a record is torn, or if something changes under the look.
    pub fn look(root: &Path) -> Result<Self, String> {
        let (mut records, mut data, mut temporary) = (BTreeMap::new(), BTreeSet::new(), 0);
        for file in files_below(root) {
            if file.starts_with(".rustus-") {
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

    /// The bytes of an upload.
    pub fn data(&self, id: &str) -> Result<Vec<u8>, String> {
        let record = self.records.get(id).ok_or("it has no record")?;
        fs::read(self.root.join(&record.path)).map_err(|error| format!("its data file: {error}"))
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
                length: json["length"].as_u64()?,
                metadata: json["metadata"].as_str().map(str::to_owned),
                finished: json["finished"].as_bool()?,
                path: json["path"].as_str()?.to_owned(),
            })
        };
        record().ok_or_else(|| format!("the record of {id} has other fields: {text}"))
    }
}
