//! Kafka: one node on loopback, in a temporary directory, and a client that waits.

mod records;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::certificate::Certificate;
use super::guarded::{Guarded, free_port};
use super::programs::{installed, is_there};
use super::server::PATIENCE;

pub use records::{Batch, Record};

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
    /// The ports where TLS is spoken, if it is.
    tls: Option<Tls>,
    /// More arguments of its JVM.
    java: Vec<String>,
    runtime: Runtime,
    directory: TempDir,
}

/// Ports of a broker that has a certificate.
struct Tls {
    port: u16,
    /// The one where users have to name themselves as well.
    scram_port: u16,
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

    /// One that also speaks TLS.
    pub fn start_with_tls(certificate: &Certificate) -> Option<Self> {
        Self::launch("", &[], Some(certificate))
    }

    fn launch(properties: &str, java: &[&str], tls: Option<&Certificate>) -> Option<Self> {
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
            tls: tls.map(|_| Tls {
                port: free_port(),
                scram_port: free_port(),
            }),
            java: java.iter().map(|&argument| argument.to_owned()).collect(),
            runtime,
            directory: tempfile::tempdir().unwrap(),
        };
        let mut properties = kafka.properties() + properties;
        if let Some(Certificate { pem, key, .. }) = tls {
            let store = kafka.path("keystore.pem");
            fs::write(&store, format!("{key}{pem}")).unwrap();
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
        format!("127.0.0.1:{}", self.tls.as_ref().unwrap().port)
    }

    /// The same for clients that speak SASL over TLS, by SCRAM-SHA-512; the user is
    /// `rustus` and the password `secret`.
    pub fn scram_bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.tls.as_ref().unwrap().scram_port)
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
        let tls = self.tls.as_ref().map(|Tls { port, scram_port }| {
            format!(",SSL://127.0.0.1:{port},SCRAM://127.0.0.1:{scram_port}")
        });
        let tls = tls.unwrap_or_default();
        format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             controller.listener.names=CONTROLLER\n\
             listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}{tls}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl}{tls}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL,SCRAM:SASL_SSL\n\
             inter.broker.listener.name=PLAINTEXT\n\
             sasl.enabled.mechanisms=PLAIN\n\
             listener.name.sasl.plain.sasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required \
             user_rustus=\"geheim\";\n\
             listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.scram.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
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

    /// Writes the beginnings of an empty node, which knows a user.
    fn format(&self) {
        let mut command = java(&[]);
        command
            .args(["kafka.tools.StorageTool", "format"])
            .args(["--cluster-id", "AAAAAAAAQACAAAAAAAAAAA"])
            .args(["--add-scram", "SCRAM-SHA-512=[name=rustus,password=secret]"])
            .arg("--config")
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
