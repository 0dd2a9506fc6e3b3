//! Where an upload's bytes lie below the data directory.

use std::path::{Component, Path};

use super::UploadId;

/// A relative path that cannot leave the data directory by its words: `/`
/// between names, none of them empty or starting with a dot, and not ending in
/// `.info`, which is how records are named.
///
/// That a directory on the way is a symbolic link is the store's to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataPath(String);

/// A string that is no data path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a data path: expected names separated by `/`, none of them empty or starting with a \
     dot, and not ending in `.info`"
)]
pub struct InvalidDataPath;

impl DataPath {
    /// Checks `path`.
    ///
    /// # Errors
    /// `path` is not well-formed.
    pub fn new(path: impl Into<String>) -> Result<Self, InvalidDataPath> {
        let path = path.into();
        let well_formed = path
            .split('/')
            .all(|name| !name.is_empty() && !name.starts_with('.') && !name.contains(['\0', '\\']));
        // The words and the operating system must agree on what the names are.
        let only_names = Path::new(&path)
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        if !well_formed || !only_names || path.ends_with(".info") {
            return Err(InvalidDataPath);
        }
        Ok(Self(path))
    }

    /// The path of an upload below `directory`, which is empty or itself of
    /// the form of a data path.
    ///
    /// # Errors
    /// The two together are not well-formed.
    pub fn below(directory: &str, id: &UploadId) -> Result<Self, InvalidDataPath> {
        if directory.is_empty() {
            Self::new(id.as_str())
        } else {
            Self::new(format!("{directory}/{id}"))
        }
    }

    /// The path as it stands in records.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for DataPath {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_path_cannot_leave_the_data_directory() {
        for good in ["a", "2026/1/a", "a.b/c-d", "year 1/ä"] {
            assert!(DataPath::new(good).is_ok(), "{good}");
        }
        for bad in [
            "", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a/.", "a/.b", "a.info",
            "a\0b", "a\\b",
        ] {
            assert_eq!(DataPath::new(bad), Err(InvalidDataPath), "{bad}");
        }
    }
}
