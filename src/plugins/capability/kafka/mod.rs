//! `rustus:hooks/kafka`: sending to a cluster.
//!
//! A message counts as sent when the cluster has reported that it is delivered.
//! Each generation of a plugin has a producer of its own, made at its first
//! message and ended with it; librdkafka connects, batches and repeats in
//! threads of its own, so that nothing here waits for a network but the call
//! whose message it is. Every call ends within `message.timeout.ms`.
//!
//! | file | idea |
//! |---|---|
//! | `grant.rs` | `[allow.kafka]` as it is written |
//! | `options.rs` | the options of librdkafka that it comes to, checked |
//! | `producer.rs` | the producer's life, and one message through it |
//! | `verdict.rs` | what an error of librdkafka means for the plugin and the operator |
//! | `reports.rs` | what librdkafka says by itself, on its way to the log |

mod grant;
mod options;
mod producer;
mod reports;
mod verdict;

pub use grant::KafkaGrant;
pub(in crate::plugins) use producer::Producer;

use crate::plugins::bindings::rustus::hooks::kafka::{Host, KafkaError, Message};
use crate::plugins::instance::CallState;
use crate::plugins::reached::Reached;
use crate::plugins::tally::Capability;

impl Host for CallState {
    async fn send(&mut self, message: Message) -> Result<(), KafkaError> {
        let lent = self.lent().clone();
        let reaching = self.reaching(Capability::Kafka);
        let Some(producer) = &lent.kafka else {
            reaching.ended(Reached::Denied);
            let write = "`brokers = [\"HOST:9092\"]` under [allow.kafka]";
            let text = self.deny(Capability::Kafka, "a message to Kafka", write);
            return Err(KafkaError::Denied(text));
        };
        if !producer.may_send_to(&message.topic) {
            reaching.ended(Reached::Denied);
            let what = format!("the topic {:?}", message.topic);
            let write = format!("{:?} into `topics` under [allow.kafka]", message.topic);
            let text = self.deny(Capability::Kafka, &what, &write);
            return Err(KafkaError::Denied(text));
        }
        let sent = producer.send(self.output().speaker(), &message).await;
        let failure = sent.as_ref().err();
        reaching.ended(failure.map_or(Reached::Ok, |failure| failure.outcome));
        sent.map_err(KafkaError::from)
    }
}
