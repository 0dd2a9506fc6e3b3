//! The name of an upload.

use std::fmt;

/// Longest permitted id, in bytes: with `.info` and the prefix of a temporary
/// file it stays below the 255 bytes that file systems allow a name.
const MAX_LENGTH: usize = 200;

/// A well-formed upload id: letters, digits, `-`, `_` and `.`, not starting
/// with a dot, not ending in `.info`, at most 200 bytes. It is safe as a file
/// name and as the last segment of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadId(String);

/// A string that is no upload id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an upload id: expected 1 to {MAX_LENGTH} letters, digits, `-`, `_` or `.`, \
     not starting with a dot and not ending in `.info`"
)]
pub struct InvalidId;

impl UploadId {
    /// Checks `id`.
    ///
    /// # Errors
    /// `id` is not well-formed.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidId> {
        let id = id.into();
        let permitted = id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if id.is_empty()
            || id.len() > MAX_LENGTH
            || !permitted
            || id.starts_with('.')
            || id.ends_with(".info")
        {
            return Err(InvalidId);
        }
        Ok(Self(id))
    }

    /// A new id that nobody else has: a random UUID.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The id as it stands in URLs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_safe_as_a_file_name_and_in_a_url() {
        for good in ["a", "A-b_c.d", "0", &"x".repeat(200)] {
            assert!(UploadId::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".a",
            "a/b",
            "a\\b",
            "a b",
            "a%2Fb",
            "a.info",
            "ä",
            "a\0",
            &"x".repeat(201),
        ] {
            assert_eq!(UploadId::new(bad), Err(InvalidId), "{bad}");
        }
        assert!(UploadId::new(UploadId::random().as_str()).is_ok());
    }
}
