//! How an artifact is named: `HOST[:PORT]/NAME[:TAG][@sha256:DIGEST]`.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::error::OciError;

/// The SHA-256 of a manifest, a configuration or a module.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// That of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        let hex = hash.iter().map(|byte| format!("{byte:02x}"));
        Self(hex.collect())
    }

    /// What follows `sha256:`, in lower case.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// Reads `sha256:HEX`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (hex.len() == 64 && hex.bytes().all(is_hex)).then(|| Self(hex.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An artifact in a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// The longest repository and tag that the specification has room for.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

impl Reference {
    /// The registry's name and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where in the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, which may lead to something else tomorrow.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if it is part of the reference.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository at a digest, without a tag.
    #[must_use]
    pub(super) fn at(&self, digest: &Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest.clone()),
            ..self.clone()
        }
    }

    /// The last part of the repository's name: what a plugin is called unless it
    /// is given another name.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for Reference {
    type Err = OciError;

    fn from_str(text: &str) -> Result<Self, OciError> {
        let wrong = |problem| OciError::Reference {
            text: text.to_owned(),
            problem,
        };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = Digest::parse(digest)
                    .ok_or_else(|| wrong("the digest is not `sha256:` and 64 digits"))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let (host, path) = name
            .split_once('/')
            .ok_or_else(|| wrong("there is no host before a `/`"))?;
        if !is_host(host) {
            return Err(wrong("it does not begin with a host"));
        }
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        if repository.len() > LONGEST_NAME || !repository.split('/').all(is_part) {
            return Err(wrong(
                "a name is made of lower-case letters, digits, `.`, `_`, `-` and `/`",
            ));
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong(
                "a tag is made of at most 128 letters, digits, `.`, `_` and `-`",
            ));
        }
        if tag.is_none() && digest.is_none() {
            return Err(wrong("it has neither a tag nor a digest"));
        }
        Ok(Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether a name can be that of a registry: it has a dot or a port, or is
/// `localhost`. Otherwise it is a part of a name whose registry is missing.
#[must_use]
pub fn is_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.parse::<u16>().is_ok() => name,
        Some(_) => return false,
        None if host.contains('.') || host == "localhost" => host,
        None => return false,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    !bare.is_empty()
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
}

/// A part of a repository's name between slashes.
pub(super) fn is_part(part: &str) -> bool {
    let edge = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let inner =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    edge(part.bytes().next()) && edge(part.bytes().last()) && part.bytes().all(inner)
}

fn is_tag(tag: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let rest = |byte: u8| first(byte) || byte == b'.' || byte == b'-';
    tag.len() <= LONGEST_TAG && tag.bytes().next().is_some_and(first) && tag.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_and_written_the_same() {
        let digest = Digest::of(b"").to_string();
        for text in [
            "localhost/a:1",
            "registry.example:5000/hooks/limits:1.2.3-rc.1",
            "127.0.0.1:5000/a/b/c:latest",
            &format!("registry.example/a@{digest}"),
            &format!("registry.example/a:1@{digest}"),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), *text);
        }
        let reference: Reference = "host:1/x/limits:2".parse().unwrap();
        assert_eq!(reference.host(), "host:1");
        assert_eq!(reference.short_name(), "limits");
    }

    #[test]
    fn what_is_no_reference_is_answered_with_the_reason_and_the_form() {
        for (text, reason) in [
            ("limits:1", "no host"),
            ("hooks/limits:1", "begin with a host"),
            ("registry.example/limits", "neither a tag nor a digest"),
            ("registry.example/Limits:1", "lower-case"),
            ("registry.example/a/../b:1", "lower-case"),
            ("registry.example//b:1", "lower-case"),
            ("registry.example/a:1:2", "a tag is made of"),
            ("registry.example/a:", "a tag is made of"),
            ("registry.example/a@sha256:12", "64 digits"),
            ("registry.example:http/a:1", "begin with a host"),
            ("user@registry.example/a:1", "64 digits"),
        ] {
            let said = text.parse::<Reference>().unwrap_err().to_string();
            assert!(said.contains(reason), "{text}: {said}");
            assert!(said.contains("expected HOST/NAME:TAG"), "{said}");
        }
    }
}
