//! What librdkafka says by itself: its log and its failures to connect, in the
//! server's log under the plugin's name.
//!
//! A cluster that is away fails every message. The log then has one line when it
//! begins, one each half a minute, and one when it is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::verdict::{Failed, Verdict, counts_as, judge};
use crate::plugins::output::Speaker;

/// How often a trouble that lasts is said again: as often as librdkafka says its
/// own.
const AGAIN: Duration = Duration::from_secs(30);

/// The voice of one producer. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Reports {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    speaker: Arc<Speaker>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when messages fail in this way and when it was said last.
    trouble: Option<(Code, Instant)>,
    /// Messages that failed since it was said.
    unsaid: u64,
    /// Why the last connection failed.
    reason: Option<(Code, String)>,
}

impl Reports {
    pub(super) fn new(speaker: Arc<Speaker>) -> Self {
        let state = Mutex::default();
        Self {
            shared: Arc::new(Shared { speaker, state }),
        }
    }

    /// A message was delivered.
    pub(super) fn delivered(&self) {
        let mut state = self.state();
        state.reason = None;
        if state.trouble.take().is_some() {
            let Speaker { plugin, digest } = &*self.shared.speaker;
            tracing::info!(plugin, digest, "the Kafka cluster takes messages again");
        }
    }

    /// A message to `topic` was not delivered. Gives what that means.
    pub(super) fn failed(&self, topic: &str, code: Code) -> Failed {
        let mut state = self.state();
        let (verdict, mut advice) = judge(code);
        let mut text = code.to_string();
        let mut outcome = counts_as(code);
        if verdict == Verdict::Unavailable
            && let Some((cause, reason)) = &state.reason
        {
            text = format!("{text}; {reason}");
            advice = judge(*cause).1;
            outcome = counts_as(*cause);
        }
        state.unsaid += 1;
        let now = Instant::now();
        let said = state.trouble.is_some_and(|(known, last)| {
            known == code && now.saturating_duration_since(last) < AGAIN
        });
        if !said {
            let messages = std::mem::take(&mut state.unsaid);
            state.trouble = Some((code, now));
            let Speaker { plugin, digest } = &*self.shared.speaker;
            tracing::warn!(
                plugin,
                digest,
                topic,
                cause = verdict.name(),
                error = text,
                messages,
                advice,
                "the Kafka cluster does not take messages"
            );
        }
        Failed {
            verdict,
            outcome,
            text,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Reports {
    fn log(&self, level: Level, facility: &str, line: &str) {
        let Speaker { plugin, digest } = &*self.shared.speaker;
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(plugin, digest, facility, line, "librdkafka")
            };
        }
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
                emit!(warn);
            }
            Level::Notice | Level::Info => emit!(info),
            Level::Debug => emit!(debug),
        }
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        // That all are down says less than why the last of them is.
        if code != Code::AllBrokersDown {
            self.state().reason = Some((code, reason.to_owned()));
        }
        let Speaker { plugin, digest } = &*self.shared.speaker;
        let (error, advice) = (code.to_string(), judge(code).1);
        tracing::warn!(
            plugin,
            digest,
            error,
            reason,
            advice,
            "a Kafka broker cannot be used"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> Reports {
        Reports::new(Arc::new(Speaker {
            plugin: "kafka".to_owned(),
            digest: "abc".to_owned(),
        }))
    }

    #[test]
    fn a_message_that_timed_out_fails_with_why_nobody_was_reached() {
        let reports = reports();
        let Failed { verdict, text, .. } = reports.failed("topic", Code::MessageTimedOut);
        assert_eq!(verdict, Verdict::Unavailable);
        let bare = text;
        let global = |code| KafkaError::Global(code);
        reports.error(global(Code::SSL), "handshake failed");
        reports.error(global(Code::AllBrokersDown), "1/1 brokers are down");
        let Failed { verdict, text, .. } = reports.failed("topic", Code::MessageTimedOut);
        assert_eq!(verdict, Verdict::Unavailable);
        assert_eq!(text, format!("{bare}; handshake failed"));
        reports.delivered();
        assert_eq!(reports.failed("topic", Code::MessageTimedOut).text, bare);
    }

    #[test]
    fn a_trouble_that_lasts_is_said_once_and_counted() {
        let reports = reports();
        for _ in 0..3 {
            reports.failed("topic", Code::MessageTimedOut);
        }
        assert_eq!(reports.state().unsaid, 2);
        reports.failed("topic", Code::UnknownTopic);
        assert_eq!(reports.state().unsaid, 0);
        reports.delivered();
        assert!(reports.state().trouble.is_none());
    }
}
