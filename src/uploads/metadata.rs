//! What a client says about an upload: pairs of a key and a value, in the form
//! of the header `Upload-Metadata` (tus 1.0.0, "Creation", Upload-Metadata).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hooks::MetadataEntry;

/// Well-formed metadata, kept exactly as the client gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    raw: String,
    entries: Vec<MetadataEntry>,
}

/// What is wrong with metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// A key is empty or has something other than printable ASCII in it, or a
    /// comma.
    #[error("a key is empty or not printable ASCII")]
    Key,
    /// A key stands twice.
    #[error("a key stands twice")]
    DuplicateKey,
    /// A value is not Base64.
    #[error("a value is not Base64")]
    Value,
}

impl Metadata {
    /// Reads the header's value.
    ///
    /// # Errors
    /// It is not well-formed: pairs separated by commas; a key of printable
    /// ASCII without space and comma, unique; a space and a value in Base64,
    /// both of which may be missing.
    pub fn parse(raw: &str) -> Result<Self, InvalidMetadata> {
        let mut entries: Vec<MetadataEntry> = Vec::new();
        for pair in raw.split(',') {
            // Some clients write a space after the comma.
            let pair = pair.trim_matches(' ');
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            if !is_key(key) {
                return Err(InvalidMetadata::Key);
            }
            if entries.iter().any(|entry| entry.key == key) {
                return Err(InvalidMetadata::DuplicateKey);
            }
            entries.push(MetadataEntry {
                key: key.to_owned(),
                value: STANDARD.decode(value).map_err(|_| InvalidMetadata::Value)?,
            });
        }
        Ok(Self {
            raw: raw.to_owned(),
            entries,
        })
    }

    /// The metadata that a hook chose; `None` if there is no entry, which has
    /// no written form.
    ///
    /// # Errors
    /// A key is not well-formed or stands twice.
    pub fn from_entries(entries: Vec<MetadataEntry>) -> Result<Option<Self>, InvalidMetadata> {
        let mut raw = String::new();
        for (index, entry) in entries.iter().enumerate() {
            if !is_key(&entry.key) {
                return Err(InvalidMetadata::Key);
            }
            if entries
                .iter()
                .take(index)
                .any(|other| other.key == entry.key)
            {
                return Err(InvalidMetadata::DuplicateKey);
            }
            if index > 0 {
                raw.push(',');
            }
            raw.push_str(&entry.key);
            if !entry.value.is_empty() {
                raw.push(' ');
                STANDARD.encode_string(&entry.value, &mut raw);
            }
        }
        Ok((!entries.is_empty()).then_some(Self { raw, entries }))
    }

    /// The header's value.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The pairs, decoded, in the client's order.
    #[must_use]
    pub fn entries(&self) -> &[MetadataEntry] {
        &self.entries
    }

    /// The value of the first of `keys` that is there and not empty, if it is
    /// text.
    #[must_use]
    pub fn text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| {
            let entry = self.entries.iter().find(|entry| entry.key == *key)?;
            let text = str::from_utf8(&entry.value).ok()?;
            (!text.is_empty()).then_some(text)
        })
    }

    /// The pairs in a header that was accepted once.
    pub(super) fn entries_of(raw: Option<&str>) -> Vec<MetadataEntry> {
        raw.and_then(|raw| Self::parse(raw).ok())
            .map(|metadata| metadata.entries)
            .unwrap_or_default()
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &[u8]) -> MetadataEntry {
        MetadataEntry {
            key: key.to_owned(),
            value: value.to_vec(),
        }
    }

    #[test]
    fn metadata_is_kept_as_given_and_understood() {
        for (raw, entries) in [
            ("a", vec![entry("a", b"")]),
            ("a ", vec![entry("a", b"")]),
            ("a YQ==", vec![entry("a", b"a")]),
            (
                "b AA==,a /w==",
                vec![entry("b", b"\0"), entry("a", b"\xff")],
            ),
            ("a, b YQ==", vec![entry("a", b""), entry("b", b"a")]),
        ] {
            let metadata = Metadata::parse(raw).unwrap();
            assert_eq!(metadata.raw(), raw);
            assert_eq!(metadata.entries(), entries, "{raw}");
        }
    }

    #[test]
    fn metadata_that_is_not_well_formed_is_refused() {
        use InvalidMetadata as E;
        for (raw, error) in [
            ("", E::Key),
            (",", E::Key),
            ("a,", E::Key),
            ("ä YQ==", E::Key),
            ("a\tYQ==", E::Key),
            ("a\u{7f}", E::Key),
            ("a,b,a YQ==", E::DuplicateKey),
            ("a YQ", E::Value),
            ("a Y Q==", E::Value),
            ("a  YQ==", E::Value),
            ("a ****", E::Value),
            ("a YQ==\r\nX: y", E::Value),
        ] {
            assert_eq!(Metadata::parse(raw), Err(error), "{raw:?}");
        }
    }

    #[test]
    fn what_a_hook_chose_reads_back_as_it_was_written() {
        let entries = vec![entry("a", b""), entry("b", b"\0\xff"), entry("c", b"text")];
        let metadata = Metadata::from_entries(entries.clone()).unwrap().unwrap();
        assert_eq!(metadata.raw(), "a,b AP8=,c dGV4dA==");
        assert_eq!(Metadata::parse(metadata.raw()).unwrap().entries(), entries);
        assert_eq!(Metadata::from_entries(Vec::new()), Ok(None));
        let twice = vec![entry("a", b""), entry("a", b"")];
        assert_eq!(
            Metadata::from_entries(twice),
            Err(InvalidMetadata::DuplicateKey)
        );
        let bad = vec![entry("a b", b"")];
        assert_eq!(Metadata::from_entries(bad), Err(InvalidMetadata::Key));
    }
}
