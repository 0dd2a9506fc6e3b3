//! Who is asked and who is told: events, decisions, the order of plugins.
//!
//! Blocking events go to every plugin that exports their interface, in order
//! (`order`, then name). Each sees the changes of those before it; the first
//! rejection ends the round. A plugin that cannot answer counts as a rejection
//! unless its operator said `on-error = "allow"`.
//!
//! Non-blocking events are queued for each plugin on its own and delivered in
//! order. Nobody waits for them.

mod decision;
mod event;

pub use decision::{CreateChanges, FinishChanges, Refusal, Rejection};
pub use event::{
    Event, EventKind, EventSet, MetadataEntry, RequestState, UnknownEvent, UploadKind, UploadState,
};

/// Everybody who wants to be asked or told.
#[derive(Debug, Default)]
pub struct Hooks {}

impl Hooks {
    /// Whether anybody answers or hears `kind`. A caller that gets `false` need
    /// not build the event.
    #[must_use]
    pub fn wants(&self, _kind: EventKind) -> bool {
        false
    }

    /// Asks whether an upload may be created.
    ///
    /// # Errors
    /// The refusal of the first plugin that rejected or failed.
    pub async fn pre_create(&self, _event: Event) -> Result<CreateChanges, Refusal> {
        Ok(CreateChanges::default())
    }

    /// Asks whether a complete upload is accepted.
    ///
    /// # Errors
    /// The refusal of the first plugin that rejected or failed.
    pub async fn pre_finish(&self, _event: Event) -> Result<FinishChanges, Refusal> {
        Ok(FinishChanges::default())
    }

    /// Asks whether an upload may be read.
    ///
    /// # Errors
    /// The refusal of the first plugin that rejected or failed.
    pub async fn pre_get(&self, _event: Event) -> Result<(), Refusal> {
        Ok(())
    }

    /// Asks whether an upload may be removed.
    ///
    /// # Errors
    /// The refusal of the first plugin that rejected or failed.
    pub async fn pre_terminate(&self, _event: Event) -> Result<(), Refusal> {
        Ok(())
    }

    /// Tells everybody who wants to hear of it. Never waits.
    pub fn notify(&self, _event: Event) {}
}
