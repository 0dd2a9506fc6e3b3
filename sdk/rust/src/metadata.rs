//! Changing some of an upload's metadata and keeping the rest.

use crate::{MetadataEntry, Upload};

/// An edited copy of an upload's metadata, in the client's order.
///
/// A decision replaces the whole metadata; this starts from what is there.
///
/// ```
/// use rustus_hook::prelude::*;
///
/// fn tag(event: Event) -> Result<CreateDecision, HookError> {
///     let metadata = Metadata::of(&event.upload).set("owner", "ada").remove("draft");
///     Ok(CreateDecision::proceed().with_metadata(metadata))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    entries: Vec<MetadataEntry>,
}

impl Metadata {
    /// No metadata at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the upload has.
    pub fn of(upload: &Upload) -> Self {
        Self {
            entries: upload.metadata.clone(),
        }
    }

    /// Gives a key a value, at its old place or at the end. Keys are printable
    /// ASCII without space and comma, and not empty.
    pub fn set(mut self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        let value = value.into();
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => self.entries.push(MetadataEntry {
                key: key.to_owned(),
                value,
            }),
        }
        self
    }

    /// Drops a key. Does nothing if it is not there.
    pub fn remove(mut self, key: &str) -> Self {
        self.entries.retain(|entry| entry.key != key);
        self
    }
}

impl From<Metadata> for Vec<MetadataEntry> {
    fn from(metadata: Metadata) -> Self {
        metadata.entries
    }
}

impl From<Vec<MetadataEntry>> for Metadata {
    fn from(entries: Vec<MetadataEntry>) -> Self {
        Self { entries }
    }
}

#[cfg(test)]
mod tests {
    use super::Metadata;
    use crate::{MetadataEntry, testing};

    fn pairs(metadata: Metadata) -> Vec<(String, Vec<u8>)> {
        Vec::<MetadataEntry>::from(metadata)
            .into_iter()
            .map(|e| (e.key, e.value))
            .collect()
    }

    #[test]
    fn setting_a_key_keeps_its_place_and_the_others() {
        let upload = testing::event(&[("a", "1"), ("b", "2")]).upload;
        let edited = Metadata::of(&upload).set("a", "9").set("c", vec![0xff]);
        let expected = [
            ("a".into(), b"9".to_vec()),
            ("b".into(), b"2".to_vec()),
            ("c".into(), vec![0xff]),
        ];
        assert_eq!(pairs(edited), expected);
    }

    #[test]
    fn removing_a_key_keeps_the_others() {
        let upload = testing::event(&[("a", "1"), ("b", "2")]).upload;
        let edited = Metadata::of(&upload).remove("a").remove("not there");
        assert_eq!(pairs(edited), [("b".into(), b"2".to_vec())]);
    }
}
