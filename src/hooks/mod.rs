//! Who is asked and who is told: events, decisions, the order of plugins.
//!
//! Blocking events go to every plugin that exports their interface, in order
//! (`order`, then name). Each sees the changes of those before it; the first
//! rejection ends the round. A plugin that cannot answer counts as a rejection
//! unless its operator said `on-error = "allow"`.
//!
//! What happened is told to each plugin on its own, in order for each upload and
//! at least once. Nobody waits for it, but it is on the disk before what it
//! tells of is acknowledged.

mod answer;
mod chain;
mod decision;
mod delivery;
mod event;
pub mod outbox;
mod promised;
mod rehearsal;
mod stop;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use crate::plugins::{PluginSet, Registry};

use chain::Round;
use telling::Telling;

pub use decision::{CreateChanges, FinishChanges, Refusal, Rejection};
pub use event::{
    Event, EventKind, EventSet, MetadataEntry, RequestState, UnknownEvent, UploadKind, UploadState,
    event_now,
};
pub use promised::{Promised, Undecided};
pub use rehearsal::{Verdict, rehearse};
pub use stop::Stop;
pub use telling::{TellingConfig, TellingError};

/// What a client is told to wait when the outbox takes nothing: it has room
/// again when a sink works or the disk does, which is no matter of a second.
const UNTIL_THERE_IS_ROOM: Duration = Duration::from_secs(10);

/// Everybody who wants to be asked or told.
#[derive(Debug)]
pub struct Hooks {
    registry: Arc<Registry>,
    enabled: EventSet,
    required: EventSet,
    telling: Option<Telling>,
}

impl Hooks {
    /// Asks the plugins of `registry` about the events in `enabled`, and tells
    /// them through an outbox if there is one. A blocking event in `required`
    /// that no plugin answers is refused.
    ///
    /// # Errors
    /// When the outbox cannot be opened.
    pub fn new(
        registry: Arc<Registry>,
        enabled: EventSet,
        required: EventSet,
        telling: Option<TellingConfig>,
    ) -> Result<Self, TellingError> {
        let telling = telling.map(|config| Telling::start(&registry, config));
        Ok(Self {
            telling: telling.transpose()?,
            registry,
            enabled,
            required,
        })
    }

    /// Asks and tells nobody.
    #[must_use]
    pub fn none() -> Self {
        Self {
            telling: None,
            registry: Arc::default(),
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

    /// Who may be asked and told.
    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The state of the outbox, if there is one.
    #[must_use]
    pub fn outbox(&self) -> Option<outbox::Snapshot> {
        self.telling.as_ref().map(Telling::snapshot)
    }

    /// Whether anybody answers, has to answer, or hears `kind`. A caller that
    /// gets `false` need not build the event.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.asks(kind)
            || self.enabled.contains(kind) && self.registry.current().told(kind).next().is_some()
    }

    /// Whether anybody answers `kind`, or has to.
    #[must_use]
    pub fn asks(&self, kind: EventKind) -> bool {
        let plugins = self.registry.current();
        self.required.contains(kind)
            || self.is_owed(&plugins, kind)
            || self.is_answered(&plugins, kind)
    }

    /// Whether somebody answers every event that is required, and every plugin
    /// that is.
    #[must_use]
    pub fn answer_required(&self) -> bool {
        let plugins = self.registry.current();
        plugins.owed().and(self.enabled) == EventSet::EMPTY
            && self
                .required
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
        self.tell_approved(&event);
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
        self.tell_approved(&event);
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
        self.tell_approved(&event);
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
        self.tell_approved(&event);
        Ok(())
    }

    /// Promises to tell everybody who wants to hear of it, once it has happened.
    /// The promise is on the disk when this returns.
    ///
    /// # Errors
    /// Nothing more can be promised at the moment, so it must not happen.
    pub async fn promise(&self, event: Event) -> Result<Promised, Refusal> {
        let Some(telling) = self
            .telling
            .as_ref()
            .filter(|_| self.enabled.contains(event.kind))
        else {
            return Ok(Promised(None));
        };
        match telling.promise(&event).await {
            Ok(promise) => Ok(Promised(Some(promise))),
            Err(error) => {
                tracing::error!(
                    event = event.id, kind = %event.kind, upload = event.upload.id,
                    error = &error as &dyn std::error::Error,
                    "refused because the event could not be kept for those who are to hear of it"
                );
                Err(Refusal::Unavailable {
                    retry_after: Some(UNTIL_THERE_IS_ROOM),
                })
            }
        }
    }

    /// Tells everybody who wants to hear of it how far an upload is. Never
    /// waits; the latest news replaces what was not delivered yet.
    pub fn progress(&self, event: &Event) {
        if let Some(telling) = &self.telling
            && self.enabled.contains(event.kind)
        {
            telling.progress(event);
        }
    }

    /// Waits for promises that nobody decided about, and gives them all. Each is
    /// to be kept or withdrawn after a look at the upload.
    pub async fn undecided(&self) -> Vec<Undecided> {
        match &self.telling {
            Some(telling) => {
                let promises = telling.undecided().await;
                promises.into_iter().filter_map(Undecided::new).collect()
            }
            None => std::future::pending().await,
        }
    }

    /// What is there of them now.
    #[must_use]
    pub fn undecided_now(&self) -> Vec<Undecided> {
        let promises = self.telling.as_ref().map(Telling::undecided_now);
        let promises = promises.into_iter().flatten();
        promises.filter_map(Undecided::new).collect()
    }

    /// Waits until a plugin wants an upload stopped.
    pub async fn stop_wanted(&self) -> Stop {
        if let Some(telling) = &self.telling
            && let Some(stop) = telling.stop_wanted().await
        {
            return stop;
        }
        std::future::pending().await
    }

    /// Delivers what is under way, for `within` at most. The rest stays in the
    /// outbox. To be called from outside of any asynchronous runtime.
    pub fn close(&self, within: Duration) {
        if let Some(telling) = &self.telling {
            telling.close(within);
        }
    }

    /// Tells everybody who wants to hear of it that something blocking was
    /// approved. Never waits.
    fn tell_approved(&self, event: &Event) {
        if let Some(telling) = &self.telling
            && self.enabled.contains(event.kind)
        {
            telling.enqueue(event);
        }
    }

    /// A round of questions, if anybody is to be asked. The set of plugins is
    /// taken once: a reload in the middle of a round does not mix generations.
    fn round<'a>(&self, event: &'a Event) -> Result<Option<Round<'a>>, Refusal> {
        let plugins = self.registry.current();
        if self.is_owed(&plugins, event.kind) {
            tracing::error!(
                event = %event.id, kind = %event.kind, upload = %event.upload.id,
                "refused because a plugin from a registry is required and not there yet"
            );
            return Err(Refusal::Unavailable { retry_after: None });
        }
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

    /// Whether a plugin that must be asked is not there yet.
    fn is_owed(&self, plugins: &PluginSet, kind: EventKind) -> bool {
        self.enabled.and(plugins.owed()).contains(kind)
    }

    fn is_answered(&self, plugins: &PluginSet, kind: EventKind) -> bool {
        self.enabled.contains(kind) && plugins.asked(kind).next().is_some()
    }
}
