//! Values of the flags that need more than their type.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

/// The longest that one attempt may take, in seconds: what takes longer is better
/// sent again.
const LONGEST_SEND_TIMEOUT: u64 = 600;

/// The longest idle time that librdkafka can count in milliseconds, in seconds.
const LONGEST_IDLE_TIMEOUT: u64 = 2_147_483;

/// How many replicas have a message; `None` for a variable that is set to nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acks(Option<&'static str>);

impl Acks {
    pub(super) fn value(self) -> Option<String> {
        self.0.map(str::to_owned)
    }
}

pub(super) fn acks(text: &str) -> Result<Acks, String> {
    match text {
        "" => Ok(Acks(None)),
        // A variable that stands for the bare switch.
        "all" | "-1" | "true" => Ok(Acks(Some("all"))),
        "1" => Ok(Acks(Some("1"))),
        "0" => Ok(Acks(Some("0"))),
        _ => Err("expected 0, 1, -1 or all".to_owned()),
    }
}

/// A codec; `None` for a variable that is set to nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compression(Option<&'static str>);

impl Compression {
    pub(super) fn value(self) -> Option<String> {
        self.0.map(str::to_owned)
    }
}

pub(super) fn compression(text: &str) -> Result<Compression, String> {
    const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
    match CODECS.into_iter().find(|codec| *codec == text) {
        None if text.is_empty() => Ok(Compression(None)),
        None => Err("expected none, gzip, snappy, lz4 or zstd".to_owned()),
        codec => Ok(Compression(codec)),
    }
}

pub(super) fn idle_timeout(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seconds @ 0..=LONGEST_IDLE_TIMEOUT) => Ok(seconds),
        _ => Err(format!(
            "expected a number of seconds, at most {LONGEST_IDLE_TIMEOUT}"
        )),
    }
}

pub(super) fn send_timeout(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seconds @ 1..=LONGEST_SEND_TIMEOUT) => Ok(seconds),
        _ => Err(format!(
            "expected a number of seconds, 1 to {LONGEST_SEND_TIMEOUT}"
        )),
    }
}

/// `KEY=VALUE;KEY=VALUE`, as it was given. Passwords may be in it: neither `Debug`
/// nor an error shows any of it but names.
#[derive(Clone)]
pub(super) struct ExtraOptions(String);

impl fmt::Debug for ExtraOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtraOptions")
    }
}

/// Takes any text: what clap says about one that it does not take shows it.
pub(super) fn extra_options(text: &str) -> Result<ExtraOptions, Infallible> {
    Ok(ExtraOptions(text.to_owned()))
}

impl ExtraOptions {
    /// The options by name. Empty places do not count; a value is what stands behind
    /// the first `=`, as it is.
    pub(super) fn read(&self) -> Result<BTreeMap<String, String>, String> {
        let mut options = BTreeMap::new();
        let places = self.0.split(';').zip(1..);
        for (option, place) in places.filter(|(option, _)| !option.trim().is_empty()) {
            match option.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() => {
                    options.insert(name.trim().to_owned(), value.to_owned());
                }
                _ => {
                    return Err(format!(
                        "--hooks-kafka-extra-options: the {} of the options is not KEY=VALUE; \
                         expected such as linger.ms=5;security.protocol=ssl",
                        ordinal(place)
                    ));
                }
            }
        }
        Ok(options)
    }
}

fn ordinal(place: usize) -> String {
    match place {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        place => format!("{place}th"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_all_behind_the_first_equals_sign() {
        let options = ExtraOptions("; sasl.password=Zm9v==;a= b ;".to_owned());
        let expected = [("a", " b "), ("sasl.password", "Zm9v==")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(options.read().unwrap(), expected.into());
    }

    #[test]
    fn what_is_no_option_is_named_by_its_place_alone() {
        for (text, place) in [("geheim", "first"), ("a=1;b=2;c=3;=geheim", "4th")] {
            let message = ExtraOptions(text.to_owned()).read().unwrap_err();
            assert!(message.contains(place), "{message}");
            assert!(!message.contains("geheim"), "{message}");
        }
    }
}
