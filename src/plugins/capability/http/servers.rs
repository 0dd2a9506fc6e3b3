//! The servers of a grant.

use std::net::IpAddr;

use reqwest::Url;

use super::networks::Network;

/// Where requests may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Servers(Vec<Server>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    scheme: String,
    host: Host,
    /// Any, if there is none.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// A name or an address, as URLs have it.
    Exactly(String),
    /// Every name that ends so; with a dot before.
    Below(String),
    /// Every address of a network, written as an address.
    Within(Network),
}

impl Servers {
    /// Reads `scheme://host:port` of each.
    ///
    /// # Errors
    /// Which one is wrong, and what to write.
    pub(super) fn parse(entries: &[String]) -> Result<Self, String> {
        if entries.is_empty() {
            return Err("`servers` is empty, which allows nothing; write such as \
                 `servers = [\"https://hooks.example.com\"]`, or leave the table out"
                .to_owned());
        }
        let servers = entries.iter().map(|entry| {
            Server::parse(entry).map_err(|problem| format!("`servers`: `{entry}` {problem}"))
        });
        servers.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a request may go to this URL, as far as that can be seen in it.
    pub(super) fn allows(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        self.0.iter().any(|server| {
            server.scheme == url.scheme()
                && server.port.is_none_or(|allowed| allowed == port)
                && server.host.matches(host)
        })
    }

    /// Whether the host is written out, so that it may have any address.
    pub(super) fn names(&self, host: &str) -> bool {
        self.0
            .iter()
            .any(|server| matches!(&server.host, Host::Exactly(name) if name == host))
    }

    /// Whether any of them speaks TLS.
    pub(super) fn any_tls(&self) -> bool {
        self.0.iter().any(|server| server.scheme == "https")
    }
}

impl Server {
    fn parse(entry: &str) -> Result<Self, String> {
        const EXPECTED: &str = "is not a server; write such as `https://hooks.example.com`, \
                                `http://localhost:8000` or `https://*.example.com`";
        if let Some(server) = Self::network(entry) {
            return Ok(server);
        }
        let (entry, any_port) = match entry.strip_suffix(":*") {
            Some(entry) => (entry, true),
            None => (entry, false),
        };
        let url = Url::parse(entry).map_err(|_| EXPECTED)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EXPECTED.to_owned());
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(EXPECTED.to_owned());
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(
                "has more than scheme, host and port; a whole server is allowed or not".to_owned(),
            );
        }
        Ok(Self {
            scheme: url.scheme().to_owned(),
            host: Host::parse(host)?,
            port: (!any_port).then_some(port),
        })
    }

    /// `scheme://ADDRESS/BITS:PORT`; the port may be left out.
    fn network(entry: &str) -> Option<Self> {
        let (scheme, rest) = entry.split_once("://")?;
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let (address, rest) = rest.split_once('/')?;
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let (bits, port) = match rest.split_once(':') {
            Some((bits, "*")) => (bits, None),
            Some((bits, port)) => (bits, Some(port.parse().ok()?)),
            None => (rest, Some(usual)),
        };
        let network = Network::parse(&format!("{address}/{bits}"))?;
        Some(Self {
            scheme: scheme.to_owned(),
            host: Host::Within(network),
            port,
        })
    }
}

impl Host {
    fn parse(host: &str) -> Result<Self, String> {
        if !host.contains('*') {
            return Ok(Self::Exactly(host.to_owned()));
        }
        match host.strip_prefix('*') {
            Some(below) if below.len() > 1 && below.starts_with('.') && !below.contains('*') => {
                Ok(Self::Below(below.to_owned()))
            }
            _ => Err("has a `*` in another place than before the first dot of the host".to_owned()),
        }
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exactly(name) => name == host,
            Self::Below(end) => host.len() > end.len() && host.ends_with(end),
            Self::Within(network) => {
                let address = host.trim_start_matches('[').trim_end_matches(']');
                let address = address.parse::<IpAddr>();
                address.is_ok_and(|address| network.contains(address.to_canonical()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(entries: &[&str]) -> Result<Servers, String> {
        Servers::parse(
            &entries
                .iter()
                .map(|entry| (*entry).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_request_goes_where_scheme_host_and_port_are_allowed() {
        let granted = servers(&[
            "https://hooks.example.com",
            "http://localhost:8000",
            "https://*.example.org:8443",
            "http://[::1]:9",
            "http://10.0.0.0/8:8000",
            "http://192.168.1.0/24",
            "https://[fd00::]/8:*",
            "http://any.example.com:*",
        ])
        .unwrap();
        for (url, allowed) in [
            ("https://hooks.example.com/a?b#c", true),
            ("https://HOOKS.Example.com:443/", true),
            ("https://user:pass@hooks.example.com/", true),
            ("http://hooks.example.com/", false),
            ("https://hooks.example.com:444/", false),
            ("https://hooks.example.com.evil.org/", false),
            ("https://hooks.example.com@evil.org/", false),
            ("https://hooks.example.com./", false),
            ("http://localhost:8000/", true),
            ("http://localhost/", false),
            ("http://127.0.0.1:8000/", false),
            ("https://a.example.org:8443/", true),
            ("https://a.b.example.org:8443/", true),
            ("https://example.org:8443/", false),
            ("https://.example.org:8443/", false),
            ("https://aexample.org:8443/", false),
            ("https://a.example.org/", false),
            ("http://[0:0:0:0:0:0:0:1]:9/", true),
            ("http://10.1.2.3:8000/", true),
            ("http://[::ffff:10.1.2.3]:8000/", true),
            ("http://0x0a010203:8000/", true),
            ("http://10.1.2.3/", false),
            ("https://10.1.2.3:8000/", false),
            ("http://11.1.2.3:8000/", false),
            ("http://10.1.2.3.example.com:8000/", false),
            ("http://192.168.1.255/", true),
            ("http://192.168.2.1/", false),
            ("https://[fd12::1]:5/", true),
            ("https://[fe80::1]:5/", false),
            ("http://any.example.com:7/", true),
            ("http://any.example.com/", true),
            ("https://any.example.com:7/", false),
        ] {
            assert_eq!(granted.allows(&Url::parse(url).unwrap()), allowed, "{url}");
        }
    }

    #[test]
    fn another_spelling_of_an_address_is_the_address() {
        let granted = servers(&["http://127.0.0.1:80"]).unwrap();
        for url in ["http://2130706433/", "http://0x7f.1/", "http://127.0.0.1./"] {
            assert!(granted.allows(&Url::parse(url).unwrap()), "{url}");
        }
    }

    #[test]
    fn only_names_that_are_written_out_may_have_any_address() {
        let granted = servers(&["https://*.example.com", "http://a.example.com"]).unwrap();
        assert!(granted.names("a.example.com"));
        assert!(!granted.names("b.example.com"));
    }

    #[test]
    fn a_wrong_entry_is_named_with_what_to_write() {
        for (entry, part) in [
            ("hooks.example.com", "is not a server; write such as"),
            ("hooks.example.com:80", "is not a server"),
            ("ftp://example.com", "is not a server"),
            ("https://", "is not a server"),
            (
                "https://example.com/hooks",
                "more than scheme, host and port",
            ),
            (
                "https://user@example.com",
                "more than scheme, host and port",
            ),
            ("http://10.0.0.0/33", "more than scheme, host and port"),
            ("http://10.0.0.1/8/x", "more than scheme, host and port"),
            ("ftp://10.0.0.0/8", "is not a server"),
            ("http://a:**", "is not a server"),
            ("https://*", "`*` in another place"),
            ("https://a*.example.com", "`*` in another place"),
            ("https://*.*.com", "`*` in another place"),
        ] {
            let problem = servers(&[entry]).unwrap_err();
            assert!(problem.contains(part), "{problem}");
            assert!(problem.contains(entry), "{problem}");
        }
        assert!(servers(&[]).unwrap_err().contains("is empty"));
    }
}
