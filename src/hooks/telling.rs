//! Telling plugins what happened, while nobody waits for them.
//!
//! Events go through the [outbox](super::outbox): they are on the disk before
//! what they tell of is acknowledged, and stay there until each plugin that is
//! to hear of them has. Progress is told from memory.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::delivery::Delivery;
use super::event::{Event, EventKind};
use super::outbox::{self, Outbox, OutboxError};
use super::stop::Stop;
use crate::plugins::Registry;

/// Where events wait and how long.
#[derive(Debug, Clone)]
pub struct TellingConfig {
    /// The directory of the outbox.
    pub directory: PathBuf,
    /// How much it may hold.
    pub outbox: outbox::Config,
}

/// Requests of plugins to stop an upload that may wait to be heard. Of more, the
/// newest are dropped: the plugin is asked again with the next progress.
const STOPS: usize = 1000;

/// Why nobody can be told of anything.
#[derive(Debug, thiserror::Error)]
pub enum TellingError {
    /// The outbox cannot be opened.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// No thread could be had.
    #[error("the threads that deliver events can't start: {0}")]
    Thread(#[from] std::io::Error),
}

/// The outbox, and the threads that empty it.
#[derive(Debug)]
pub(super) struct Telling {
    registry: Arc<Registry>,
    outbox: Arc<Outbox>,
    stops: tokio::sync::Mutex<mpsc::Receiver<Stop>>,
    /// `None` when it is closed.
    running: Mutex<Option<(Runtime, JoinHandle<()>)>>,
}

impl Telling {
    /// Opens the outbox and begins to deliver what is in it.
    pub(super) fn start(
        registry: &Arc<Registry>,
        config: TellingConfig,
    ) -> Result<Self, TellingError> {
        let outbox = Arc::new(Outbox::open(&config.directory, config.outbox)?);
        // Threads of their own: who is told must not take time from requests.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("deliveries")
            .on_thread_start(give_way)
            .enable_all()
            .build()?;
        let (stop, stops) = mpsc::channel(STOPS);
        let delivery = Delivery::new(Arc::clone(registry), stop);
        outbox.start(runtime.handle(), Arc::new(delivery));
        let reloads = runtime.spawn(retry_after_reloads(
            Arc::clone(registry),
            Arc::clone(&outbox),
        ));
        Ok(Self {
            registry: Arc::clone(registry),
            outbox,
            stops: tokio::sync::Mutex::new(stops),
            running: Mutex::new(Some((runtime, reloads))),
        })
    }

    /// Promises to tell of something that is about to happen.
    pub(super) async fn promise(&self, event: &Event) -> Result<outbox::Promise, OutboxError> {
        let sinks = self.sinks(event.kind);
        let entries = if sinks.is_empty() {
            Vec::new()
        } else {
            vec![entry(event)]
        };
        self.outbox.promise(entries, sinks).await
    }

    /// Tells of something that was decided. Never waits.
    pub(super) fn enqueue(&self, event: &Event) {
        let sinks = self.sinks(event.kind);
        if sinks.is_empty() {
            return;
        }
        if let Err(error) = self.outbox.enqueue(entry(event), &sinks) {
            tracing::error!(
                event = event.id, kind = %event.kind, upload = event.upload.id,
                error = &error as &dyn std::error::Error,
                "an event is not told"
            );
        }
    }

    /// Tells how far an upload is. Never waits.
    pub(super) fn progress(&self, event: &Event) {
        let sinks = self.sinks(event.kind);
        if !sinks.is_empty() {
            self.outbox.progress(entry(event), &sinks);
        }
    }

    /// The state of the outbox.
    pub(super) fn snapshot(&self) -> outbox::Snapshot {
        self.outbox.snapshot()
    }

    /// Waits for promises that nobody decided about.
    pub(super) async fn undecided(&self) -> Vec<outbox::Promise> {
        self.outbox.undecided().await;
        self.outbox.take_undecided()
    }

    /// Promises that nobody decided about so far.
    pub(super) fn undecided_now(&self) -> Vec<outbox::Promise> {
        self.outbox.take_undecided()
    }

    /// Waits until a plugin wants an upload stopped; `None` at the end.
    pub(super) async fn stop_wanted(&self) -> Option<Stop> {
        self.stops.lock().await.recv().await
    }

    /// Ends the deliveries within that time. What is not delivered stays in the
    /// outbox. To be called from outside of any asynchronous runtime.
    pub(super) fn close(&self, within: Duration) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some((runtime, reloads)) = running else {
            return;
        };
        reloads.abort();
        runtime.block_on(self.outbox.close(within));
        runtime.shutdown_background();
    }

    /// Who hears of events of this kind.
    fn sinks(&self, kind: EventKind) -> Vec<Arc<str>> {
        let plugins = self.registry.current();
        plugins
            .told(kind)
            .map(|plugin| plugin.name().into())
            .collect()
    }
}

/// What nobody waits for gets the time of the processors that requests leave, and
/// a share of it when they leave none.
fn give_way() {
    /// A tenth of the weight of other threads.
    const NICENESS: i32 = 10;
    // Elsewhere than on Linux this would be the whole process.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::setpriority_process(None, NICENESS)
    {
        tracing::debug!(%error, "deliveries run with the priority of requests");
    }
}

/// A plugin that is loaded may take what one before it did not.
async fn retry_after_reloads(registry: Arc<Registry>, outbox: Arc<Outbox>) {
    let mut changes = registry.changes();
    while changes.changed().await.is_ok() {
        let plugins = registry.current();
        for kind in EventKind::ALL {
            for plugin in plugins.told(kind) {
                outbox.retry_now(plugin.name());
            }
        }
    }
}

fn entry(event: &Event) -> outbox::Entry {
    outbox::Entry {
        event_id: event.id.clone(),
        upload: event.upload.id.clone(),
        kind: event.kind.name().to_owned(),
        payload: super::delivery::encode(event),
    }
}
