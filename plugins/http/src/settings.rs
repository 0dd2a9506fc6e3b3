//! The `[config]` table: what the operator wants.

use std::rc::Rc;
use std::time::Duration;

use rustus_events::Format;
use rustus_hook::HookError;
use rustus_hook::config::{self, Kept};
use serde::Deserialize;

use crate::signature::Key;
use crate::target::Target;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    urls: Vec<String>,
    notify_url: Option<String>,
    format: Option<String>,
    #[serde(default)]
    proxy_headers: Vec<String>,
    #[serde(default = "default_timeout")]
    timeout_ms: u64,
    #[serde(default = "default_retry")]
    retry: u32,
    #[serde(default = "default_backoff")]
    backoff_ms: u64,
    secret: Option<String>,
    #[serde(default)]
    follow_redirects: bool,
}

const fn default_timeout() -> u64 {
    2000
}

const fn default_retry() -> u32 {
    3
}

const fn default_backoff() -> u64 {
    1000
}

/// The table, checked.
pub(crate) struct Settings {
    /// Who is asked.
    pub(crate) targets: Vec<Target>,
    /// Who is told.
    pub(crate) told: Vec<Target>,
    pub(crate) format: Format,
    /// Lower case.
    pub(crate) proxied: Vec<String>,
    /// For one attempt, redirects included.
    pub(crate) timeout: Duration,
    /// Attempts after the first one.
    pub(crate) retries: u32,
    /// Between two attempts.
    pub(crate) backoff: Duration,
    pub(crate) key: Option<Key>,
    pub(crate) follow_redirects: bool,
}

thread_local! {
    static SETTINGS: Kept<Settings> = const { Kept::new() };
}

impl Settings {
    /// The table of this instance.
    ///
    /// # Errors
    /// Permanent: what is wrong in it.
    pub(crate) fn read() -> Result<Rc<Self>, HookError> {
        Kept::of(&SETTINGS, || {
            Self::parse(&config::all())
                .map_err(|problem| HookError::permanent(format!("[config]: {problem}")))
        })
    }

    pub(crate) fn parse(table: &str) -> Result<Self, String> {
        // What serde_json says can show a value, but that of a secret is a text in
        // any case.
        let table: Table = serde_json::from_str(table).map_err(|error| error.to_string())?;
        let targets = table.urls.iter().map(|url| Target::parse(url));
        let targets: Vec<_> = targets.collect::<Result<_, _>>()?;
        if targets.is_empty() {
            return Err("`urls` is empty; name the URL of a service".to_owned());
        }
        let told = match &table.notify_url {
            Some(url) => vec![Target::parse(url)?],
            None => targets.clone(),
        };
        let format = table.format.as_deref().map(str::parse).transpose();
        Ok(Self {
            targets,
            told,
            format: format
                .map_err(|error: rustus_events::UnknownFormat| error.to_string())?
                .unwrap_or_default(),
            proxied: table
                .proxy_headers
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
            timeout: Duration::from_millis(table.timeout_ms),
            retries: table.retry,
            backoff: Duration::from_millis(table.backoff_ms),
            key: table.secret.as_deref().map(Key::parse).transpose()?,
            follow_redirects: table.follow_redirects,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_url_is_enough() {
        let settings = Settings::parse(r#"{"urls": ["http://localhost:8000/hooks"]}"#)
            .ok()
            .unwrap();
        assert_eq!(settings.targets, settings.told);
        assert_eq!(settings.format, Format::Default);
        assert_eq!(settings.timeout, Duration::from_secs(2));
        assert_eq!(
            (settings.retries, settings.backoff),
            (3, Duration::from_secs(1))
        );
        assert!(settings.key.is_none() && !settings.follow_redirects);
    }

    #[test]
    fn a_wrong_table_is_answered_with_what_is_wrong() {
        for (table, part) in [
            ("{}", "missing field `urls`"),
            (r#"{"urls": []}"#, "`urls` is empty"),
            (r#"{"urls": ["localhost"]}"#, "`localhost` is no URL"),
            (
                r#"{"urls": ["http://a"], "retries": 1}"#,
                "unknown field `retries`",
            ),
            (
                r#"{"urls": ["http://a"], "format": "v3"}"#,
                "`v3` is not a format",
            ),
            (
                r#"{"urls": ["http://a"], "secret": "hidden!"}"#,
                "`secret` is not Base64",
            ),
        ] {
            let problem = Settings::parse(table).err().unwrap();
            assert!(problem.contains(part), "{table}: {problem}");
            assert!(!problem.contains("hidden"), "{problem}");
        }
    }
}
