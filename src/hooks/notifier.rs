//! Telling plugins what happened, while nobody waits.
//!
//! Each plugin has a queue of its own, so that a slow one delays no other, and
//! hears of one event after the other, so that the order of an upload's events
//! is the order in which they happened. Queues live in memory: what they hold
//! when the process is killed is not delivered.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::plugins::{Failure, Registry};

use super::contract;
use super::event::Event;

/// Events that may wait for one plugin. At 2 KiB each that is 20 MiB; what comes
/// on top is dropped with an error in the log.
const QUEUE: usize = 10_000;

/// How often an event is offered to a plugin that asks for it again.
const ATTEMPTS: u32 = 5;

/// How long the first repetition waits when the plugin names no time; each
/// further one waits twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait that a plugin can ask for: it holds up the events behind.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

type Queue = (Sender<Arc<Event>>, JoinHandle<()>);

/// The queues, and the thread that empties them.
#[derive(Debug)]
pub(super) struct Notifier {
    registry: Arc<Registry>,
    /// `None` when it is closed.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    runtime: Runtime,
    queues: HashMap<String, Queue>,
}

impl Notifier {
    pub(super) fn new(registry: Arc<Registry>) -> io::Result<Self> {
        // A thread of its own: notifications must not take time from requests.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("notifications")
            .enable_time()
            .build()?;
        Ok(Self {
            registry,
            open: Mutex::new(Some(Open {
                runtime,
                queues: HashMap::new(),
            })),
        })
    }

    /// One that delivers nothing.
    pub(super) const fn closed(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            open: Mutex::new(None),
        }
    }

    /// Queues the event for everybody who wants to hear of it.
    pub(super) fn send(&self, event: &Arc<Event>) {
        for plugin in self.registry.current().told(event.kind) {
            let reason = match self.offer(plugin.name(), Arc::clone(event)) {
                Ok(()) => continue,
                Err(TrySendError::Full(_)) => "the plugin is too slow and its queue is full",
                Err(TrySendError::Closed(_)) => "the server is ending",
            };
            tracing::error!(
                plugin = plugin.name(), event = %event.id, kind = %event.kind,
                upload = %event.upload.id, reason,
                "a notification is dropped"
            );
        }
    }

    fn offer(&self, plugin: &str, event: Arc<Event>) -> Result<(), TrySendError<Arc<Event>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Open { runtime, queues }) = &mut *open else {
            return Err(TrySendError::Closed(event));
        };
        if let Some((queue, _)) = queues.get(plugin) {
            return queue.try_send(event);
        }
        let (sender, receiver) = channel(QUEUE);
        let result = sender.try_send(event);
        let task = runtime.spawn(deliver(
            plugin.to_owned(),
            Arc::clone(&self.registry),
            receiver,
        ));
        queues.insert(plugin.to_owned(), (sender, task));
        result
    }

    /// Delivers what is queued, for a bounded time. What is sent after this is
    /// dropped.
    pub(super) fn close(&self, within: Duration) {
        let open = self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Open { runtime, queues }) = open else {
            return;
        };
        runtime.block_on(async {
            let all = async {
                for (plugin, (queue, task)) in queues {
                    drop(queue);
                    if let Err(error) = task.await {
                        tracing::error!(plugin, %error, "the delivery of notifications panicked");
                    }
                }
            };
            if tokio::time::timeout(within, all).await.is_err() {
                tracing::error!(
                    "notifications were not delivered within {:.1} s of the end and are lost",
                    within.as_secs_f32()
                );
            }
        });
        runtime.shutdown_background();
    }
}

async fn deliver(plugin: String, registry: Arc<Registry>, mut queue: Receiver<Arc<Event>>) {
    while let Some(event) = queue.recv().await {
        let kind = event.kind;
        let event = contract::event(&event);
        // Looked up at each attempt: a reload in between applies.
        let subscriber = || {
            let set = registry.current();
            set.told(kind)
                .find(|generation| generation.name() == plugin)
                .cloned()
        };
        let outcome = with_repetitions(|| async {
            match subscriber() {
                Some(generation) => generation.tell(kind, &event).await.map(drop),
                None => Err(Failure::Unsubscribed),
            }
        })
        .await;
        if let Err(failure) = outcome {
            tracing::error!(
                plugin, event = %event.id, %kind, upload = %event.upload.id,
                cause = failure.cause(), failure = failure.to_string(),
                "a notification is given up"
            );
        }
    }
}

/// Tries until it works, fails for good, or was tried often enough.
async fn with_repetitions<F: Future<Output = Result<(), Failure>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<(), Failure> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        let outcome = attempt().await;
        let Some(after) = outcome.as_ref().err().and_then(Failure::retry) else {
            return outcome;
        };
        tokio::time::sleep(after.unwrap_or(wait).min(LONGEST_WAIT)).await;
        wait *= 2;
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::plugins::types::HookError;

    fn run(answers: &[Option<HookError>]) -> (usize, Option<&'static str>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let calls = Cell::new(0);
        let outcome = runtime.block_on(with_repetitions(|| async {
            let answer = answers.get(calls.get()).cloned().flatten();
            calls.set(calls.get() + 1);
            answer.map_or(Ok(()), |error| Err(Failure::Reported(error)))
        }));
        (calls.get(), outcome.err().map(|failure| failure.cause()))
    }

    #[test]
    fn only_a_plugin_that_asks_for_it_is_told_again() {
        let retry = || Some(HookError::Retry(Some(3_600_000)));
        let permanent = Some(HookError::Permanent("no".to_owned()));
        assert_eq!(run(&[None]), (1, None));
        assert_eq!(run(&[retry(), None]), (2, None));
        assert_eq!(run(&[permanent]), (1, Some("permanent")));
    }

    #[test]
    fn a_plugin_that_asks_without_end_is_given_up() {
        let always = vec![Some(HookError::Retry(None)); 100];
        assert_eq!(run(&always), (ATTEMPTS as usize, Some("retry")));
    }
}
