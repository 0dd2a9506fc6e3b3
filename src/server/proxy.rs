//! What a proxy says about the client (`--behind-proxy`): `Forwarded` (RFC
//! 7239) and `X-Forwarded-*`.
//!
//! The last element counts: it was written by the proxy that made the
//! connection, while those before may be the client's invention. If there is
//! any `X-Forwarded-*` then `Forwarded` is not looked at, since most proxies
//! write the former and pass the latter on as it came.

use std::net::{IpAddr, SocketAddr};

use crate::tus::{BaseUrl, Headers};

/// What is known of the way to the client. `None` where the proxy said nothing
/// that can be understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// The client's address.
    pub(super) client: Option<IpAddr>,
    /// Whether the client came by TLS.
    pub(super) secure: Option<bool>,
    /// What the client calls the server: a host, maybe with a port.
    pub(super) host: Option<String>,
    /// What the proxy took off the beginning of the path.
    pub(super) prefix: Option<String>,
}

const X_FORWARDED: [&str; 4] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-prefix",
];

impl Forwarded {
    /// Reads a request's fields. Total: nonsense is as if it were not there.
    pub(super) fn read(headers: &Headers) -> Self {
        if X_FORWARDED.iter().any(|name| headers.contains(name)) {
            let last = |name| {
                let list = headers.joined(name)?;
                Some(list.rsplit(',').next()?.trim().to_owned())
            };
            return Self {
                client: last("x-forwarded-for").and_then(|node| address(&node)),
                secure: last("x-forwarded-proto").and_then(|scheme| is_secure(&scheme)),
                host: last("x-forwarded-host").filter(|host| is_authority(host)),
                prefix: last("x-forwarded-prefix").and_then(|path| prefix(&path)),
            };
        }
        let Some(field) = headers.joined("forwarded") else {
            return Self::default();
        };
        let mut read = Self::default();
        for (name, value) in last_element(&field).unwrap_or_default() {
            match name.to_ascii_lowercase().as_str() {
                "for" => read.client = address(&value),
                "proto" => read.secure = is_secure(&value),
                "host" => read.host = Some(value).filter(|host| is_authority(host)),
                _ => {}
            }
        }
        read
    }
}

/// Whether `host` can stand in a URL: no user, no path, nothing to break out
/// with.
pub(super) fn is_authority(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 300
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte))
}

fn is_secure(scheme: &str) -> Option<bool> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(true)
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(false)
    } else {
        None
    }
}

fn prefix(path: &str) -> Option<String> {
    let base: BaseUrl = path.parse().ok()?;
    Some(base.as_str().to_owned())
}

/// A node (RFC 7239, 6): an address, maybe with a port; IPv6 in brackets, which
/// some proxies leave out. `unknown` and `_names` are none.
fn address(node: &str) -> Option<IpAddr> {
    let node = node.trim_matches('"');
    if let Ok(address) = node.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = node.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let (host, port) = match node.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => node.split_once(':')?,
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    // An obfuscated port, such as `_a`, says nothing about the address.
    let is_port = port
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    is_port.then(|| host.parse().ok()).flatten()
}

/// The pairs of the last element; `None` if the field is not well-formed.
fn last_element(field: &str) -> Option<Vec<(String, String)>> {
    let mut rest = field;
    let mut element = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        match rest.as_bytes().first() {
            None => return Some(element),
            // The next element, unless nothing follows.
            Some(b',') => {
                rest = rest.get(1..)?.trim_start_matches([' ', '\t', ',']);
                if !rest.is_empty() {
                    element.clear();
                }
            }
            Some(b';') => rest = rest.get(1..)?,
            Some(_) => {
                let (pair, after) = pair(rest)?;
                element.push(pair);
                rest = after.trim_start_matches([' ', '\t']);
                if !matches!(rest.as_bytes().first(), None | Some(b',' | b';')) {
                    return None;
                }
            }
        }
    }
}

/// `token=token` or `token="quoted"`, and what follows.
fn pair(text: &str) -> Option<((String, String), &str)> {
    let (name, rest) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return None;
    }
    let Some(quoted) = rest.strip_prefix('"') else {
        // Wider than a token: many proxies forget the quotes around a port.
        let end = rest.find([',', ';', ' ', '\t', '"']).unwrap_or(rest.len());
        let (value, after) = rest.split_at_checked(end)?;
        return Some(((name.to_owned(), value.to_owned()), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some(((name.to_owned(), value), quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(fields: &[(&str, &str)]) -> Forwarded {
        Forwarded::read(
            &fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
        )
    }

    #[test]
    fn the_last_element_counts() {
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for (field, client, secure, host) in [
            ("for=1.2.3.4", ip("1.2.3.4"), None, None),
            ("for=6.6.6.6, for=1.2.3.4", ip("1.2.3.4"), None, None),
            (
                "For=\"[2001:db8::1]:4711\";Proto=HTTPS;by=x;host=\"a.example:8080\"",
                ip("2001:db8::1"),
                Some(true),
                Some("a.example:8080"),
            ),
            (
                "for=1.2.3.4:80;proto=http",
                ip("1.2.3.4"),
                Some(false),
                None,
            ),
            ("for=\"1.2.3.4:_x\"", ip("1.2.3.4"), None, None),
            ("for=unknown", None, None, None),
            ("for=\"_gazonk\"", None, None, None),
            ("for=1.2.3.4,", ip("1.2.3.4"), None, None),
            ("for=\"1.2.3.4", None, None, None),
            ("for=6.6.6.6, \"", None, None, None),
            ("host=\"a/b\";proto=ftp", None, None, None),
            ("host=\"a, for=6.6.6.6\"", None, None, None),
        ] {
            let expected = Forwarded {
                client,
                secure,
                host: host.map(str::to_owned),
                prefix: None,
            };
            assert_eq!(read(&[("forwarded", field)]), expected, "{field}");
        }
    }

    #[test]
    fn x_forwarded_fields_win_over_forwarded() {
        let read = read(&[
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "7.7.7.7, 1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/api/"),
            ("forwarded", "for=9.9.9.9;host=evil"),
        ]);
        let expected = Forwarded {
            client: Some("1.2.3.4".parse().unwrap()),
            secure: Some(true),
            host: None,
            prefix: Some("/api".to_owned()),
        };
        assert_eq!(read, expected);
    }

    proptest! {
        #[test]
        fn reading_is_total(name in 0..5_usize, value in "\\PC*") {
            let name = ["forwarded"].iter().chain(&X_FORWARDED).nth(name).unwrap();
            let read = read(&[(name, &value)]);
            prop_assert!(read.host.is_none_or(|host| is_authority(&host)));
        }

        #[test]
        fn what_was_written_is_read(
            pairs in prop::collection::vec(("[a-z]{1,8}", "[ -~]{0,20}"), 1..5),
            before in "(for=1[.]2[.]3[.]4, ){0,3}",
        ) {
            let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
            let element: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", quoted(value)))
                .collect();
            let read = last_element(&(before + &element.join(";")));
            prop_assert_eq!(read, Some(pairs));
        }
    }
}
