//! Values of flags that need more than their type.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::hooks::{EventKind, EventSet};
use crate::telemetry::{LogFormat, UnknownLogFormat};
use crate::tus::{BaseUrl, InvalidBaseUrl};

/// A list of events. Empty places in it do not count.
pub(super) fn events(list: &str) -> Result<EventSet, String> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| name.parse::<EventKind>().map_err(|error| error.to_string()))
        .collect()
}

/// A list of events that block.
pub(super) fn blocking_events(list: &str) -> Result<EventSet, String> {
    let events = events(list)?;
    match events.iter().find(|kind| !kind.is_blocking()) {
        None => Ok(events),
        Some(kind) => {
            let blocking: EventSet = EventKind::ALL
                .into_iter()
                .filter(|kind| kind.is_blocking())
                .collect();
            Err(format!(
                "nobody waits for `{kind}`, so it cannot be required; the blocking events are \
                 {blocking}"
            ))
        }
    }
}

/// A level's name in any case.
pub(super) fn log_level(name: &str) -> Result<LevelFilter, String> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphabetic()) && !name.is_empty();
    match name.parse() {
        Ok(level) if is_name => Ok(level),
        _ => Err("expected off, error, warn, info, debug or trace".to_owned()),
    }
}

/// A format's name in any case; nothing is the default.
pub(super) fn log_format(name: &str) -> Result<LogFormat, String> {
    match name.to_ascii_lowercase().as_str() {
        "" => Ok(LogFormat::default()),
        name => name
            .parse()
            .map_err(|error: UnknownLogFormat| error.to_string()),
    }
}

/// A length of time, of at least a second.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(time),
        _ => Err("expected a time such as 30m, 24h or 7d, at least 1s".to_owned()),
    }
}

/// A number of threads. The upper bound is the HTTP library's.
pub(super) fn workers(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(number @ 1..=512) => Ok(number),
        _ => Err("expected a whole number, at least 1 and at most 512".to_owned()),
    }
}

/// A number of something that there has to be.
pub(super) fn at_least_one(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(0) | Err(_) => Err("expected a whole number, at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// A path for uploads that leaves those of the server itself alone.
pub(super) fn base_url(path: &str) -> Result<BaseUrl, String> {
    let base: BaseUrl = path
        .parse()
        .map_err(|error: InvalidBaseUrl| error.to_string())?;
    match base.as_str() {
        "/health" | "/health/ready" => Err(
            "the health of the server is found there; take another path, such as /files".to_owned(),
        ),
        _ => Ok(base),
    }
}

/// `rustus` in the user's cache directory (XDG Base Directory Specification).
pub(super) fn user_cache_dir() -> Option<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
    };
    set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .map(|cache| cache.join("rustus"))
}
