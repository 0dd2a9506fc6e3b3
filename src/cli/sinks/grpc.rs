//! `--hooks-grpc*`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Wanted;
use crate::cli::switch::Switch;
use crate::hooks::EventSet;
use crate::plugins::{BuiltIn, Grants, GrpcGrant, Instances, Limits, Manifest, Sink};

/// The flags of the sink `grpc`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Grpc hooks", mut_args(Switch::complete))]
pub(super) struct GrpcFlags {
    /// Server of tusd's HookHandler that is asked and told, HOST:PORT
    #[arg(
        id = "hooks-grpc",
        long = "hooks-grpc",
        env = "RUSTUS_HOOKS_GRPC",
        value_name = "SERVER"
    )]
    server: Option<String>,
    /// How often a blocking event is asked again when the server does not answer
    #[arg(
        id = "hooks-grpc-retry",
        long = "hooks-grpc-retry",
        env = "RUSTUS_HOOKS_GRPC_RETRY",
        default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(0..=20),
        value_name = "N"
    )]
    retry: u32,
    /// How long to wait before that, such as 1s or 500ms
    #[arg(
        id = "hooks-grpc-backoff",
        long = "hooks-grpc-backoff",
        env = "RUSTUS_HOOKS_GRPC_BACKOFF",
        default_value = "1s",
        value_parser = backoff,
        value_name = "TIME"
    )]
    backoff: Duration,
    /// Seconds that one call may take
    #[arg(
        id = "hooks-grpc-timeout",
        long = "hooks-grpc-timeout",
        env = "RUSTUS_HOOKS_GRPC_TIMEOUT",
        default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..=60),
        value_name = "SECONDS"
    )]
    timeout: u32,
    /// Speak TLS
    #[arg(
        id = "hooks-grpc-secure",
        long = "hooks-grpc-secure",
        env = "RUSTUS_HOOKS_GRPC_SECURE"
    )]
    secure: Switch,
    /// The server's certificate, or that of who signed it, PEM [default: those that
    /// the system trusts]
    #[arg(
        id = "hooks-grpc-server-tls-certificate",
        long = "hooks-grpc-server-tls-certificate",
        env = "RUSTUS_HOOKS_GRPC_SERVER_TLS_CERTIFICATE",
        value_name = "FILE"
    )]
    server_certificate: Option<PathBuf>,
    /// Certificate to show to the server, PEM
    #[arg(
        id = "hooks-grpc-client-tls-certificate",
        long = "hooks-grpc-client-tls-certificate",
        env = "RUSTUS_HOOKS_GRPC_CLIENT_TLS_CERTIFICATE",
        value_name = "FILE"
    )]
    client_certificate: Option<PathBuf>,
    /// Its key, PEM
    #[arg(
        id = "hooks-grpc-client-tls-key",
        long = "hooks-grpc-client-tls-key",
        env = "RUSTUS_HOOKS_GRPC_CLIENT_TLS_KEY",
        value_name = "FILE"
    )]
    client_key: Option<PathBuf>,
    /// Header fields of the client that go with a call as metadata, separated by
    /// commas
    #[arg(
        id = "hooks-grpc-forward-headers",
        long = "hooks-grpc-forward-headers",
        env = "RUSTUS_HOOKS_GRPC_FORWARD_HEADERS",
        value_delimiter = ',',
        value_name = "NAMES"
    )]
    forward_headers: Vec<String>,
}

/// What the guest itself may take, besides its calls and the waiting between them.
const BESIDE_CALLS: Duration = Duration::from_secs(1);

impl GrpcFlags {
    /// The sink, if its flags switch it on.
    pub(super) fn built_in(&self, wanted: &Wanted) -> Result<Option<BuiltIn>, String> {
        let server = self.server.as_deref().map(str::trim).unwrap_or_default();
        if server.is_empty() || wanted.events == EventSet::EMPTY {
            return Ok(None);
        }
        let timeout = Duration::from_secs(self.timeout.into());
        let manifest = Manifest {
            instances: Instances::Reuse,
            events: wanted.events,
            // It would ask the server about an upload that there is not.
            trial: false,
            limits: Limits {
                wall_time: timeout * (self.retry + 1) + self.backoff * self.retry + BESIDE_CALLS,
                ..Limits::default()
            },
            config: self.config(),
            allow: Grants {
                grpc: Some(GrpcGrant {
                    endpoint: server.to_owned(),
                    tls: self.secure.is_on(),
                    certificate: set(self.server_certificate.as_ref()),
                    client_certificate: set(self.client_certificate.as_ref()),
                    client_key: set(self.client_key.as_ref()),
                    timeout_ms: Some(u64::from(self.timeout) * 1000),
                }),
                ..Grants::default()
            },
            ..Manifest::default()
        };
        Ok(Some(BuiltIn {
            sink: Sink::Grpc,
            manifest,
        }))
    }

    fn config(&self) -> Map<String, Value> {
        let backoff = u64::try_from(self.backoff.as_millis()).unwrap_or(u64::MAX);
        [
            ("retry", Value::from(self.retry)),
            ("backoff-ms", backoff.into()),
            ("forward-headers", self.forward_headers.join(",").into()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
    }
}

/// A path, unless a variable was set to nothing.
fn set(path: Option<&PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty()).cloned()
}

/// A time, or a number of seconds as in older documentation.
fn backoff(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(60);
    let seconds = text.parse().map(Duration::from_secs);
    let time = seconds.or_else(|_| humantime::parse_duration(text));
    match time {
        Ok(time) if time <= LONGEST => Ok(time),
        _ => Err("expected a time such as 500ms or 1s, at most 60s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        grpc: GrpcFlags,
    }

    fn built_in(flags: &[&str]) -> Result<Option<BuiltIn>, String> {
        let line = Line::try_parse_from([&["rustus"], flags].concat());
        let line = line.map_err(|error| error.to_string())?;
        line.grpc.built_in(&Wanted {
            events: EventSet::ALL,
            format: "default".to_owned(),
        })
    }

    #[test]
    fn without_a_server_there_is_no_sink() {
        assert!(built_in(&[]).unwrap().is_none());
        assert!(built_in(&["--hooks-grpc", ""]).unwrap().is_none());
    }

    #[test]
    fn every_flag_arrives() {
        let manifest = built_in(&[
            "--hooks-grpc=hooks:8080",
            "--hooks-grpc-retry=5",
            "--hooks-grpc-backoff=2",
            "--hooks-grpc-timeout=4",
            "--hooks-grpc-secure",
            "--hooks-grpc-server-tls-certificate=ca.pem",
            "--hooks-grpc-client-tls-certificate=me.pem",
            "--hooks-grpc-client-tls-key=key.pem",
            "--hooks-grpc-forward-headers=Authorization,Cookie",
        ])
        .unwrap()
        .unwrap()
        .manifest;
        let expected = GrpcGrant {
            endpoint: "hooks:8080".to_owned(),
            tls: true,
            certificate: Some("ca.pem".into()),
            client_certificate: Some("me.pem".into()),
            client_key: Some("key.pem".into()),
            timeout_ms: Some(4000),
        };
        assert_eq!(manifest.allow.grpc, Some(expected));
        assert_eq!(
            manifest.limits.wall_time,
            Duration::from_secs(6 * 4 + 5 * 2 + 1)
        );
        assert_eq!(
            Value::Object(manifest.config).to_string(),
            r#"{"backoff-ms":2000,"forward-headers":"Authorization,Cookie","retry":5}"#
        );
    }

    #[test]
    fn a_bad_value_is_answered_with_what_was_expected() {
        for (flag, expected) in [
            ("--hooks-grpc-retry=21", "0..=20"),
            ("--hooks-grpc-timeout=0", "1..=60"),
            ("--hooks-grpc-backoff=soon", "such as 500ms or 1s"),
            ("--hooks-grpc-secure=maybe", "expected true or false"),
        ] {
            let message = built_in(&[flag]).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
