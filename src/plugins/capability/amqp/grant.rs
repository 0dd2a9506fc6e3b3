//! `[allow.amqp]`: which broker, and through how many connections.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri};
use serde::Deserialize;

use super::connector::{Connector, Roots};
use super::pool::Bounds;

/// What a URL looks like, for messages about one that does not.
const SHAPE: &str = "write amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps: for TLS, with %2f for \
                     the virtual host `/` and percent signs for what is special in a password";

/// `[allow.amqp]`: the broker that a plugin may publish to.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AmqpGrant {
    /// `amqp://user:password@host:port/vhost`, or `amqps:`. A secret.
    pub url: Option<String>,
    /// The name of an environment variable of the server with the URL, in place
    /// of `url`.
    pub url_env: Option<String>,
    /// A file with the URL, in place of `url`.
    pub url_file: Option<PathBuf>,
    /// Certificates of authorities in PEM, trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// The exchanges that it may publish to and declare; all when not given. The
    /// empty name is the default exchange.
    pub exchanges: Option<Vec<String>>,
    /// The most connections, at least 1.
    pub connection_pool_size: usize,
    /// The most channels that publish on each connection, at least 1.
    pub channel_pool_size: usize,
    /// Seconds after which a connection that is not used is closed; never when
    /// not given.
    pub idle_connection_timeout: Option<u64>,
    /// Seconds after which a channel that is not used is closed; never when not
    /// given.
    pub idle_channels_timeout: Option<u64>,
}

impl Default for AmqpGrant {
    fn default() -> Self {
        Self {
            url: None,
            url_env: None,
            url_file: None,
            ca_file: None,
            exchanges: None,
            connection_pool_size: 10,
            channel_pool_size: 10,
            idle_connection_timeout: None,
            idle_channels_timeout: None,
        }
    }
}

/// Without the URL, which has a password in it.
impl fmt::Debug for AmqpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpGrant")
            .field("exchanges", &self.exchanges)
            .field("connection_pool_size", &self.connection_pool_size)
            .field("channel_pool_size", &self.channel_pool_size)
            .finish_non_exhaustive()
    }
}

impl AmqpGrant {
    /// Whether it can be used: reads what it names and connects to nothing.
    ///
    /// # Errors
    /// What is wrong and what to write instead. The URL is not in it.
    pub fn check(&self) -> Result<(), String> {
        self.connector()?;
        self.bounds().map(drop)
    }

    /// What connects as the grant says.
    pub(super) fn connector(&self) -> Result<Connector, String> {
        let uri = parse(&self.secret()?)?;
        let roots = match (&uri.scheme, &self.ca_file) {
            (AMQPScheme::AMQP, None) => return Ok(Connector::plain(uri)),
            (AMQPScheme::AMQP, Some(_)) => {
                return Err(
                    "`ca-file` is of use with TLS only; write amqps: in the URL, or leave it out"
                        .to_owned(),
                );
            }
            (AMQPScheme::AMQPS, None) => Roots::system()?,
            (AMQPScheme::AMQPS, Some(file)) => Roots::with_file(file)?,
        };
        Connector::with_tls(uri, roots)
    }

    /// How much may be open, and for how long.
    pub(super) fn bounds(&self) -> Result<Bounds, String> {
        let size = |key, size| match size {
            0 => Err(format!("`{key}` is 0, but must be at least 1")),
            size => Ok(size),
        };
        let time = |key, seconds| match seconds {
            Some(0) => Err(format!(
                "`{key}` is 0, but must be at least 1 second; leave it out to close nothing"
            )),
            seconds => Ok(seconds.map(Duration::from_secs)),
        };
        Ok(Bounds {
            connections: size("connection-pool-size", self.connection_pool_size)?,
            channels: size("channel-pool-size", self.channel_pool_size)?,
            idle_connection: time("idle-connection-timeout", self.idle_connection_timeout)?,
            idle_channel: time("idle-channels-timeout", self.idle_channels_timeout)?,
        })
    }

    fn secret(&self) -> Result<String, String> {
        match (&self.url, &self.url_env, &self.url_file) {
            (Some(url), None, None) => Ok(url.clone()),
            (None, Some(name), None) => std::env::var(name)
                .map_err(|_| format!("`url-env` names {name}, which is not in the environment")),
            (None, None, Some(file)) => std::fs::read_to_string(file)
                .map(|text| text.trim().to_owned())
                .map_err(|error| format!("`url-file` {} can't be read: {error}", file.display())),
            _ => Err("one of `url`, `url-env` and `url-file` says where the broker is".to_owned()),
        }
    }
}

/// Reads a URL. What it says of a bad one never contains it.
fn parse(url: &str) -> Result<AMQPUri, String> {
    let unusable = |why: &str| format!("the URL of the broker can't be used ({why}); {SHAPE}");
    let mut uri: AMQPUri = url.parse().map_err(|error: String| {
        // This one quotes the URL.
        match error.starts_with("Invalid URL") {
            true => unusable("it has no host"),
            false => unusable(&error),
        }
    })?;
    let authority = url.split("://").nth(1).unwrap_or_default();
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err(unusable("it has no host"));
    }
    // The parser would take `localhost` for an address in brackets.
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        address.clone_into(&mut uri.authority.host);
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host() {
        for (url, host, port, vhost) in [
            ("amqp://guest:guest@localhost:5672", "localhost", 5672, "/"),
            ("amqp://a:b%2Fc@broker/%2f", "broker", 5672, "/"),
            ("amqps://a:b@10.0.0.1/files", "10.0.0.1", 5671, "files"),
            ("amqp://a:b@[::1]:5673/x", "::1", 5673, "x"),
        ] {
            let uri = parse(url).unwrap();
            assert_eq!(uri.authority.host, host, "{url}");
            assert_eq!(uri.authority.port, port, "{url}");
            assert_eq!(uri.vhost, vhost, "{url}");
        }
    }

    #[test]
    fn a_bad_url_is_answered_with_its_shape_and_not_with_itself() {
        for url in [
            "user:secret@host",
            "localhost:5672",
            "http://user:secret@host",
            "amqp://user:secret@host:port",
            "amqp://user:secret@",
            "amqp:///secret",
            "amqp:secret",
            "",
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.contains("amqp://USER:PASSWORD@"), "{url}: {error}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn the_url_is_in_one_place_and_shown_in_none() {
        let with = |url: Option<&str>, env: Option<&str>| AmqpGrant {
            url: url.map(str::to_owned),
            url_env: env.map(str::to_owned),
            ..AmqpGrant::default()
        };
        let url = "amqp://user:secret@host";
        let grant = with(Some(url), None);
        assert_eq!(grant.secret().as_deref(), Ok(url));
        assert!(!format!("{grant:?}").contains("secret"));
        for grant in [
            with(None, None),
            with(Some(url), Some("PATH")),
            with(None, Some("RUSTUS_TEST_NOT_THERE")),
        ] {
            assert!(grant.secret().is_err(), "{grant:?}");
        }
    }

    #[test]
    fn pools_hold_something_and_times_are_at_least_a_second() {
        let grant: AmqpGrant = toml::from_str("url = \"amqp://host\"").unwrap();
        let bounds = grant.bounds().unwrap();
        assert_eq!((bounds.connections, bounds.channels), (10, 10));
        assert_eq!((bounds.idle_connection, bounds.idle_channel), (None, None));
        for line in [
            "connection-pool-size = 0",
            "channel-pool-size = 0",
            "idle-connection-timeout = 0",
            "idle-channels-timeout = 0",
        ] {
            let grant: AmqpGrant = toml::from_str(line).unwrap();
            let key = line.split(' ').next().unwrap();
            let error = grant.bounds().map(drop).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }
}
