//! What lies in the topics of a broker.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::Kafka;
use crate::harness::server::PATIENCE;

/// What lies in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub value: Vec<u8>,
}

/// How records lie in a topic together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub codec: u8,
    /// Whether the broker was told how to recognise a repetition.
    pub idempotent: bool,
}

impl Record {
    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.value).unwrap()
    }
}

impl Kafka {
    /// All that lies in a topic now, partition by partition, in order. Nothing if
    /// there is no such topic.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        let mut config = self.config();
        config
            .set("group.id", "tests")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "false")
            // Where a record is missing in between, it was rolled back.
            .set("isolation.level", "read_committed");
        let consumer: BaseConsumer = config.create().unwrap();
        let ends = ends(&consumer, topic);
        let mut wanted = TopicPartitionList::new();
        for &partition in ends.keys() {
            wanted
                .add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&wanted).unwrap();
        let mut until = Instant::now() + PATIENCE;
        let mut records: Vec<Record> = Vec::new();
        let total: i64 = ends.values().sum();
        while i64::try_from(records.len()).unwrap() < total {
            assert!(Instant::now() < until, "{topic} has {ends:?}: {records:?}");
            if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                records.push(record(&message.unwrap()));
                until = Instant::now() + PATIENCE;
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    /// How many records lie in a topic now.
    pub fn count(&self, topic: &str) -> usize {
        let client: BaseConsumer = self.config().create().unwrap();
        let total: i64 = ends(&client, topic).values().sum();
        usize::try_from(total).unwrap()
    }

    /// What lies in a topic as soon as that are at least so many.
    pub fn wait_for(&self, topic: &str, count: usize) -> Vec<Record> {
        let until = Instant::now() + PATIENCE;
        loop {
            let records = self.records(topic);
            if records.len() >= count {
                return records;
            }
            assert!(
                Instant::now() < until,
                "{topic} never had {count} records: {records:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How the records of a topic's first partition lie in its file.
    pub fn batches(&self, topic: &str) -> Vec<Batch> {
        let file = format!("data/{topic}-0/00000000000000000000.log");
        let bytes = fs::read(self.path(&file)).unwrap();
        let mut rest = bytes.as_slice();
        let mut batches = Vec::new();
        // Offset, length of what follows, epoch of the leader, version, checksum,
        // attributes, last offset, two times, producer (Kafka, "Record Batch").
        while let Some(&[_, _, _, _, _, _, _, _, a, b, c, d]) = rest.first_chunk() {
            let end = 12 + usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
            let Some(batch) = rest.get(..end).filter(|batch| batch.len() > 51) else {
                break;
            };
            batches.push(Batch {
                codec: batch[22] & 7,
                idempotent: batch[43..51] != [0xff; 8],
            });
            rest = &rest[end..];
        }
        batches
    }
}

/// Where each partition of a topic ends.
fn ends(consumer: &BaseConsumer, topic: &str) -> BTreeMap<i32, i64> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let partitions = metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions());
    let end = |id| {
        let (_, end) = consumer.fetch_watermarks(topic, id, PATIENCE).unwrap();
        (id, end)
    };
    partitions.map(|partition| end(partition.id())).collect()
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = message.headers().map(|headers| {
        let header = |header: Header<'_, &[u8]>| {
            let value = header.value.map(text).unwrap_or_default();
            (header.key.to_owned(), value)
        };
        headers.iter().map(header).collect()
    });
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(text),
        headers: headers.unwrap_or_default(),
        value: message.payload().unwrap_or_default().to_vec(),
    }
}
