//! Kafka: one node on loopback, in a temporary directory, and a client that waits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::guarded::{Guarded, free_port};
use super::programs::{installed, is_there};
use super::server::PATIENCE;

/// For the short life of a test: start fast, stay small.
const JVM: [&str; 4] = [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];

/// A broker. Ended when dropped.
pub struct Kafka {
    broker: Option<Guarded>,
    port: u16,
    /// The port where users have to name themselves.
    sasl_port: u16,
    /// The port where TLS is spoken, if it is.
    tls_port: Option<u16>,
    /// More arguments of its JVM.
    java: Vec<String>,
    runtime: Runtime,
    directory: TempDir,
}

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
    /// A broker that this test may stop and kill; none where it is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with("", &[])
    }

    /// One with further lines of `server.properties` and arguments of its JVM.
    pub fn start_with(properties: &str, java: &[&str]) -> Option<Self> {
        Self::launch(properties, java, None)
    }

    /// One that also speaks TLS, with this certificate and its key in PEM.
    pub fn start_with_tls(certificate: &str, key: &str) -> Option<Self> {
        Self::launch("", &[], Some(format!("{key}{certificate}")))
    }

    fn launch(properties: &str, java: &[&str], tls: Option<String>) -> Option<Self> {
        let there = jars().join(".prepared").exists();
        if !installed("Kafka in target/kafka", there) || !is_there("java", "-version") {
            return None;
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut kafka = Self {
            broker: None,
            port: free_port(),
            sasl_port: free_port(),
            tls_port: tls.as_ref().map(|_| free_port()),
            java: java.iter().map(|&argument| argument.to_owned()).collect(),
            runtime,
            directory: tempfile::tempdir().unwrap(),
        };
        let mut properties = kafka.properties() + properties;
        if let Some(pem) = tls {
            let store = kafka.path("keystore.pem");
            fs::write(&store, pem).unwrap();
            let store = store.display();
            properties += &format!("ssl.keystore.type=PEM\nssl.keystore.location={store}\n");
        }
        fs::write(kafka.path("server.properties"), properties).unwrap();
        kafka.format();
        kafka.restart();
        Some(kafka)
    }

    /// The broker that all tests use which do it no harm. Topics in it must be a
    /// test's own.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Starts it again, with the same port and data.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = java(&self.java);
        command
            .arg("kafka.Kafka")
            .arg(self.path("server.properties"));
        let mut broker = Guarded::start(&mut command, &self.path("log"));
        let client: BaseConsumer = self.config().create().unwrap();
        broker.wait_until("Kafka answers", || {
            let metadata = client.fetch_metadata(None, Duration::from_millis(500));
            metadata.is_ok_and(|metadata| !metadata.brokers().is_empty())
        });
        self.broker = Some(broker);
    }

    /// Ends it in order.
    pub fn stop(&mut self) {
        if let Some(broker) = self.broker.take() {
            broker.terminate();
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(broker) = self.broker.take() {
            broker.kill();
        }
    }

    /// The process itself, to freeze it or to read its log.
    pub fn process(&self) -> &Guarded {
        self.broker.as_ref().unwrap()
    }

    /// `127.0.0.1:PORT`
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The same for clients that speak SASL, without TLS; the user is `rustus` and
    /// the password `geheim`.
    pub fn sasl_bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.sasl_port)
    }

    /// The same for clients that speak TLS.
    pub fn tls_bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.tls_port.unwrap())
    }

    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// A topic with properties of its own.
    pub fn create_topic_with(&self, name: &str, partitions: i32, set: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let topics = [set
            .iter()
            .fold(topic, |topic, (name, value)| topic.set(name, value))];
        let options = AdminOptions::new();
        let created = admin.create_topics(&topics, &options);
        for result in self.runtime.block_on(created).unwrap() {
            result.unwrap();
        }
    }

    /// The names of all topics that are not the broker's own, sorted.
    pub fn topics(&self) -> Vec<String> {
        let client: BaseConsumer = self.config().create().unwrap();
        let metadata = client.fetch_metadata(None, PATIENCE).unwrap();
        let names = metadata
            .topics()
            .iter()
            .map(|topic| topic.name().to_owned());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with("__")).collect();
        names.sort();
        names
    }

    /// Sends a record with the header `from: test` and waits until the broker has it.
    pub fn produce(&self, topic: &str, key: &str, value: &[u8]) {
        let producer: FutureProducer = self.config().create().unwrap();
        let header = Header {
            key: "from",
            value: Some("test"),
        };
        let headers = OwnedHeaders::new().insert(header);
        let record = FutureRecord::to(topic).key(key).payload(value);
        let record = record.headers(headers);
        let sent = producer.send(record, PATIENCE);
        self.runtime
            .block_on(sent)
            .map_err(|(error, _)| error)
            .unwrap();
    }

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

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap())
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "100")
            // A broker that is starting is no news.
            .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
        config
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A broker that was killed is let in again when its session is over: soon.
    fn properties(&self) -> String {
        let (port, sasl, controller) = (self.port, self.sasl_port, free_port());
        let data = self.path("data");
        let tls = self.tls_port.map(|port| format!(",SSL://127.0.0.1:{port}"));
        let tls = tls.unwrap_or_default();
        format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             controller.listener.names=CONTROLLER\n\
             listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}{tls}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl}{tls}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL\n\
             inter.broker.listener.name=PLAINTEXT\n\
             sasl.enabled.mechanisms=PLAIN\n\
             listener.name.sasl.plain.sasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required \
             user_rustus=\"geheim\";\n\
             log.dirs={}\n\
             num.partitions=1\n\
             num.network.threads=1\n\
             num.io.threads=2\n\
             background.threads=1\n\
             log.cleaner.dedupe.buffer.size=2097152\n\
             broker.session.timeout.ms=3000\n\
             broker.heartbeat.interval.ms=500\n\
             offsets.topic.num.partitions=1\n\
             offsets.topic.replication.factor=1\n\
             transaction.state.log.num.partitions=1\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\n",
            data.display()
        )
    }

    /// Writes the beginnings of an empty node.
    fn format(&self) {
        let mut command = java(&[]);
        command
            .args(["kafka.tools.StorageTool", "format"])
            .args(["--cluster-id", "AAAAAAAAQACAAAAAAAAAAA", "--config"])
            .arg(self.path("server.properties"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn jars() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kafka")
}

fn java(arguments: &[String]) -> Command {
    let mut command = Command::new("java");
    command
        .args(JVM)
        .args(arguments)
        .arg("-cp")
        .arg(jars().join("*"));
    command
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
