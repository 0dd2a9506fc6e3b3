//! Parts and what is made of them (tus 1.0.0, "Concatenation").

use super::{BaseUrl, Headers, InvalidHeader, Target};
use crate::uploads::UploadId;

/// The field that this is about.
const FIELD: &str = "upload-concat";

/// What `Upload-Concat` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concat {
    /// The upload is to be a part.
    Partial,
    /// The upload is to be made of these.
    Final {
        /// The field as the client gave it.
        header: String,
        /// The parts in their order; at least one.
        parts: Vec<UploadId>,
    },
}

impl Concat {
    /// Reads the field; `None` if it is not there.
    ///
    /// # Errors
    /// It is neither `partial` nor `final;` and URLs of possible uploads of this
    /// server, which the client calls `site`, separated by spaces.
    pub(super) fn read(
        headers: &Headers,
        site: &str,
        base_url: &BaseUrl,
    ) -> Result<Option<Self>, InvalidHeader> {
        let Some(header) = headers.text(FIELD)? else {
            return Ok(None);
        };
        if header == "partial" {
            return Ok(Some(Self::Partial));
        }
        let urls = header.strip_prefix("final;").ok_or(InvalidHeader(FIELD))?;
        let parts = urls
            .split(' ')
            .filter(|url| !url.is_empty())
            .map(|url| part(url, site, base_url).ok_or(InvalidHeader(FIELD)))
            .collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() {
            return Err(InvalidHeader(FIELD));
        }
        Ok(Some(Self::Final {
            header: header.to_owned(),
            parts,
        }))
    }
}

/// The upload at `url`: a path, or a URL whose host is the one in `site`, which
/// is what stands before the base URL in URLs of this server.
fn part(url: &str, site: &str, base_url: &BaseUrl) -> Option<UploadId> {
    let (host, prefix) = host_and_prefix(site);
    let path = if url.starts_with('/') && !url.starts_with("//") {
        url
    } else {
        // The scheme says nothing: a proxy may have taken TLS away.
        let (scheme, rest) = url.split_once("//")?;
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "http:" => ":80",
            "https:" => ":443",
            "" => "",
            _ => return None,
        };
        let (authority, _) = rest.split_once('/')?;
        let without_port = |host: &str| {
            host.strip_suffix(default_port)
                .unwrap_or(host)
                .to_ascii_lowercase()
        };
        if authority.is_empty() || without_port(authority) != without_port(host?) {
            return None;
        }
        rest.strip_prefix(authority)?
    };
    match base_url.target(path.strip_prefix(prefix)?)? {
        Target::Upload(id) => UploadId::new(id).ok(),
        Target::Collection | Target::Other => None,
    }
}

/// The host, if it is known, and what a proxy takes off the path.
fn host_and_prefix(site: &str) -> (Option<&str>, &str) {
    match site.split_once("://") {
        None => (None, site),
        Some((_, rest)) => {
            let (host, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (Some(host), prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str, host: Option<&str>) -> Result<Option<Concat>, InvalidHeader> {
        let site = host.map_or_else(String::new, |host| format!("http://{host}"));
        read_at(value, &site)
    }

    fn read_at(value: &str, site: &str) -> Result<Option<Concat>, InvalidHeader> {
        let fields = Headers::from_iter([(FIELD.to_owned(), value.as_bytes().to_vec())]);
        Concat::read(&fields, site, &"/files".parse().unwrap())
    }

    fn made_of(header: &str, parts: &[&str]) -> Concat {
        Concat::Final {
            header: header.to_owned(),
            parts: parts.iter().map(|id| UploadId::new(*id).unwrap()).collect(),
        }
    }

    #[test]
    fn parts_are_named_by_paths_and_by_urls_of_this_server() {
        assert_eq!(read("partial", None).unwrap().unwrap(), Concat::Partial);
        for (header, parts) in [
            ("final;/files/a", &["a"][..]),
            ("final;/files/a /files/b /files/a", &["a", "b", "a"]),
            ("final; /files/a  /files/b/", &["a", "b"]),
            ("final;http://Example.org/files/a", &["a"]),
            ("final;https://example.org:443/files/a", &["a"]),
            ("final;//example.org/files/a /files/b", &["a", "b"]),
        ] {
            assert_eq!(
                read(header, Some("example.org")).unwrap().unwrap(),
                made_of(header, parts)
            );
        }
        let header = "final;http://h:1081/files/a";
        assert!(read(header, Some("H:1081")).is_ok());
        assert!(read(header, Some("h:1082")).is_err());
        assert!(read(header, None).is_err());
        assert_eq!(
            Concat::read(&Headers::default(), "", &"/".parse().unwrap()),
            Ok(None)
        );
    }

    #[test]
    fn what_a_proxy_takes_off_the_path_belongs_to_the_url() {
        for site in ["http://h/up", "https://h/up", "/up"] {
            let whole = read_at("final;/up/files/a", site).unwrap().unwrap();
            assert_eq!(whole, made_of("final;/up/files/a", &["a"]));
            assert!(read_at("final;/files/a", site).is_err());
        }
        assert!(read_at("final;https://h/up/files/a", "https://h/up").is_ok());
        assert!(read_at("final;https://h/files/a", "https://h/up").is_err());
    }

    #[test]
    fn what_names_no_upload_of_this_server_is_refused() {
        for bad in [
            "",
            "Partial",
            "partial;/files/a",
            "final",
            "final;",
            "final; ",
            "final /files/a",
            "final;a",
            "final;files/a",
            "final;/files",
            "final;/files/",
            "final;/files/a/b",
            "final;/files/a?x",
            "final;/files/a#x",
            "final;/files/%61",
            "final;/files/..",
            "final;/other/a",
            "final;/files/a,/files/b",
            "final;/files/a /files/..",
            "final;http://other.org/files/a",
            "final;http://example.org@other.org/files/a",
            "final;http://me@example.org/files/a",
            "final;http://example.org",
            "final;http:///files/a",
            "final;ftp://example.org/files/a",
            "final;http://example.org:81/files/a",
        ] {
            assert!(read(bad, Some("example.org")).is_err(), "{bad}");
        }
    }
}
