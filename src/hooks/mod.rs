//! Who is asked and who is told: events, decisions, the order of plugins.
//!
//! Blocking events go to every plugin that exports their interface, in order
//! (`order`, then name). Each sees the changes of those before it; the first
//! rejection ends the round. A plugin that cannot answer counts as a rejection
//! unless its operator said `on-error = "allow"`.
//!
//! Non-blocking events are queued for each plugin on its own and delivered in
//! order. Nobody waits for them.

mod answer;
mod chain;
mod contract;
mod decision;
mod event;
mod notifier;
pub mod outbox;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::plugins::{PluginSet, Registry};

use chain::Round;
use notifier::Notifier;

pub use decision::{CreateChanges, FinishChanges, Refusal, Rejection};
pub use event::{
    Event, EventKind, EventSet, MetadataEntry, RequestState, UnknownEvent, UploadKind, UploadState,
    event_now,
};

/// Everybody who wants to be asked or told.
#[derive(Debug)]
pub struct Hooks {
    registry: Arc<Registry>,
    enabled: EventSet,
    required: EventSet,
    notifier: Notifier,
}

impl Hooks {
    /// Asks and tells the plugins of `registry` about the events in `enabled`.
    /// A blocking event in `required` that no plugin answers is refused.
    ///
    /// # Errors
    /// When there is no thread to be had for notifications.
    pub fn new(registry: Arc<Registry>, enabled: EventSet, required: EventSet) -> io::Result<Self> {
        Ok(Self {
            notifier: Notifier::new(Arc::clone(&registry))?,
            registry,
            enabled,
            required,
        })
    }

    /// Asks and tells nobody.
    #[must_use]
    pub fn none() -> Self {
        let registry = Arc::new(Registry::default());
        Self {
            notifier: Notifier::closed(Arc::clone(&registry)),
            registry,
            enabled: EventSet::EMPTY,
            required: EventSet::EMPTY,
        }
    }

    /// Says in the log which enabled blocking events nobody answers.
    pub fn report_unanswered(&self) {
        let plugins = self.registry.current();
        let unanswered: EventSet = EventKind::ALL
            .into_iter()
            .filter(|kind| kind.is_blocking() && !self.is_answered(&plugins, *kind))
            .collect();
        for kind in unanswered.and(self.required).iter() {
            tracing::warn!(
                %kind,
                "--hooks-required names an event that no plugin answers; it is refused until one does"
            );
        }
        let open = unanswered.and(self.enabled).without(self.required);
        if self.enabled == EventSet::EMPTY {
            tracing::warn!("--hooks is an empty list: no plugin is asked or told");
        } else if open != EventSet::EMPTY {
            tracing::info!(
                events = open.to_string(),
                "no plugin answers these blocking events; they are allowed \
                 (--hooks-required refuses them instead)"
            );
        }
    }

    /// Whether anybody answers, has to answer, or hears `kind`. A caller that
    /// gets `false` need not build the event.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        let plugins = self.registry.current();
        self.required.contains(kind)
            || self.is_answered(&plugins, kind)
            || self.enabled.contains(kind) && plugins.told(kind).next().is_some()
    }

    /// Whether somebody answers every event that is required.
    #[must_use]
    pub fn answer_required(&self) -> bool {
        let plugins = self.registry.current();
        self.required
            .iter()
            .all(|kind| self.is_answered(&plugins, kind))
    }

    /// Asks whether an upload may be created.
    ///
    /// # Errors
    /// The refusal of the first plugin that rejected or failed.
    pub async fn pre_create(&self, mut event: Event) -> Result<CreateChanges, Refusal> {
        let changes = match self.round(&event)? {
            Some(round) => round.create().await?,
            None => CreateChanges::default(),
        };
        // Who is told hears of the upload as it will be.
        if let Some(id) = &changes.id {
            event.upload.id.clone_from(id);
        }
        if let Some(metadata) = &changes.metadata {
            event.upload.metadata.clone_from(metadata);
        }
        self.notify(event);
        Ok(changes)
    }

    /// Asks whether a complete upload is accepted.
    ///
    /// # Errors
    /// The refusal of the first plugin that rejected or failed.
    pub async fn pre_finish(&self, event: Event) -> Result<FinishChanges, Refusal> {
        let changes = match self.round(&event)? {
            Some(round) => round.finish().await?,
            None => FinishChanges::default(),
        };
        self.notify(event);
        Ok(changes)
    }

    /// Asks whether an upload may be read.
    ///
    /// # Errors
    /// The refusal of the first plugin that rejected or failed.
    pub async fn pre_get(&self, event: Event) -> Result<(), Refusal> {
        if let Some(round) = self.round(&event)? {
            round.get().await?;
        }
        self.notify(event);
        Ok(())
    }

    /// Asks whether an upload may be removed.
    ///
    /// # Errors
    /// The refusal of the first plugin that rejected or failed.
    pub async fn pre_terminate(&self, event: Event) -> Result<(), Refusal> {
        if let Some(round) = self.round(&event)? {
            round.terminate().await?;
        }
        self.notify(event);
        Ok(())
    }

    /// Tells everybody who wants to hear of it. Never waits.
    pub fn notify(&self, event: Event) {
        if self.enabled.contains(event.kind) {
            self.notifier.send(&Arc::new(event));
        }
    }

    /// Delivers the notifications that are queued, for `within` at most. To be
    /// called from outside of any asynchronous runtime.
    pub fn close(&self, within: Duration) {
        self.notifier.close(within);
    }

    /// A round of questions, if anybody is to be asked. The set of plugins is
    /// taken once: a reload in the middle of a round does not mix generations.
    fn round(&self, event: &Event) -> Result<Option<Round>, Refusal> {
        let plugins = self.registry.current();
        if self.is_answered(&plugins, event.kind) {
            return Ok(Some(Round::new(plugins, event)));
        }
        if !self.required.contains(event.kind) {
            return Ok(None);
        }
        tracing::error!(
            event = %event.id, kind = %event.kind, upload = %event.upload.id,
            "refused because --hooks-required names the event and no plugin answers it"
        );
        Err(Refusal::Unavailable { retry_after: None })
    }

    fn is_answered(&self, plugins: &PluginSet, kind: EventKind) -> bool {
        self.enabled.contains(kind) && plugins.asked(kind).next().is_some()
    }
}
