//! Flags about what operators see: the admin address, traces.

use crate::server::AdminConfig;
use crate::telemetry::{Endpoint, InvalidEndpoint};

/// Where it is by default: on this machine only, beside the port of uploads.
const DEFAULT: &str = "127.0.0.1:1082";

/// Where operators look.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Seeing")]
pub(super) struct AdminFlags {
    /// Address of metrics, plugins and the outbox, for operators; `off` for
    /// none, port 0 for any that is free [default: 127.0.0.1:1082]
    #[arg(
        long,
        env = "RUSTUS_ADMIN_ADDR",
        value_parser = address,
        value_name = "HOST:PORT"
    )]
    admin_addr: Option<Address>,
    /// Names, separated by commas, by which the admin address may be asked
    /// besides localhost and its own
    #[arg(long, env = "RUSTUS_ADMIN_HOSTS", value_name = "NAMES")]
    admin_hosts: Vec<String>,
    /// Collector that takes traces over OTLP/HTTP, such as http://127.0.0.1:4318
    #[arg(
        long,
        env = "RUSTUS_OTLP_ENDPOINT",
        hide_env_values = true,
        value_parser = endpoint,
        value_name = "URL"
    )]
    otlp_endpoint: Option<MaybeEndpoint>,
}

/// An endpoint, unless the variable was set to nothing.
#[derive(Debug, Clone)]
struct MaybeEndpoint(Option<Endpoint>);

fn endpoint(text: &str) -> Result<MaybeEndpoint, String> {
    if text.is_empty() {
        return Ok(MaybeEndpoint(None));
    }
    let endpoint = text.parse();
    endpoint
        .map(|endpoint| MaybeEndpoint(Some(endpoint)))
        .map_err(|error: InvalidEndpoint| error.to_string())
}

/// A place for a listener, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Off,
    On { host: String, port: u16 },
}

/// `HOST:PORT`, `[::1]:PORT` or `off`; nothing at all is the default, so that a
/// variable may be set to it.
fn address(text: &str) -> Result<Address, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(Address::Off);
    }
    let text = if text.is_empty() { DEFAULT } else { text };
    let parts = text.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() => {
            let bare = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            Ok(Address::On {
                host: bare.unwrap_or(host).to_owned(),
                port,
            })
        }
        _ => Err(format!(
            "expected a host and a port, such as {DEFAULT}, or `off`"
        )),
    }
}

impl AdminFlags {
    pub(super) fn otlp_endpoint(&self) -> Option<&Endpoint> {
        self.otlp_endpoint.as_ref()?.0.as_ref()
    }

    pub(super) fn config(&self) -> Option<AdminConfig> {
        let chosen = self.admin_addr.is_some();
        let address = self.admin_addr.clone();
        let Ok(Address::On { host, port }) = address.map_or_else(|| self::address(DEFAULT), Ok)
        else {
            return None;
        };
        let names = self.admin_hosts.iter().flat_map(|list| list.split(','));
        Some(AdminConfig {
            host,
            port,
            chosen,
            names: names
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        let on = |host: &str, port| {
            Ok(Address::On {
                host: host.to_owned(),
                port,
            })
        };
        assert_eq!(address("localhost:0"), on("localhost", 0));
        assert_eq!(address("[::1]:1082"), on("::1", 1082));
        assert_eq!(address(""), on("127.0.0.1", 1082));
        assert_eq!(address("OFF"), Ok(Address::Off));
        for wrong in ["1082", ":1082", "host:", "host:port", "host:70000"] {
            assert!(
                address(wrong).unwrap_err().contains("127.0.0.1:1082"),
                "{wrong}"
            );
        }
    }
}
