//! The JSON formats of events (`--hooks-format`).

mod cloudevents;
mod rustus;
mod tusd;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::event::{Event, MetadataEntry};

/// How an event is written for those outside of the server.
///
/// In all of them:
/// - Names of header fields are lower case. tusd itself writes them in Go's form,
///   such as `Content-Type`.
/// - Metadata without a value is there with an empty string. A value that is not
///   UTF-8 has U+FFFD in place of what is not.
/// - The length is null as long as it is unknown, unless said otherwise.
/// - Keys stand in alphabetical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// `upload` and `request`, of which the URI is called `URI`.
    #[default]
    Default,
    /// As `default`, but the URI is called `uri`.
    V2,
    /// `Upload` and `HTTPRequest`, as tusd 1 had them.
    Tusd,
    /// The hook request of tusd 2: `Type` and `Event`. A length that is unknown
    /// is 0, an address that is unknown is empty, and `Storage` is null before
    /// the upload exists, because tusd's programs read these types.
    TusdV2,
    /// CloudEvents 1.0 in JSON, structured mode; the data is the `v2` format.
    CloudEvents,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Default,
        Self::V2,
        Self::Tusd,
        Self::TusdV2,
        Self::CloudEvents,
    ];

    /// The format's name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::V2 => "v2",
            Self::Tusd => "tusd",
            Self::TusdV2 => "tusd-v2",
            Self::CloudEvents => "cloudevents",
        }
    }

    /// The event as one JSON object without line breaks.
    #[must_use]
    pub fn body(self, event: &Event) -> String {
        match self {
            Self::Default => json(&rustus::Default::of(event)),
            Self::V2 => json(&rustus::V2::of(event)),
            Self::Tusd => json(&tusd::First::of(event)),
            Self::TusdV2 => json(&tusd::Second::of(event)),
            Self::CloudEvents => json(&cloudevents::Envelope::of(event)),
        }
    }

    /// The media type of the body.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Default | Self::V2 | Self::Tusd | Self::TusdV2 => "application/json",
            Self::CloudEvents => "application/cloudevents+json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFormat(String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Format::ALL.map(Format::name).join(", ");
        write!(f, "`{}` is not a format; the formats are {names}", self.0)
    }
}

impl Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// The bodies have text for keys and no numbers that JSON lacks, so there is always
/// a text.
fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// Metadata as an object of texts.
type Metadata<'a> = BTreeMap<&'a str, Cow<'a, str>>;

/// If a key stands twice, which the server does not accept from clients, the last
/// one counts.
fn metadata(entries: &[MetadataEntry]) -> Metadata<'_> {
    entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.text()))
        .collect()
}

/// The values of each header field, in the order in which they came.
fn fields(headers: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in headers {
        fields.entry(name).or_default().push(value);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_read_from_its_own_name() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>(), Ok(format));
        }
    }

    #[test]
    fn an_unknown_format_is_answered_with_the_known_ones() {
        assert_eq!(
            "v3".parse::<Format>().unwrap_err().to_string(),
            "`v3` is not a format; the formats are default, v2, tusd, tusd-v2, cloudevents",
        );
    }

    #[test]
    fn the_values_of_a_field_stay_in_order() {
        let headers =
            [("b", "1"), ("a", "2"), ("b", "3")].map(|(name, value)| (name.into(), value.into()));
        let fields: Vec<_> = fields(&headers).into_iter().collect();
        assert_eq!(fields, [("a", vec!["2"]), ("b", vec!["1", "3"])]);
    }
}
