//! An AMQP client that waits for every answer.

use std::io;
use std::time::{Duration, Instant};

use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::server::PATIENCE;

/// For a handshake, which takes milliseconds on a broker that has started.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A connection with one channel.
pub struct Amqp {
    connection: Connection,
    channel: Channel,
    /// Lives longest: the others end on it.
    runtime: Runtime,
}

/// A message with all that came with it.
#[derive(Debug)]
pub struct Message {
    pub exchange: String,
    pub routing_key: String,
    pub redelivered: bool,
    pub properties: BasicProperties,
    pub body: Vec<u8>,
}

impl Message {
    /// A header with text in it.
    pub fn header(&self, name: &str) -> Option<String> {
        match self.properties.headers().as_ref()?.inner().get(name)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            AMQPValue::ShortString(text) => Some(text.to_string()),
            other => panic!("the header {name} is no text: {other:?}"),
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Amqp {
    /// The whole handshake.
    ///
    /// # Errors
    /// As lapin has them: nobody listens, a wrong password. A broker that ends the
    /// connection while it starts is waited for by lapin for ever: that is an error
    /// too.
    pub fn try_connect(url: &str) -> Result<Self, lapin::Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let opened = async {
            let connection = Connection::connect(url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            Ok::<_, lapin::Error>((connection, channel))
        };
        let opened = runtime.block_on(async { timeout(HANDSHAKE, opened).await });
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let (connection, channel) = opened.map_err(late)??;
        Ok(Self {
            connection,
            channel,
            runtime,
        })
    }

    /// A durable exchange.
    pub fn declare_exchange(&self, name: &str, kind: &str) {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let kind = ExchangeKind::Custom(kind.into());
        let none = FieldTable::default();
        let declared = self
            .channel
            .exchange_declare(name.into(), kind, options, none);
        self.runtime.block_on(declared).unwrap();
    }

    /// A durable queue, bound to `exchange` where that is not the default one.
    pub fn declare_queue(&self, name: &str, exchange: &str, routing_key: &str) {
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        self.declare_queue_with(name, options, FieldTable::default());
        if exchange.is_empty() {
            return;
        }
        let bound = self.channel.queue_bind(
            name.into(),
            exchange.into(),
            routing_key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        self.runtime.block_on(bound).unwrap();
    }

    /// A queue of any kind, such as one with `x-max-length` and `reject-publish`.
    pub fn declare_queue_with(&self, name: &str, options: QueueDeclareOptions, more: FieldTable) {
        let declared = self.channel.queue_declare(name.into(), options, more);
        self.runtime.block_on(declared).unwrap();
    }

    pub fn delete_queue(&self, name: &str) {
        let options = QueueDeleteOptions::default();
        let deleted = self.channel.queue_delete(name.into(), options);
        self.runtime.block_on(deleted).unwrap();
    }

    /// How many messages wait in a queue; none if there is no such queue.
    pub fn waiting(&self, queue: &str) -> Option<u32> {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let none = FieldTable::default();
        self.runtime.block_on(async {
            // A question about a queue that is not there closes the channel.
            let channel = self.connection.create_channel().await.ok()?;
            let queue = channel.queue_declare(queue.into(), options, none).await;
            queue.ok().map(|queue| queue.message_count())
        })
    }

    /// Sends a message that stays on the disk.
    pub fn publish(&self, exchange: &str, routing_key: &str, body: &[u8]) {
        let properties = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions::default();
        self.runtime
            .block_on(async {
                let (exchange, key) = (exchange.into(), routing_key.into());
                self.channel
                    .basic_publish(exchange, key, options, body, properties)
                    .await?
                    .await
            })
            .unwrap();
    }

    /// Takes the next message out of a queue, if there is one now.
    pub fn take(&self, queue: &str) -> Option<Message> {
        self.runtime.block_on(async {
            let got = self
                .channel
                .basic_get(queue.into(), BasicGetOptions::default());
            let delivery = got.await.unwrap()?.delivery;
            let message = Message {
                exchange: delivery.exchange.to_string(),
                routing_key: delivery.routing_key.to_string(),
                redelivered: delivery.redelivered,
                properties: delivery.properties.clone(),
                body: delivery.data.clone(),
            };
            delivery.ack(BasicAckOptions::default()).await.unwrap();
            Some(message)
        })
    }

    /// Takes so many messages out of a queue, as they come; the queue too.
    pub fn take_many(&self, queue: &str, count: usize) -> Vec<Message> {
        super::eventually("the queue is declared", || self.waiting(queue).is_some());
        let until = Instant::now() + PATIENCE;
        let mut messages = Vec::new();
        while messages.len() < count {
            match self.take(queue) {
                Some(message) => messages.push(message),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
            assert!(
                Instant::now() < until,
                "{queue} never had {count} messages: {messages:?}"
            );
        }
        messages
    }
}
