//! One loaded version of a plugin or of a command hook, and calls to it.
//!
//! A reload makes a new generation and leaves the old one to the calls that are
//! under way. It goes when the last of them ends, its warm instances with it.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::bindings::exports::rustus::hooks::notifications::{Notification, Reaction};
use super::bindings::exports::rustus::hooks::pre_create::CreateDecision;
use super::bindings::exports::rustus::hooks::pre_finish::FinishDecision;
use super::bindings::exports::rustus::hooks::pre_get::GetDecision;
use super::bindings::exports::rustus::hooks::pre_terminate::TerminateDecision;
use super::bindings::exports::rustus::hooks::sink;
use super::bindings::rustus::hooks::types::{Event, HookError};
use super::command::{Command, Exit};
use super::events::{EventKind, EventSet};
use super::failure::Failure;
use super::instance::{Blueprint, Functions, Live, Plugin};
use super::limits::Limits;
use super::manifest::{Instances, Manifest, OnError};

/// What was loaded.
pub(super) enum Guest {
    /// A component that exports interfaces of ours.
    Plugin(Plugin),
    /// A WASI command.
    Command(Command),
}

/// One loaded version of a plugin or of a command hook.
pub struct Generation {
    pub(super) blueprint: Blueprint,
    guest: Guest,
    number: u64,
    order: i32,
    on_error: OnError,
    instances: Instances,
    subscription: Subscription,
    gate: Semaphore,
    warm: Mutex<Vec<Live>>,
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("plugin", &self.name())
            .field("number", &self.number)
            .field("digest", &self.digest())
            .field("subscription", &self.subscription)
            .finish_non_exhaustive()
    }
}

/// The events that reach a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Those that it answers; all of them block.
    pub asked: EventSet,
    /// Those that it is told about, without anybody waiting.
    pub told: EventSet,
}

impl Subscription {
    /// What is in `events` of it.
    #[must_use]
    pub const fn and(self, events: EventSet) -> Self {
        Self {
            asked: self.asked.and(events),
            told: self.told.and(events),
        }
    }

    /// Every event that reaches the plugin in one way or another.
    #[must_use]
    pub const fn all(self) -> EventSet {
        self.asked.or(self.told)
    }
}

/// What comes back from a function of the contract: the answer or the guest's
/// own error, or none at all.
type Answer<D> = wasmtime::Result<Result<D, HookError>>;

impl Generation {
    pub(super) fn new(
        number: u64,
        blueprint: Blueprint,
        guest: Guest,
        offered: Subscription,
        manifest: &Manifest,
    ) -> Self {
        Self {
            gate: Semaphore::new(blueprint.limits.concurrent_calls),
            blueprint,
            guest,
            number,
            order: manifest.order,
            on_error: manifest.on_error,
            instances: manifest.instances,
            subscription: offered.and(manifest.events),
            warm: Mutex::default(),
        }
    }

    /// The plugin's name: its file's without `.wasm`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.blueprint.speaker.plugin
    }

    /// The module's SHA-256 in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.blueprint.speaker.digest
    }

    /// Which version of the plugin this is, counted from 1 since the server
    /// started.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The plugin's place among others; lower is asked first.
    #[must_use]
    pub const fn order(&self) -> i32 {
        self.order
    }

    /// What a failure means for the request.
    #[must_use]
    pub const fn on_error(&self) -> OnError {
        self.on_error
    }

    /// The events that the plugin is asked and told about.
    #[must_use]
    pub const fn subscription(&self) -> Subscription {
        self.subscription
    }

    /// What the plugin may use.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.blueprint.limits
    }

    /// The most memory that any of its instances has held, in bytes.
    #[must_use]
    pub fn memory_peak(&self) -> usize {
        self.blueprint.peak.load(Ordering::Relaxed)
    }

    /// Makes one instance and calls nothing: whether it can be made at all.
    pub(super) async fn start(&self) -> Result<(), Failure> {
        let limit = self.limits().wall_time;
        let started = async {
            match &self.guest {
                Guest::Plugin(plugin) => plugin
                    .instantiate(&self.blueprint, "start", "start")
                    .await
                    .map(drop),
                Guest::Command(command) => command.start(&self.blueprint).await,
            }
        };
        timeout(limit, started)
            .await
            .unwrap_or(Err(Failure::WallTime { limit }))
    }

    /// May this upload be created?
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn pre_create(&self, event: &Event) -> Result<CreateDecision, Failure> {
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => {
                return self
                    .run(command, EventKind::PreCreate, event)
                    .await?
                    .create();
            }
        };
        self.call(plugin, event, async |live| {
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
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => {
                return self
                    .run(command, EventKind::PreFinish, event)
                    .await?
                    .finish();
            }
        };
        self.call(plugin, event, async |live| {
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
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => {
                return self.run(command, EventKind::PreGet, event).await?.get();
            }
        };
        self.call(plugin, event, async |live| match &live.functions.pre_get {
            Some(guest) => guest.call_decide(&mut live.store, event).await,
            None => not_exported("pre-get"),
        })
        .await
    }

    /// May this upload be removed?
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn pre_terminate(&self, event: &Event) -> Result<TerminateDecision, Failure> {
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => {
                return self
                    .run(command, EventKind::PreTerminate, event)
                    .await?
                    .terminate();
            }
        };
        self.call(plugin, event, async |live| {
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
    pub async fn tell(&self, kind: EventKind, event: &Event) -> Result<Reaction, Failure> {
        let plugin = match &self.guest {
            Guest::Plugin(plugin) => plugin,
            Guest::Command(command) => return self.run(command, kind, event).await?.heard(kind),
        };
        self.call(plugin, event, async |live| {
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
    async fn run(
        &self,
        command: &Command,
        kind: EventKind,
        event: &Event,
    ) -> Result<Exit, Failure> {
        self.in_turn(command.run(&self.blueprint, kind, event))
            .await
    }

    /// One call of a plugin under all limits.
    async fn call<D>(
        &self,
        plugin: &Plugin,
        event: &Event,
        function: impl AsyncFnOnce(&mut Live) -> Answer<D>,
    ) -> Result<D, Failure> {
        self.in_turn(self.call_in_turn(plugin, event, function))
            .await
    }

    /// Waits for a turn, and holds `work` to what is left of the time then.
    async fn in_turn<D>(
        &self,
        work: impl Future<Output = Result<D, Failure>>,
    ) -> Result<D, Failure> {
        let limit = self.limits().wall_time;
        let started = tokio::time::Instant::now();
        let turn = match self.gate.try_acquire() {
            Ok(turn) => turn,
            Err(_) => self.wait_for_a_turn(limit).await?,
        };
        let left = limit.saturating_sub(started.elapsed());
        // When time is up the future is dropped, and with it the instance:
        // one that was cancelled can't be entered again.
        let answer = timeout(left, work)
            .await
            .unwrap_or(Err(Failure::WallTime { limit }));
        drop(turn);
        answer
    }

    async fn wait_for_a_turn(
        &self,
        limit: Duration,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, Failure> {
        let busy = || Failure::Busy {
            limit: self.limits().concurrent_calls,
        };
        match timeout(limit, self.gate.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    async fn call_in_turn<D>(
        &self,
        plugin: &Plugin,
        event: &Event,
        function: impl AsyncFnOnce(&mut Live) -> Answer<D>,
    ) -> Result<D, Failure> {
        let mut live = self.take_instance(plugin, event).await?;
        let answer = function(&mut live).await;
        live.end_call();
        match answer {
            Ok(answer) => {
                self.give_back(live);
                answer.map_err(Failure::Reported)
            }
            Err(error) => Err(self.blueprint.failure(&live.store, &error, Failure::Trap)),
        }
    }

    async fn take_instance(&self, plugin: &Plugin, event: &Event) -> Result<Live, Failure> {
        if let Some(mut live) = self.warm().pop() {
            self.blueprint
                .begin_call(&mut live.store, &event.id, &event.upload.id);
            return Ok(live);
        }
        plugin
            .instantiate(&self.blueprint, &event.id, &event.upload.id)
            .await
    }

    /// Keeps an instance that answered for the next call, unless calls share
    /// nothing or it holds so much memory that the next could fail for it.
    fn give_back(&self, live: Live) {
        if self.instances == Instances::Reuse && !live.is_worn() {
            self.warm().push(live);
        }
    }

    fn warm(&self) -> std::sync::MutexGuard<'_, Vec<Live>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
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
