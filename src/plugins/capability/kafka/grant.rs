//! `[allow.kafka]`: the cluster that a plugin may send to.
//!
//! ```toml
//! [allow.kafka]
//! brokers = ["kafka-1:9092", "kafka-2:9092"]
//! topics = ["uploads"]
//!
//! [allow.kafka.options]
//! security.protocol = "sasl_ssl"
//! sasl.mechanisms = "SCRAM-SHA-512"
//! sasl.username = "rustus"
//! sasl.password = "secret"
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The cluster that a plugin may send to, and how. `Debug` shows no value of an
/// option: passwords are among them.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KafkaGrant {
    /// `host:port` of brokers to begin with; they name the others. The port may
    /// be left out and then is 9092.
    pub brokers: Vec<String>,
    /// Options of librdkafka, by the names that they have there.
    #[serde(default, deserialize_with = "dotted")]
    pub options: BTreeMap<String, String>,
    /// The topics that it may send to; any, if it is not set.
    #[serde(default)]
    pub topics: Option<Vec<String>>,
}

/// The longest name of a topic, in bytes.
const LONGEST_TOPIC: usize = 249;

impl KafkaGrant {
    /// Whether a topic can have this name: 1 to 249 of ASCII letters, digits, `.`,
    /// `_` and `-`, other than `.` and `..`.
    #[must_use]
    pub fn is_topic(name: &str) -> bool {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        (1..=LONGEST_TOPIC).contains(&name.len())
            && !matches!(name, "." | "..")
            && name.bytes().all(fits)
    }
}

impl fmt::Debug for KafkaGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaGrant")
            .field("brokers", &self.brokers)
            .field("options", &self.options.keys())
            .field("topics", &self.topics)
            .finish()
    }
}

/// Reads options whether their names are quoted or not: TOML makes tables of
/// names with dots in them.
fn dotted<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut options = BTreeMap::new();
    flatten(String::new(), Map::deserialize(from)?, &mut options).map_err(D::Error::custom)?;
    Ok(options)
}

fn flatten(
    prefix: String,
    table: Map<String, Value>,
    options: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (key, value) in table {
        let name = match prefix.as_str() {
            "" => key,
            prefix => format!("{prefix}.{key}"),
        };
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(is_on) => is_on.to_string(),
            Value::Object(table) => {
                flatten(name, table, options)?;
                continue;
            }
            Value::Array(_) | Value::Null => {
                return Err(format!(
                    "the option `{name}` must be a text, a number, true or false"
                ));
            }
        };
        options.insert(name, text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<KafkaGrant, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn options_have_dots_with_and_without_quotes() {
        let grant = read(
            "brokers = [\"a:1\"]\n\
             [options]\n\
             sasl.username = \"me\"\n\
             \"sasl.password\" = \"a=b\"\n\
             linger.ms = 3\n\
             socket.keepalive.enable = true\n",
        );
        let expected = [
            ("linger.ms", "3"),
            ("sasl.password", "a=b"),
            ("sasl.username", "me"),
            ("socket.keepalive.enable", "true"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(grant.unwrap().options, BTreeMap::from(expected));
    }

    #[test]
    fn what_is_no_grant_is_refused_with_what_was_expected() {
        for (text, part) in [
            ("topics = []", "missing field `brokers`"),
            ("brokers = []\ntopic = \"a\"", "unknown field `topic`"),
            (
                "brokers = []\n[options]\nsasl.mechanisms = [\"PLAIN\"]",
                "`sasl.mechanisms` must be a text",
            ),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_topic_has_letters_digits_and_three_signs() {
        for name in ["a", "my-prefix-post-finish", "A.b_c", &"x".repeat(249)] {
            assert!(KafkaGrant::is_topic(name), "{name}");
        }
        for name in ["", ".", "..", "a b", "a/b", "ü", "a\0", &"x".repeat(250)] {
            assert!(!KafkaGrant::is_topic(name), "{name}");
        }
    }

    #[test]
    fn no_value_of_an_option_is_shown() {
        let grant = read("brokers = [\"a:1\"]\n[options]\nsasl.password = \"geheim\"\n").unwrap();
        let shown = format!("{grant:?}");
        assert!(shown.contains("sasl.password"), "{shown}");
        assert!(!shown.contains("geheim"), "{shown}");
    }
}
