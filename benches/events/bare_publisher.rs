//! Publishes at a steady rate and does nothing else: the least that anybody can do
//! for the same events. `run.py` lets it run beside a server without a sink: what is
//! left of that server's rate is what is left to any server that keeps up.
//!
//! ```text
//! bare_publisher kafka ADDRESS TOPIC RATE SECONDS
//! bare_publisher amqp URL QUEUE RATE SECONDS
//! ```
//!
//! It prints how many messages were confirmed in a second.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};

/// Bytes of a message, as of an event of a small upload in the format `default`.
const SIZE: usize = 1024;

/// Where messages go, and how many may be under way: as many as the sinks have.
#[derive(Clone)]
enum Sink {
    Kafka(FutureProducer, String),
    Amqp(Channel, String),
}

impl Sink {
    async fn open(kind: &str, address: &str, name: String) -> Self {
        match kind {
            "kafka" => {
                let mut config = ClientConfig::new();
                config
                    .set("bootstrap.servers", address)
                    .set("enable.idempotence", "true")
                    .set("queue.buffering.max.ms", "5");
                Self::Kafka(config.create().unwrap(), name)
            }
            "amqp" => {
                let options = ConnectionProperties::default();
                let connection = Connection::connect(address, options).await.unwrap();
                let channel = connection.create_channel().await.unwrap();
                let confirms = ConfirmSelectOptions::default();
                channel.confirm_select(confirms).await.unwrap();
                let durable = QueueDeclareOptions {
                    durable: true,
                    ..QueueDeclareOptions::default()
                };
                let none = FieldTable::default();
                let declared = channel.queue_declare(name.as_str().into(), durable, none);
                declared.await.unwrap();
                // Its threads go on.
                std::mem::forget(connection);
                Self::Amqp(channel, name)
            }
            other => panic!("neither kafka nor amqp: {other}"),
        }
    }

    const fn at_once(&self) -> usize {
        match self {
            Self::Kafka(..) => 64,
            Self::Amqp(..) => 256,
        }
    }

    /// Sends one message, and waits until the broker has it.
    async fn send(&self, number: u64) {
        let body = [b'x'; SIZE];
        match self {
            Self::Kafka(producer, topic) => {
                // The two events of an upload have one key.
                let key = (number / 2).to_string();
                let record = FutureRecord::to(topic).key(&key).payload(&body[..]);
                let sent = producer.send(record, Duration::from_secs(10)).await;
                sent.unwrap();
            }
            Self::Amqp(channel, queue) => {
                let stays = BasicProperties::default().with_delivery_mode(2);
                let options = BasicPublishOptions::default();
                let (exchange, queue) = ("".into(), queue.as_str().into());
                let sent = channel.basic_publish(exchange, queue, options, &body, stays);
                sent.await.unwrap().await.unwrap();
            }
        }
    }
}

/// Sends `rate` messages a second, or as many as are confirmed. How many were.
async fn publish(sink: Sink, rate: u64, time: Duration) -> u64 {
    const TICKS: u64 = 100;
    let places = Arc::new(Semaphore::new(sink.at_once()));
    let confirmed = Arc::new(AtomicU64::new(0));
    let mut tick = interval(Duration::from_secs(1) / u32::try_from(TICKS).unwrap());
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (began, mut number) = (Instant::now(), 0);
    while began.elapsed() < time {
        tick.tick().await;
        let due = u64::try_from(began.elapsed().as_millis()).unwrap() * rate / 1000;
        while number < due {
            let place = Arc::clone(&places).acquire_owned().await.unwrap();
            let (sink, confirmed) = (sink.clone(), Arc::clone(&confirmed));
            tokio::spawn(async move {
                sink.send(number).await;
                confirmed.fetch_add(1, Ordering::Relaxed);
                drop(place);
            });
            number += 1;
        }
    }
    confirmed.load(Ordering::Relaxed)
}

fn main() {
    // `cargo bench` adds a flag.
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let mut next = |what: &str| {
        arguments
            .next()
            .unwrap_or_else(|| panic!("{what} is missing"))
    };
    let (kind, address, name) = (next("kafka or amqp"), next("ADDRESS"), next("TOPIC"));
    let rate = next("RATE").parse().expect("RATE is a number");
    let seconds = next("SECONDS").parse().expect("SECONDS is a number");
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let confirmed = runtime.block_on(async {
        let sink = Sink::open(&kind, &address, name).await;
        publish(sink, rate, Duration::from_secs(seconds)).await
    });
    println!("{}", confirmed / seconds);
}
