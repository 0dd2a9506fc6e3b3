//! The questions of the contract, and the news, put to whatever was loaded.

use rustus_events::Event;

use super::super::bindings::exports::rustus::hooks::notifications::{Notification, Reaction};
use super::super::bindings::exports::rustus::hooks::pre_create::CreateDecision;
use super::super::bindings::exports::rustus::hooks::pre_finish::FinishDecision;
use super::super::bindings::exports::rustus::hooks::pre_get::GetDecision;
use super::super::bindings::exports::rustus::hooks::pre_terminate::TerminateDecision;
use super::super::bindings::exports::rustus::hooks::sink;
use super::super::bindings::rustus::hooks::types::{self, HookError};
use super::super::command::{Command, Exit};
use super::super::events::EventKind;
use super::super::failure::Failure;
use super::super::instance::{Functions, Live, Plugin};
use super::{Generation, Guest};

/// What comes back from a function of the contract: the answer or the guest's
/// own error, or none at all.
pub(super) type Answer<D> = wasmtime::Result<Result<D, HookError>>;

impl Generation {
    /// May this upload be created?
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn pre_create(&self, event: &Event) -> Result<CreateDecision, Failure> {
        self.guarded(self.ask_pre_create(event)).await
    }

    async fn ask_pre_create(&self, event: &Event) -> Result<CreateDecision, Failure> {
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => {
                return self.run(command, event).await?.create();
            }
        };
        self.call(plugin, event, async |live, event| {
            match &live.functions.pre_create {
                Some(guest) => guest.call_decide(&mut live.store, event).await,
                None => not_exported("pre-create"),
            }
        })
        .await
    }

    /// Is this complete upload accepted?
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn pre_finish(&self, event: &Event) -> Result<FinishDecision, Failure> {
        self.guarded(self.ask_pre_finish(event)).await
    }

    async fn ask_pre_finish(&self, event: &Event) -> Result<FinishDecision, Failure> {
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => {
                return self.run(command, event).await?.finish();
            }
        };
        self.call(plugin, event, async |live, event| {
            match &live.functions.pre_finish {
                Some(guest) => guest.call_decide(&mut live.store, event).await,
                None => not_exported("pre-finish"),
            }
        })
        .await
    }

    /// May this upload be read?
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn pre_get(&self, event: &Event) -> Result<GetDecision, Failure> {
        self.guarded(self.ask_pre_get(event)).await
    }

    async fn ask_pre_get(&self, event: &Event) -> Result<GetDecision, Failure> {
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => {
                return self.run(command, event).await?.get();
            }
        };
        self.call(plugin, event, async |live, event| {
            match &live.functions.pre_get {
                Some(guest) => guest.call_decide(&mut live.store, event).await,
                None => not_exported("pre-get"),
            }
        })
        .await
    }

    /// May this upload be removed?
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn pre_terminate(&self, event: &Event) -> Result<TerminateDecision, Failure> {
        self.guarded(self.ask_pre_terminate(event)).await
    }

    async fn ask_pre_terminate(&self, event: &Event) -> Result<TerminateDecision, Failure> {
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => {
                return self.run(command, event).await?.terminate();
            }
        };
        self.call(plugin, event, async |live, event| {
            match &live.functions.pre_terminate {
                Some(guest) => guest.call_decide(&mut live.store, event).await,
                None => not_exported("pre-terminate"),
            }
        })
        .await
    }

    /// Tells what happened, through the interface that the plugin has for it.
    ///
    /// # Errors
    /// Why it was not taken in.
    pub async fn tell(&self, event: &Event) -> Result<Reaction, Failure> {
        let kind = event.kind;
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => return self.run(command, event).await?.heard(kind),
        };
        self.call(plugin, event, async |live, event| {
            let Functions {
                notifications,
                sink,
                ..
            } = &live.functions;
            match (sink, notifications, notification(kind)) {
                (Some(guest), ..) => {
                    let delivered = guest
                        .call_deliver(&mut live.store, sink_kind(kind), event)
                        .await?;
                    Ok(delivered.map(|()| Reaction::Done))
                }
                (None, Some(guest), Some(what)) => {
                    guest.call_notify(&mut live.store, what, event).await
                }
                _ => not_exported("what hears of the event"),
            }
        })
        .await
    }

    /// One run of a command under all limits.
    async fn run(&self, command: &Command, event: &Event) -> Result<Exit, Failure> {
        self.in_turn(command.run(&self.blueprint, event)).await
    }

    /// One call of a plugin under all limits.
    async fn call<D>(
        &self,
        plugin: &Plugin,
        event: &Event,
        function: impl AsyncFnOnce(&mut Live, &types::Event) -> Answer<D>,
    ) -> Result<D, Failure> {
        self.in_turn(self.call_in_turn(plugin, event, function))
            .await
    }
}

const fn notification(kind: EventKind) -> Option<Notification> {
    match kind {
        EventKind::PostCreate => Some(Notification::PostCreate),
        EventKind::PostReceive => Some(Notification::PostReceive),
        EventKind::PostFinish => Some(Notification::PostFinish),
        EventKind::PostTerminate => Some(Notification::PostTerminate),
        EventKind::PreCreate
        | EventKind::PreFinish
        | EventKind::PreGet
        | EventKind::PreTerminate => None,
    }
}

const fn sink_kind(kind: EventKind) -> sink::EventKind {
    match kind {
        EventKind::PreCreate => sink::EventKind::PreCreate,
        EventKind::PostCreate => sink::EventKind::PostCreate,
        EventKind::PostReceive => sink::EventKind::PostReceive,
        EventKind::PreFinish => sink::EventKind::PreFinish,
        EventKind::PostFinish => sink::EventKind::PostFinish,
        EventKind::PreGet => sink::EventKind::PreGet,
        EventKind::PreTerminate => sink::EventKind::PreTerminate,
        EventKind::PostTerminate => sink::EventKind::PostTerminate,
    }
}

/// Nothing calls an interface that a plugin does not export: its subscription
/// is what it exports. Should it happen all the same, it is a failure like any
/// other.
fn not_exported<D>(name: &'static str) -> Answer<D> {
    Err(wasmtime::Error::msg(format!(
        "the plugin does not export `{name}`"
    )))
}
