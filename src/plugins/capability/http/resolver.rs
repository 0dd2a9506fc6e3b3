//! From a host's name to the addresses that a connection may be made to.
//!
//! The check stands here and not before the request: what a name means may
//! change between two look-ups, and only this one's result is connected to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::networks::Networks;
use super::servers::Servers;

/// Why there is no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAddress {
    /// The system's resolver has none.
    #[error("the name {name} cannot be resolved: {error}")]
    Unknown { name: String, error: std::io::Error },
    /// None of those that it has is allowed.
    #[error(
        "the name {name} has the address {address}, which is not public; write the name into \
         `servers`, or its network into `networks`, under [allow.http]"
    )]
    Prohibited { name: String, address: IpAddr },
}

/// The system's resolver, with the grant's eyes.
pub(super) struct Resolver {
    servers: Arc<Servers>,
    networks: Arc<Networks>,
}

impl Resolver {
    pub(super) fn new(servers: Arc<Servers>, networks: Networks) -> Self {
        Self {
            servers,
            networks: Arc::new(networks),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let checked = (!self.servers.names(&name)).then(|| Arc::clone(&self.networks));
        Box::pin(async move {
            let looked_up = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = looked_up.map(Iterator::collect).map_err(|error| {
                let name = name.clone();
                NoAddress::Unknown { name, error }
            })?;
            let found = match checked {
                Some(networks) => admitted(&name, found, &networks)?,
                None => found,
            };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Those of the addresses that a name which nobody wrote out may have.
fn admitted(
    name: &str,
    found: Vec<SocketAddr>,
    networks: &Networks,
) -> Result<Vec<SocketAddr>, NoAddress> {
    let first = found.first().map(SocketAddr::ip);
    let admitted: Vec<_> = found
        .into_iter()
        .filter(|address| networks.admit(address.ip()))
        .collect();
    match first {
        Some(address) if admitted.is_empty() => Err(NoAddress::Prohibited {
            name: name.to_owned(),
            address,
        }),
        _ => Ok(admitted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &[&str], networks: &[&str]) -> Result<Vec<SocketAddr>, NoAddress> {
        let found = found.iter().map(|address| address.parse().unwrap());
        let networks: Vec<_> = networks.iter().map(|entry| (*entry).to_owned()).collect();
        let networks = Networks::parse(&networks).unwrap();
        admitted("a.example.com", found.collect(), &networks)
    }

    #[test]
    fn a_name_with_private_addresses_only_is_prohibited() {
        let error = check(&["10.0.0.1:0", "[::1]:0"], &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("a.example.com has the address 10.0.0.1"),
            "{error}"
        );
        assert!(error.contains("`networks`"), "{error}");
    }

    #[test]
    fn only_the_addresses_that_may_be_are_connected_to() {
        let public: SocketAddr = "1.1.1.1:0".parse().unwrap();
        assert_eq!(check(&["127.0.0.1:0", "1.1.1.1:0"], &[]).unwrap(), [public]);
        let allowed = check(&["127.0.0.1:0"], &["127.0.0.0/8"]).unwrap();
        assert_eq!(allowed.len(), 1);
    }

    /// The name is the machine's own, which has a private address everywhere.
    #[test]
    fn a_name_that_is_written_out_may_have_any_address_and_another_not() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let resolve = |servers: &str| {
            let servers = Arc::new(Servers::parse(&[servers.to_owned()]).unwrap());
            let resolver = Resolver::new(servers, Networks::default());
            let found = runtime.block_on(resolver.resolve("localhost".parse().unwrap()));
            found.map(Iterator::count)
        };
        assert!(resolve("http://localhost").unwrap() > 0);
        let error = resolve("http://*.example.com").unwrap_err();
        let error = error.downcast::<NoAddress>().unwrap();
        assert!(matches!(*error, NoAddress::Prohibited { .. }), "{error}");
    }
}
