//! The lock file: which digest a tag led to when it was first followed.
//!
//! A server that starts again runs what it ran, whatever became of the tag.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::cache::write_whole;
use super::error::OciError;
use super::reference::{Digest, Reference};

/// What stands at the top of a lock file.
const HEAD: &str =
    "# Written by rustus: which digest each tag led to. Remove an entry to follow its tag anew.\n";

/// Others may look at it.
const READABLE: u32 = 0o644;

/// Digests by reference, in a file.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Read from the file each time, so that a command may change it while a
    /// server runs; held while it is changed.
    writing: Mutex<()>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    plugins: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    digest: Digest,
}

impl Lock {
    /// The lock file at `path`, which need not be there.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self {
            path,
            writing: Mutex::new(()),
        }
    }

    /// The digest that `reference` led to.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn digest(&self, reference: &Reference) -> Result<Option<Digest>, OciError> {
        let file = read(&self.path)?;
        let entry = file.plugins.get(&reference.to_string());
        Ok(entry.map(|entry| entry.digest.clone()))
    }

    /// Keeps that `reference` leads to `digest`.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn keep(&self, reference: &Reference, digest: &Digest) -> Result<(), OciError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = read(&self.path)?;
        let entry = Entry {
            digest: digest.clone(),
        };
        let before = file.plugins.insert(reference.to_string(), entry);
        if before.is_some_and(|before| before.digest == *digest) {
            return Ok(());
        }
        let text = toml::to_string(&file).map_err(|error| unusable(&self.path, &error))?;
        write_whole(&self.path, format!("{HEAD}{text}").as_bytes(), READABLE)
    }
}

fn read(path: &Path) -> Result<File, OciError> {
    match fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).map_err(|error| unusable(path, &error.message())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(File::default()),
        Err(source) => Err(OciError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> OciError {
    OciError::Unusable {
        path: path.to_owned(),
        reason: format!(
            "it is no lock file ({error}); repair it, or remove it to follow all tags anew"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_leads_where_it_led() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugins.lock");
        let one: Reference = "registry.example/a:1".parse().unwrap();
        let two: Reference = "registry.example/b:1".parse().unwrap();
        let lock = Lock::new(path.clone());
        assert_eq!(lock.digest(&one).unwrap(), None);
        lock.keep(&one, &Digest::of(b"1")).unwrap();
        lock.keep(&two, &Digest::of(b"2")).unwrap();
        lock.keep(&two, &Digest::of(b"3")).unwrap();
        let again = Lock::new(path);
        assert_eq!(again.digest(&one).unwrap(), Some(Digest::of(b"1")));
        assert_eq!(again.digest(&two).unwrap(), Some(Digest::of(b"3")));
    }

    #[test]
    fn a_broken_file_is_an_error_and_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugins.lock");
        fs::write(&path, "plugins = 3").unwrap();
        let lock = Lock::new(path.clone());
        let one: Reference = "registry.example/a:1".parse().unwrap();
        let said = lock.keep(&one, &Digest::of(b"1")).unwrap_err().to_string();
        assert!(said.contains("plugins.lock: it is no lock file"), "{said}");
        assert_eq!(fs::read_to_string(path).unwrap(), "plugins = 3");
    }
}
