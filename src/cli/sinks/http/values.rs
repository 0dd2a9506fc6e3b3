//! Values of the flags that need more than their type.

use std::fmt;
use std::time::Duration;

use reqwest::Url;

/// URLs, which can hold passwords.
#[derive(Clone)]
pub(super) struct Urls(pub(super) Vec<Url>);

impl fmt::Debug for Urls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(server)).finish()
    }
}

/// Names of header fields, in lower case.
#[derive(Debug, Clone)]
pub(super) struct Names(pub(super) Vec<String>);

/// Scheme, host and port.
pub(super) fn server(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

/// Absolute URLs, separated by commas.
pub(super) fn urls(list: &str) -> Result<Urls, String> {
    let url = |word: &str| match Url::parse(word) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("expected absolute URLs, such as https://example.com/hooks".to_owned()),
    };
    words(list).map(url).collect::<Result<_, _>>().map(Urls)
}

/// Fields that belong to one connection or to one message, so that they can't go
/// along with another (RFC 9110, section 7.6.1).
const BOUND: [&str; 8] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Names of header fields, separated by commas.
pub(super) fn names(list: &str) -> Result<Names, String> {
    let name = |word: &str| {
        let name = http::HeaderName::try_from(word)
            .map_err(|_| format!("`{word}` is no name of a header field"))?;
        if BOUND.contains(&name.as_str()) {
            return Err(format!(
                "`{word}` belongs to the client's own request and can't go along"
            ));
        }
        Ok(name.as_str().to_owned())
    };
    words(list).map(name).collect::<Result<_, _>>().map(Names)
}

/// A time as upstream has it, in seconds, or with a unit.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let seconds = text.trim().parse().map(Duration::from_secs).ok();
    match seconds.or_else(|| humantime::parse_duration(text).ok()) {
        Some(time) if time >= Duration::from_millis(1) => Ok(time),
        _ => Err("expected seconds, such as 2, or a time such as 500ms or 2s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        for (text, milliseconds) in [("2", 2000), ("500ms", 500), ("1s", 1000), ("1m", 60_000)] {
            assert_eq!(
                time(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["0", "0s", "", "two", "-1"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
