//! The producer of one generation: made at the first message, replaced when
//! librdkafka gives it up, ended with the generation.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::grant::KafkaGrant;
use super::options::options;
use super::reports::Reports;
use super::verdict::{Failed, Verdict, judge};
use crate::plugins::bindings::rustus::hooks::kafka::Message;
use crate::plugins::limits::Limits;
use crate::plugins::output::Speaker;
use crate::plugins::reached::Reached;
use crate::tracing_context;

/// How long a producer that is ended may still send what calls that were given up
/// left in it. Nobody waits for it, and what does not go is sent again.
const FLUSH: Duration = Duration::from_secs(1);

/// How long the cluster may take to say whether a topic is there.
const LOOK: Duration = Duration::from_secs(1);

/// Sends what one generation wants sent.
///
/// librdkafka puts messages together, and a broker that finds a batch too large
/// refuses all of it. So what comes back as too large is sent once more by
/// itself: only then is it the message that is.
pub(in crate::plugins) struct Producer {
    together: Line,
    alone: Line,
    topics: Option<BTreeSet<String>>,
}

/// One producer of librdkafka after the other, all with the same options.
struct Line {
    config: ClientConfig,
    /// Where what blocks is done: making a producer reads certificates and starts
    /// threads, ending one joins them.
    on: Handle,
    /// `None` before the first message, and after one that was given up.
    current: Mutex<Option<Arc<Client>>>,
}

/// What became of a message that was not delivered, and who was to do it.
struct Undelivered {
    client: Arc<Client>,
    code: Code,
}

/// A producer of librdkafka with what it says. Ended when the last call that uses
/// it is over.
struct Client {
    /// There until the end.
    producer: Option<FutureProducer<Reports>>,
    reports: Reports,
    on: Handle,
}

impl Producer {
    pub(in crate::plugins::capability) fn new(
        grant: &KafkaGrant,
        limits: &Limits,
        on: &Handle,
    ) -> Result<Self, String> {
        let together = options(grant, limits.wall_time)?;
        let mut alone = together.clone();
        alone.set("batch.num.messages", "1");
        Ok(Self {
            together: Line::new(together, on),
            alone: Line::new(alone, on),
            topics: grant
                .topics
                .as_ref()
                .map(|topics| topics.iter().cloned().collect()),
        })
    }

    /// Whether the operator allows messages to `topic`.
    pub(super) fn may_send_to(&self, topic: &str) -> bool {
        self.topics
            .as_ref()
            .is_none_or(|topics| topics.contains(topic))
    }

    /// Sends one message and waits for its delivery report.
    pub(super) async fn send(
        &self,
        speaker: &Arc<Speaker>,
        message: &Message,
    ) -> Result<(), Failed> {
        if !KafkaGrant::is_topic(&message.topic) {
            let (verdict, advice) = judge(Code::InvalidTopic);
            return Err(Failed {
                verdict,
                outcome: Reached::Invalid,
                text: format!("{:?} is no topic; {advice}", message.topic),
            });
        }
        let mut outcome = self.together.send(speaker, message).await?;
        if outcome
            .as_ref()
            .is_err_and(|undelivered| is_too_large(undelivered.code))
        {
            outcome = self.alone.send(speaker, message).await?;
        }
        outcome.map_err(|Undelivered { client, code }| client.reports.failed(&message.topic, code))
    }
}

const fn is_too_large(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge
    )
}

impl Line {
    fn new(config: ClientConfig, on: &Handle) -> Self {
        Self {
            config,
            on: on.clone(),
            current: Mutex::default(),
        }
    }

    /// Sends one message and waits for its delivery report.
    async fn send(
        &self,
        speaker: &Arc<Speaker>,
        message: &Message,
    ) -> Result<Result<(), Undelivered>, Failed> {
        let client = self.client(speaker).await?;
        let Err(error) = client.deliver(message).await else {
            client.reports.delivered();
            return Ok(Ok(()));
        };
        let mut code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        match code {
            Code::Fatal => code = self.give_up(&client).await,
            Code::UnknownTopic => self.look_again(&client, &message.topic).await,
            _ => {}
        }
        Ok(Err(Undelivered { client, code }))
    }

    async fn client(&self, speaker: &Arc<Speaker>) -> Result<Arc<Client>, Failed> {
        let mut current = self.current.lock().await;
        if let Some(client) = &*current {
            return Ok(Arc::clone(client));
        }
        let config = self.config.clone();
        let reports = Reports::new(Arc::clone(speaker));
        let context = reports.clone();
        let made = self
            .on
            .spawn_blocking(move || config.create_with_context(context))
            .await;
        let problem = match made {
            Ok(Ok(producer)) => {
                let client = Arc::new(Client {
                    producer: Some(producer),
                    reports,
                    on: self.on.clone(),
                });
                *current = Some(Arc::clone(&client));
                return Ok(client);
            }
            // Its options were tried out when the plugin was loaded: this is the
            // machine's, such as threads or a certificate that went away.
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        let Speaker { plugin, digest, .. } = &**speaker;
        tracing::error!(
            plugin,
            digest,
            problem,
            "no Kafka producer can be made; it is tried again with the next message"
        );
        Err(Failed {
            verdict: Verdict::Unavailable,
            outcome: Reached::Overloaded,
            text: problem,
        })
    }

    /// Asks the cluster for a topic that was missing: by itself librdkafka does so
    /// every five minutes, and until then refuses what is sent there.
    async fn look_again(&self, client: &Arc<Client>, topic: &str) {
        let client = Arc::clone(client);
        let topic = topic.to_owned();
        let asked = self.on.spawn_blocking(move || {
            let producer = client.producer.as_ref()?;
            Some(producer.client().fetch_metadata(Some(&topic), LOOK))
        });
        // The next attempt shows what came of it.
        drop(asked.await);
    }

    /// Lets go of a producer that librdkafka will not use again, unless another
    /// call did so before. Gives why it will not.
    async fn give_up(&self, client: &Arc<Client>) -> Code {
        let mut current = self.current.lock().await;
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, client))
        {
            *current = None;
        }
        let fatal = client.producer.as_ref();
        fatal
            .and_then(|producer| producer.client().fatal_error())
            .map_or(Code::Fatal, |(code, _)| code)
    }
}

impl Drop for Client {
    /// Ending a producer joins its threads, which is done in a thread of the
    /// runtime. Should that have ended, so has the server, and nothing is under way.
    fn drop(&mut self) {
        let producer = self.producer.take();
        drop(self.on.spawn_blocking(move || {
            if let Some(producer) = &producer
                && producer.flush(FLUSH).is_err()
            {
                tracing::debug!("a Kafka producer ended with messages that nobody waits for");
            }
            drop(producer);
        }));
    }
}

impl Client {
    async fn deliver(&self, message: &Message) -> Result<(), ClientError> {
        let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
        for header in &message.headers {
            headers = headers.insert(Header {
                key: &header.name,
                value: Some(&header.value),
            });
        }
        for (name, value) in tracing_context::current() {
            headers = headers.insert(Header {
                key: &name,
                value: Some(&value),
            });
        }
        let record = FutureRecord::to(&message.topic)
            .key(&message.key)
            .payload(&message.payload)
            .headers(headers);
        let producer = self.producer.as_ref().ok_or(ClientError::Canceled)?;
        let report = producer.send_result(record).map_err(|(error, _)| error)?;
        match report.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((error, _))) => Err(error),
            Err(_) => Err(ClientError::Canceled),
        }
    }
}
