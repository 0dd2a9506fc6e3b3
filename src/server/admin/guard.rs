//! Who may ask: nobody whose request a web page made a browser send.
//!
//! A page of any website can have a browser on this machine send requests to
//! 127.0.0.1, and with a name that leads there (DNS rebinding) even read the
//! answers. Browsers say so: with `Origin`, with `Sec-Fetch-Site`, and with the
//! name in `Host`.

use std::net::IpAddr;

use actix_web::http::header::{HOST, HeaderMap, ORIGIN};

use super::problem::Problem;

/// Lets those through that no page can have sent. `names` are the names by
/// which the interface may be asked.
pub(super) fn check(headers: &HeaderMap, names: &[String]) -> Result<(), Problem> {
    if headers.contains_key(ORIGIN) || is_from_elsewhere(headers) {
        return Err(Problem::FromAPage);
    }
    let mut hosts = headers.get_all(HOST);
    let host = hosts.next().and_then(|host| host.to_str().ok());
    match (host, hosts.next()) {
        (Some(host), None) if is_known(host, names) => Ok(()),
        _ => Err(Problem::UnknownHost),
    }
}

/// `none` is what an operator typed, `same-origin` what our own page asked.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| !matches!(site.as_bytes(), b"none" | b"same-origin"))
}

fn is_known(host: &str, names: &[String]) -> bool {
    let name = without_port(host);
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    let same = |known: &str| known.eq_ignore_ascii_case(name);
    address.parse::<IpAddr>().is_ok()
        || same("localhost")
        || names.iter().any(|known| same(known.as_str()))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn passes(fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        check(&headers, &["rustus-1".to_owned()]).is_ok()
    }

    #[test]
    fn addresses_and_known_names_may_ask() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:1082",
            "10.1.2.3:80",
            "[::1]:1082",
            "[fe80::1]",
            "localhost:1082",
            "LOCALHOST",
            "rustus-1:1082",
        ] {
            assert!(passes(&[("host", host)]), "{host}");
        }
    }

    #[test]
    fn names_that_anybody_can_make_lead_here_may_not() {
        for host in [
            "evil.example",
            "evil.example:1082",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "rustus-1.evil.example",
            "",
            "::1:",
        ] {
            assert!(!passes(&[("host", host)]), "{host}");
        }
        assert!(!passes(&[]));
        assert!(!passes(&[("host", "localhost"), ("host", "localhost")]));
    }

    #[test]
    fn what_a_page_had_sent_is_refused() {
        let host = ("host", "127.0.0.1:1082");
        for field in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:1082"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!passes(&[host, field]), "{field:?}");
        }
        assert!(passes(&[host, ("sec-fetch-site", "none")]));
    }
}
