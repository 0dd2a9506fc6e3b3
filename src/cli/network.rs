//! Flags about connections: who may make them, how, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use super::switch::Switch;
use super::values;
use crate::server::{CorsConfig, Listen, TlsFiles};

/// How clients reach the server.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Connections", mut_args(Switch::complete))]
pub(super) struct NetworkFlags {
    /// Unix socket to listen on in place of host and port
    #[arg(long, env = "RUSTUS_UNIX_SOCKET", value_name = "PATH")]
    unix_socket: Option<PathBuf>,
    /// Certificate chain in PEM; with it only TLS is spoken. Read again when it
    /// changes
    #[arg(long, env = "RUSTUS_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, env = "RUSTUS_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Believe `X-Forwarded-*` and `Forwarded`: the proxy in front writes or
    /// removes them
    #[arg(long, env = "RUSTUS_BEHIND_PROXY")]
    behind_proxy: Switch,
    /// Origins that may use the server from a browser, separated by commas, with
    /// `*` for any characters; an empty list for any origin [default: any]
    #[arg(long, env = "RUSTUS_CORS", value_name = "ORIGINS")]
    cors: Vec<String>,
    /// Let browsers send cookies and other credentials
    #[arg(long, env = "RUSTUS_CORS_ALLOW_CREDENTIALS")]
    cors_allow_credentials: Switch,
    /// How long a browser may remember which requests are allowed
    #[arg(
        long,
        env = "RUSTUS_CORS_MAX_AGE",
        default_value_t = 86_400,
        value_name = "SECONDS"
    )]
    cors_max_age: u32,
    /// Connections at a time; more wait
    // With 300 KiB each at the worst, that is 1.2 GiB, and 8192 open files.
    #[arg(
        long,
        env = "RUSTUS_MAX_CONNECTIONS",
        default_value_t = 4096,
        value_parser = values::at_least_one,
        value_name = "N"
    )]
    max_connections: usize,
    /// How long a body may send nothing, and a client may take nothing of an
    /// answer; 0 for ever
    // As tusd and nginx have it: longer than a phone is in a tunnel between two
    // cells, shorter than anybody waits for the lock of an upload by hand.
    #[arg(
        long,
        env = "RUSTUS_READ_TIMEOUT",
        default_value_t = 60,
        value_name = "SECONDS"
    )]
    read_timeout: u64,
    /// How long the end of the server may take, notifications included
    // Docker kills after 10 s, which is the least of the usual.
    #[arg(
        long,
        env = "RUSTUS_SHUTDOWN_TIMEOUT",
        default_value_t = 9,
        value_parser = clap::value_parser!(u64).range(1..),
        value_name = "SECONDS"
    )]
    shutdown_timeout: u64,
    /// Do not log requests for the health of the server
    #[arg(long, env = "RUSTUS_DISABLE_HEALTH_ACCESS_LOG")]
    disable_health_access_log: Switch,
}

impl NetworkFlags {
    /// Takes variables that were set to nothing as not set, and says what does
    /// not go together.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        for path in [&mut self.unix_socket, &mut self.tls_cert, &mut self.tls_key] {
            if path
                .as_ref()
                .is_some_and(|path| path.as_os_str().is_empty())
            {
                *path = None;
            }
        }
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => return Err("--tls-cert needs --tls-key".to_owned()),
            (None, Some(_)) => return Err("--tls-key needs --tls-cert".to_owned()),
            (cert, _) => cert.is_some(),
        };
        if tls && self.unix_socket.is_some() {
            return Err(
                "--tls-cert and --unix-socket cannot both be set; nobody reads along on a Unix \
                 socket"
                    .to_owned(),
            );
        }
        Ok(())
    }

    pub(super) fn listen(&self, host: &str, port: u16) -> Listen {
        match &self.unix_socket {
            Some(path) => Listen::Unix(path.clone()),
            None => Listen::Tcp {
                host: host.to_owned(),
                port,
            },
        }
    }

    pub(super) fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: self.tls_cert.clone()?,
            key: self.tls_key.clone()?,
        })
    }

    /// `headers` are those that pages may send besides the usual ones.
    pub(super) fn cors(&self, headers: &[String]) -> CorsConfig {
        let origins = self.cors.iter().flat_map(|list| list.split(','));
        CorsConfig {
            origins: origins
                .map(|origin| origin.trim().to_owned())
                .filter(|origin| !origin.is_empty())
                .collect(),
            headers: headers.to_vec(),
            credentials: self.cors_allow_credentials.is_on(),
            max_age: self.cors_max_age,
        }
    }

    pub(super) const fn behind_proxy(&self) -> bool {
        self.behind_proxy.is_on()
    }

    pub(super) const fn max_connections(&self) -> usize {
        self.max_connections
    }

    pub(super) const fn log_health(&self) -> bool {
        !self.disable_health_access_log.is_on()
    }

    pub(super) fn read_timeout(&self) -> Option<Duration> {
        (self.read_timeout > 0).then(|| Duration::from_secs(self.read_timeout))
    }

    pub(super) fn shutdown_timeout(&self) -> Duration {
        Duration::from_secs(self.shutdown_timeout)
    }
}
