//! The flags as options of librdkafka.

use std::collections::BTreeMap;
use std::time::Duration;

use super::values::{Acks, Compression};
use super::{KafkaFlags, set};

/// How long one attempt may take when nothing says so: longer than the election of
/// another leader, and short enough that the log soon says what is wrong.
const SEND_TIMEOUT: u64 = 10;

const BROKERS: &str = "bootstrap.servers";
const ACKS: [&str; 2] = ["acks", "request.required.acks"];
const TIMEOUT: [&str; 2] = ["message.timeout.ms", "delivery.timeout.ms"];

fn milliseconds(seconds: u64) -> String {
    seconds.saturating_mul(1000).to_string()
}

impl KafkaFlags {
    /// The options of librdkafka. A flag wins over an extra option that means the
    /// same.
    pub(super) fn options(&self, brokers: &[String]) -> Result<BTreeMap<String, String>, String> {
        let mut options = match &self.extra_options {
            Some(extra) => extra.read()?,
            None => BTreeMap::new(),
        };
        for (flag, names, value) in self.flags(brokers) {
            let Some(value) = value else { continue };
            for option in names {
                if options.remove(*option).is_some() {
                    tracing::warn!(
                        flag,
                        option,
                        "a flag and an option in --hooks-kafka-extra-options say the same; the flag \
                         counts"
                    );
                }
            }
            if let Some(name) = names.first() {
                options.insert((*name).to_owned(), value);
            }
        }
        // The grant has a place of its own for them.
        options.remove(BROKERS);
        if !TIMEOUT.iter().any(|name| options.contains_key(*name)) {
            options.insert(TIMEOUT[0].to_owned(), milliseconds(SEND_TIMEOUT));
        }
        if let Some(acks @ ("0" | "1")) = acks(&options) {
            tracing::warn!(
                acks,
                "the Kafka producer is not idempotent: a broker that fails can lose, double or \
                 reorder events; --hooks-kafka-required-acks=all keeps them"
            );
        }
        Ok(options)
    }

    /// Each flag with the names that librdkafka has for it and its value, if it is
    /// given.
    fn flags(
        &self,
        brokers: &[String],
    ) -> [(&'static str, &'static [&'static str], Option<String>); 6] {
        [
            (
                "--hooks-kafka-urls",
                &[BROKERS, "metadata.broker.list"],
                Some(brokers.join(",")),
            ),
            (
                "--hooks-kafka-client-id",
                &["client.id"],
                self.client_id.as_deref().and_then(set),
            ),
            (
                "--hooks-kafka-required-acks",
                &ACKS,
                self.required_acks.and_then(Acks::value),
            ),
            (
                "--hooks-kafka-compression",
                &["compression.codec", "compression.type"],
                self.compression.and_then(Compression::value),
            ),
            (
                "--hooks-kafka-idle-timeout",
                &["connections.max.idle.ms"],
                self.idle_timeout.map(milliseconds),
            ),
            (
                "--hooks-kafka-send-timeout",
                &TIMEOUT,
                self.send_timeout.map(milliseconds),
            ),
        ]
    }
}

pub(super) fn acks(options: &BTreeMap<String, String>) -> Option<&str> {
    ACKS.iter()
        .find_map(|name| options.get(*name))
        .map(String::as_str)
}

/// How long one attempt may take. An option that is no number is refused later, by
/// name.
pub(super) fn send_timeout(options: &BTreeMap<String, String>) -> Duration {
    let given = TIMEOUT.iter().find_map(|name| options.get(*name));
    given
        .and_then(|milliseconds| milliseconds.parse().ok())
        .map_or(Duration::from_secs(SEND_TIMEOUT), Duration::from_millis)
}
