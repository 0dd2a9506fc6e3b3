//! `--hooks-http-*`.

mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde_json::{Map, Value, json};

use values::{Names, Urls, server};

use super::{Wanted, blocking};
use crate::cli::secret::Secret;
use crate::cli::switch::Switch;
use crate::plugins::{BuiltIn, EventSet, Grants, HttpGrant, Instances, Limits, Manifest, Sink};

/// The flags of the sink `http`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Http hooks", mut_args(Switch::complete))]
pub(super) struct HttpFlags {
    /// URLs that events are posted to, separated by commas
    #[arg(
        long = "hooks-http-urls",
        alias = "hooks-http",
        env = "RUSTUS_HOOKS_HTTP_URLS",
        hide_env_values = true,
        value_parser = values::urls,
        default_value = "",
        hide_default_value = true,
        value_name = "URLS"
    )]
    urls: Urls,
    /// Header fields of the client's request to post along, separated by commas;
    /// pages of other origins may send them
    #[arg(
        long = "hooks-http-proxy-headers",
        alias = "hooks-http-forward-headers",
        env = "RUSTUS_HOOKS_HTTP_PROXY_HEADERS",
        value_parser = values::names,
        default_value = "",
        hide_default_value = true,
        value_name = "NAMES"
    )]
    proxy_headers: Names,
    /// How long one attempt may take, in seconds or such as 500ms
    #[arg(
        long = "http-hook-timeout",
        alias = "hooks-http-timeout",
        env = "RUSTUS_HTTP_HOOK_TIMEOUT",
        default_value = "2",
        value_parser = values::time,
        value_name = "TIME"
    )]
    timeout: Duration,
    /// How often more a blocking event is posted when there is no answer
    #[arg(
        long = "hooks-http-retry",
        env = "RUSTUS_HOOKS_HTTP_RETRY",
        default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(0..=100),
        value_name = "N"
    )]
    retry: u32,
    /// The pause before that, in seconds or such as 500ms
    #[arg(
        long = "hooks-http-backoff",
        env = "RUSTUS_HOOKS_HTTP_BACKOFF",
        default_value = "1s",
        value_parser = values::time,
        value_name = "TIME"
    )]
    backoff: Duration,
    /// Secret to sign with (Standard Webhooks): whsec_ and Base64
    #[arg(
        long = "hooks-http-secret",
        env = "RUSTUS_HOOKS_HTTP_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    secret: Option<Secret>,
    /// File with the secret
    #[arg(
        long = "hooks-http-secret-file",
        env = "RUSTUS_HOOKS_HTTP_SECRET_FILE",
        value_name = "FILE"
    )]
    secret_file: Option<PathBuf>,
    /// Follow redirects with 307 and 308, to the servers of the URLs
    #[arg(
        long = "hooks-http-follow-redirects",
        env = "RUSTUS_HOOKS_HTTP_FOLLOW_REDIRECTS"
    )]
    follow_redirects: Switch,
    /// Certificates in PEM that are trusted beside the system's
    #[arg(
        long = "hooks-http-ca-file",
        env = "RUSTUS_HOOKS_HTTP_CA_FILE",
        value_name = "FILE"
    )]
    ca_file: Option<PathBuf>,
}

/// What a call takes besides its requests: more than it can need.
const MARGIN: Duration = Duration::from_secs(2);

/// Calls at the same time, which mostly wait. Half of them are for the questions of
/// clients, if they are asked any.
const CALLS: usize = 128;

/// The longest that a client may be made to wait.
const LONGEST: Duration = Duration::from_secs(600);

impl HttpFlags {
    /// The sinks that the flags switch on. The first one asks all URLs and tells
    /// its own; each further one tells its own, so that one that is dead holds up
    /// no other.
    pub(super) fn built_in(&self, wanted: &Wanted) -> Result<Vec<BuiltIn>, String> {
        let secret = self.secret()?;
        let mut sinks = Vec::new();
        for (place, url) in self.urls.0.iter().enumerate() {
            let (asked, events) = match place {
                0 => (self.urls.0.as_slice(), wanted.events),
                _ => (std::slice::from_ref(url), wanted.events.without(blocking())),
            };
            if events == EventSet::EMPTY {
                continue;
            }
            let manifest = Manifest {
                events,
                // A service must hear of nothing that did not happen.
                trial: false,
                instances: Instances::Reuse,
                limits: self.limits()?,
                config: self.config(asked, url, &wanted.format, secret.as_deref()),
                allow: Grants {
                    http: Some(self.grant(asked)),
                    ..Grants::default()
                },
                ..Manifest::default()
            };
            sinks.push(BuiltIn {
                sink: Sink::Http,
                manifest,
            });
        }
        Ok(sinks)
    }

    /// The header fields of clients that are posted along.
    pub(super) fn proxied(&self) -> &[String] {
        &self.proxy_headers.0
    }

    fn limits(&self) -> Result<Limits, String> {
        let attempts = self.timeout.saturating_mul(self.retry.saturating_add(1));
        let longest = attempts.saturating_add(self.backoff.saturating_mul(self.retry));
        if longest > LONGEST {
            return Err(format!(
                "with --http-hook-timeout, --hooks-http-retry and --hooks-http-backoff a client \
                 could wait for {} s; make one of them smaller, so that it is {} s at most",
                longest.as_secs(),
                LONGEST.as_secs()
            ));
        }
        Ok(Limits {
            wall_time: longest + MARGIN,
            concurrent_calls: CALLS,
            ..Limits::default()
        })
    }

    fn config(
        &self,
        asked: &[Url],
        told: &Url,
        format: &str,
        secret: Option<&str>,
    ) -> Map<String, Value> {
        let urls: Vec<_> = asked.iter().map(Url::as_str).collect();
        let mut config: Map<String, Value> = [
            ("urls", json!(urls)),
            ("notify-url", json!(told.as_str())),
            ("format", json!(format)),
            ("proxy-headers", json!(self.proxy_headers.0)),
            ("timeout-ms", milliseconds(self.timeout)),
            ("retry", json!(self.retry)),
            ("backoff-ms", milliseconds(self.backoff)),
            ("follow-redirects", json!(self.follow_redirects.is_on())),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        if let Some(secret) = secret {
            config.insert("secret".to_owned(), json!(secret));
        }
        config
    }

    fn grant(&self, asked: &[Url]) -> HttpGrant {
        HttpGrant {
            ca_file: set(self.ca_file.as_deref()).map(Path::to_owned),
            ..HttpGrant::of(asked.iter().map(server).collect())
        }
    }

    /// The secret, checked, from wherever it is.
    fn secret(&self) -> Result<Option<String>, String> {
        let given = self.secret.as_ref().map(|secret| secret.0.as_str());
        let given = given.filter(|secret| !secret.is_empty());
        let (flag, secret) = match (given, set(self.secret_file.as_deref())) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(
                    "--hooks-http-secret and --hooks-http-secret-file cannot both be set"
                        .to_owned(),
                );
            }
            (Some(secret), None) => ("--hooks-http-secret", secret.to_owned()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    format!("--hooks-http-secret-file {}: {error}", file.display())
                })?;
                ("--hooks-http-secret-file", text)
            }
        };
        let secret = secret.trim();
        let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
        match STANDARD.decode(encoded) {
            Ok(key) if !key.is_empty() => Ok(Some(secret.to_owned())),
            _ => Err(format!(
                "{flag}: the secret is not whsec_ and Base64; make one with \
                 `echo whsec_$(openssl rand -base64 32)`"
            )),
        }
    }
}

/// A variable that is set to nothing names no file.
fn set(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| !path.as_os_str().is_empty())
}

fn milliseconds(time: Duration) -> Value {
    json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::hooks::EventKind;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        http: HttpFlags,
    }

    fn sinks(flags: &[&str]) -> Result<Vec<BuiltIn>, String> {
        let line = Line::try_parse_from([&["rustus"], flags].concat());
        let wanted = Wanted {
            events: EventSet::ALL,
            format: "v2".to_owned(),
        };
        line.map_err(|error| error.to_string())?
            .http
            .built_in(&wanted)
    }

    #[test]
    fn without_urls_there_is_no_sink() {
        assert!(sinks(&[]).unwrap().is_empty());
        assert!(sinks(&["--hooks-http-urls", " , "]).unwrap().is_empty());
    }

    #[test]
    fn the_first_url_asks_all_and_each_is_told_by_a_sink_of_its_own() {
        let sinks = sinks(&[
            "--hooks-http-urls",
            "http://localhost:8000/hooks, https://u:p@example.com",
            "--http-hook-timeout=1",
        ])
        .unwrap();
        let [first, second] = sinks.as_slice() else {
            panic!("{}", sinks.len());
        };
        let config = |built_in: &BuiltIn| Value::Object(built_in.manifest.config.clone());
        let both = json!(["http://localhost:8000/hooks", "https://u:p@example.com/"]);
        assert_eq!(config(first)["urls"], both);
        assert_eq!(config(first)["notify-url"], both[0]);
        assert_eq!(config(second)["urls"], json!([both[1]]));
        assert_eq!(config(second)["notify-url"], both[1]);
        assert_eq!(config(first)["format"], "v2");
        assert_eq!(config(first)["timeout-ms"], 1000);
        assert_eq!(first.manifest.events, EventSet::ALL);
        assert!(!second.manifest.events.contains(EventKind::PreCreate));
        assert!(second.manifest.events.contains(EventKind::PostFinish));
        let servers = |built_in: &BuiltIn| built_in.manifest.allow.http.clone().unwrap().servers;
        assert_eq!(
            servers(first),
            ["http://localhost:8000", "https://example.com"]
        );
        assert_eq!(servers(second), ["https://example.com"]);
        // Four attempts of a second, three pauses, and the margin.
        assert_eq!(first.manifest.limits.wall_time, Duration::from_secs(9));
    }

    #[test]
    fn a_bad_value_is_answered_with_what_was_expected() {
        let url = "--hooks-http-urls=http://a";
        for (flags, part) in [
            (
                ["--hooks-http-urls=localhost:8000/hooks", url],
                "expected absolute URLs",
            ),
            (
                ["--hooks-http-urls=http://a,/hooks", "--hooks-http-retry=1"],
                "expected absolute URLs",
            ),
            (["--hooks-http-proxy-headers=a b", url], "`a b` is no name"),
            (
                ["--hooks-http-proxy-headers=Host", url],
                "`Host` belongs to",
            ),
            (["--http-hook-timeout=soon", url], "expected seconds"),
            (["--http-hook-timeout=300", url], "600 s at most"),
            (
                ["--hooks-http-secret=hidden!", url],
                "is not whsec_ and Base64",
            ),
            (["--hooks-http-secret-file=/not/there", url], "/not/there"),
        ] {
            let problem = sinks(&flags).map(|_| ()).unwrap_err();
            assert!(problem.contains(part), "{problem}");
            assert!(!problem.contains("hidden"), "{problem}");
        }
    }

    #[test]
    fn nothing_shows_secrets() {
        let line = Line::try_parse_from([
            "rustus",
            "--hooks-http-urls=http://u:hidden@a",
            "--hooks-http-secret=whsec_aGlkZGVu",
        ]);
        let shown = format!("{:?}", line.map(|line| line.http).ok());
        assert!(
            !shown.contains("hidden") && !shown.contains("aGlk"),
            "{shown}"
        );
    }
}
