//! The path below which uploads are found (`--url`).

use std::str::FromStr;

use super::Target;

/// A path such as `/files`; empty for the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// A string that is no base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a path; expected something like /files, of printable ASCII without `?` and `#`"
)]
pub struct InvalidBaseUrl(String);

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let names = url.trim_matches('/');
        if names.is_empty() {
            return Ok(Self(String::new()));
        }
        let is_path = names.split('/').all(|name| {
            !matches!(name, "" | "." | "..")
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"?#\\\"<>".contains(&byte))
        });
        if is_path && !names.contains("://") {
            Ok(Self(format!("/{names}")))
        } else {
            Err(InvalidBaseUrl(url.to_owned()))
        }
    }
}

impl BaseUrl {
    /// The path without a slash at its end; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What `path` means; `None` if it does not lie below this URL.
    #[must_use]
    pub fn target(&self, path: &str) -> Option<Target> {
        match path.strip_prefix(self.as_str())? {
            "" | "/" => Some(Target::Collection),
            below => {
                let name = below.strip_prefix('/')?;
                let name = name.strip_suffix('/').unwrap_or(name);
                Some(if name.is_empty() || name.contains('/') {
                    Target::Other
                } else {
                    Target::Upload(name.to_owned())
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_collection_or_an_upload_or_something_else() {
        let upload = |id: &str| Some(Target::Upload(id.to_owned()));
        for (url, path, target) in [
            ("/files", "/files", Some(Target::Collection)),
            ("files/", "/files/", Some(Target::Collection)),
            ("/files", "/files/a", upload("a")),
            ("/files", "/files/a/", upload("a")),
            ("/files", "/files/a/b", Some(Target::Other)),
            ("/files", "/files//", Some(Target::Other)),
            ("/files", "/filesystem", None),
            ("/files", "/", None),
            ("/", "/", Some(Target::Collection)),
            ("/", "/a", upload("a")),
            ("a/b", "/a/b/c", upload("c")),
            ("a/b", "/a", None),
        ] {
            let base: BaseUrl = url.parse().unwrap();
            assert_eq!(base.target(path), target, "{url} {path}");
        }
    }

    #[test]
    fn a_url_that_is_no_path_is_refused_at_start() {
        for bad in ["/a b", "http://host/files", "/a?b", "/a/../b", "a//b", "/ä"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }
}
