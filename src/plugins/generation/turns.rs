//! What a call has to keep to: its turn among others, its time, an instance of its
//! own, and the breaker that keeps calls away from a plugin that only fails.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustus_events::Event;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::super::bindings::rustus::hooks::types;
use super::super::breaker::{Ended, Turn};
use super::super::contract;
use super::super::failure::Failure;
use super::super::instance::{Live, Plugin};
use super::super::manifest::{Instances, OnError};
use super::Generation;
use super::asking::Answer;

impl Generation {
    /// Asks, unless that failed so often that it is not done now.
    pub(super) async fn guarded<D>(
        &self,
        asking: impl Future<Output = Result<D, Failure>>,
    ) -> Result<D, Failure> {
        let pass = self.breaker.admit(Instant::now());
        let pass = pass.map_err(|left| Failure::CircuitOpen { left })?;
        let answer = asking.await;
        let ended = answer
            .as_ref()
            .err()
            .map_or(Ended::Answered, Failure::ended);
        if let Some(turn) = pass.end(ended, Instant::now()) {
            self.report(turn);
        }
        answer
    }

    fn report(&self, turn: Turn) {
        let (plugin, digest, generation) = (self.name(), self.digest(), self.number);
        match turn {
            Turn::Opened { pause, failures } => {
                self.tally().breaker_opened.one();
                tracing::error!(
                    plugin,
                    digest,
                    generation,
                    failures,
                    milliseconds = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    allowed = self.on_error == OnError::Allow,
                    "a plugin failed again and again and is not asked for a while"
                );
            }
            Turn::Closed => {
                tracing::info!(plugin, digest, generation, "a plugin answers again");
            }
        }
    }

    /// Waits for a turn, and holds `work` to what is left of the time then.
    pub(super) async fn in_turn<D>(
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
        answer.map_err(|failure| failure.masked(&self.blueprint.speaker.mask))
    }

    async fn wait_for_a_turn(&self, limit: Duration) -> Result<SemaphorePermit<'_>, Failure> {
        let busy = || Failure::Busy {
            limit: self.limits().concurrent_calls,
        };
        match timeout(limit, self.gate.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    pub(super) async fn call_in_turn<D>(
        &self,
        plugin: &Plugin,
        event: &Event,
        function: impl AsyncFnOnce(&mut Live, &types::Event) -> Answer<D>,
    ) -> Result<D, Failure> {
        let mut live = self.take_instance(plugin, event).await?;
        let answer = function(&mut live, &contract::event(event)).await;
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
            self.blueprint.begin_call(&mut live.store, Some(event));
            return Ok(live);
        }
        plugin.instantiate(&self.blueprint, Some(event)).await
    }

    /// Keeps an instance that answered for the next call, unless calls share
    /// nothing or it holds so much memory that the next could fail for it.
    fn give_back(&self, live: Live) {
        if self.instances == Instances::Reuse && !live.is_worn() {
            self.warm().push(live);
        }
    }

    fn warm(&self) -> MutexGuard<'_, Vec<Live>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
