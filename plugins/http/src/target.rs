//! Where a request goes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A URL in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) is_tls: bool,
    /// Host and port.
    pub(crate) authority: String,
    pub(crate) path: String,
    /// The value of `Authorization`, if the URL has a user.
    pub(crate) authorization: Option<String>,
}

impl Target {
    /// Reads an absolute URL.
    ///
    /// # Errors
    /// What was expected. A password in it is not shown.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (is_tls, rest) = if let Some(rest) = url.strip_prefix("https://") {
            (true, rest)
        } else if let Some(rest) = url.strip_prefix("http://") {
            (false, rest)
        } else {
            return Err(wrong(url));
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        if authority.is_empty() || authority.contains(char::is_whitespace) {
            return Err(wrong(url));
        }
        Ok(Self {
            is_tls,
            authority: authority.to_owned(),
            path: absolute(path),
            authorization: user.map(basic),
        })
    }

    /// Scheme, host and port: what may be logged.
    pub(crate) fn server(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Where a `Location` in an answer of this one leads (RFC 3986, section 5).
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, String> {
        if location.starts_with("http://") || location.starts_with("https://") {
            return Self::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            let scheme = if self.is_tls { "https" } else { "http" };
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let path = if location.starts_with('/') || location.starts_with('?') {
            location.to_owned()
        } else {
            let directory = self.path.split('?').next().unwrap_or_default();
            let end = directory.rfind('/').map_or(0, |slash| slash + 1);
            format!("{}{location}", directory.get(..end).unwrap_or("/"))
        };
        Ok(Self {
            path: absolute(&path),
            ..self.clone()
        })
    }
}

/// The path and the query, without what is for the reader's side only.
fn absolute(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// `user:password` in the form of a URL as that of a header (RFC 7617).
fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(decoded(user)))
}

/// Without percent-encoding (RFC 3986, section 2.1). What is not well-formed stays.
fn decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let value = after.split_at_checked(2).and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        match value {
            Some((value, after)) if *byte == b'%' => {
                decoded.push(value);
                rest = after;
            }
            _ => {
                decoded.push(*byte);
                rest = after;
            }
        }
    }
    decoded
}

fn wrong(url: &str) -> String {
    let shown = if url.contains('@') { "the URL" } else { url };
    format!("`{shown}` is no URL to post to; write such as `https://example.com/hooks`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, String) {
        let target = Target::parse(url).unwrap();
        (target.server(), target.path)
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (url, server, path) in [
            ("http://a", "http://a", "/"),
            ("https://a:8443/b/c?d=e#f", "https://a:8443", "/b/c?d=e"),
            ("http://[::1]:80?x", "http://[::1]:80", "/?x"),
        ] {
            assert_eq!(parts(url), (server.to_owned(), path.to_owned()), "{url}");
        }
        for url in ["a/b", "ftp://a", "http://", "http:///b", "http://a b/"] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_user_in_the_url_becomes_a_header_and_is_not_shown() {
        let target = Target::parse("https://us%40er:pa%3Ass%@a/b").unwrap();
        assert_eq!(target.server(), "https://a");
        let expected = format!("Basic {}", STANDARD.encode("us@er:pa:ss%"));
        assert_eq!(target.authorization, Some(expected));
        let error = Target::parse("a://user:hidden@host").unwrap_err();
        assert!(!error.contains("hidden"), "{error}");
    }

    #[test]
    fn a_redirect_leads_where_its_location_says() {
        let from = Target::parse("https://a:1/b/c?d").unwrap();
        for (location, server, path) in [
            ("http://x/y?z", "http://x", "/y?z"),
            ("//x/y", "https://x", "/y"),
            ("/y", "https://a:1", "/y"),
            ("y?z", "https://a:1", "/b/y?z"),
            ("?z", "https://a:1", "/?z"),
        ] {
            let to = from.redirected(location).unwrap();
            assert_eq!(
                (to.server().as_str(), to.path.as_str()),
                (server, path),
                "{location}"
            );
        }
    }
}
