//! Asking the plugins one after the other.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{Instrument as _, field};

use crate::counters::OK;
use crate::plugins::types::{self, HookError};
use crate::plugins::{
    CreateDecision, Failure, FinishDecision, Generation, GetDecision, OnError, PluginSet,
    TerminateDecision,
};

use super::answer::{self, Invalid};
use super::decision::{CreateChanges, FinishChanges, Refusal, Rejection};
use super::event::Event;
use crate::tracing_context::SPANS;

/// What one plugin said, checked.
pub(super) enum Answer<C> {
    Proceed(C),
    Reject(Rejection),
}

/// One round of questions about one event.
pub(super) struct Round<'a> {
    plugins: Arc<PluginSet>,
    /// With the changes of those who were asked.
    event: Cow<'a, Event>,
}

impl<'a> Round<'a> {
    pub(super) const fn new(plugins: Arc<PluginSet>, event: &'a Event) -> Self {
        Self {
            plugins,
            event: Cow::Borrowed(event),
        }
    }

    pub(super) async fn create(mut self) -> Result<CreateChanges, Refusal> {
        let mut all = CreateChanges::default();
        let plugins: Vec<_> = self.subscribers().cloned().collect();
        for plugin in &plugins {
            let answer = create(plugin, &self.event);
            let Some(changes) = self.ask(plugin, answer).await? else {
                continue;
            };
            self.see(&changes);
            all.metadata = changes.metadata.or(all.metadata);
            all.id = changes.id.or(all.id);
            all.path = changes.path.or(all.path);
            all.headers.extend(changes.headers);
        }
        Ok(all)
    }

    pub(super) async fn finish(self) -> Result<FinishChanges, Refusal> {
        let mut all = FinishChanges::default();
        for plugin in self.subscribers() {
            let answer = finish(plugin, &self.event);
            let Some(changes) = self.ask(plugin, answer).await? else {
                continue;
            };
            all.status = changes.status.or(all.status);
            all.body = changes.body.or(all.body);
            all.headers.extend(changes.headers);
        }
        Ok(all)
    }

    pub(super) async fn get(self) -> Result<(), Refusal> {
        for plugin in self.subscribers() {
            self.ask(plugin, get(plugin, &self.event)).await?;
        }
        Ok(())
    }

    pub(super) async fn terminate(self) -> Result<(), Refusal> {
        for plugin in self.subscribers() {
            self.ask(plugin, terminate(plugin, &self.event)).await?;
        }
        Ok(())
    }

    /// Shows the plugins to come what this one changed.
    fn see(&mut self, changes: &CreateChanges) {
        if let Some(id) = &changes.id {
            self.event.to_mut().upload.id.clone_from(id);
        }
        if let Some(metadata) = &changes.metadata {
            self.event.to_mut().upload.metadata.clone_from(metadata);
        }
    }

    /// The plugins to ask, in order.
    fn subscribers(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.plugins.asked(self.event.kind).inspect(|plugin| {
            tracing::debug!(
                plugin = plugin.name(), generation = plugin.number(),
                event = %self.event.id, kind = %self.event.kind, upload = %self.event.upload.id,
                "asked about an event"
            );
        })
    }

    /// Waits for an answer and counts it.
    async fn ask<C>(
        &self,
        plugin: &Generation,
        answer: impl Future<Output = Result<Answer<C>, Failure>>,
    ) -> Result<Option<C>, Refusal> {
        let span = tracing::info_span!(
            target: SPANS,
            "hook",
            plugin = plugin.name(),
            event = self.event.id,
            kind = %self.event.kind,
            upload = self.event.upload.id,
            otel.name = format!("{} {}", self.event.kind, plugin.name()),
            outcome = field::Empty,
        );
        let asked = Instant::now();
        let answer = answer.instrument(span.clone()).await;
        let outcome = match &answer {
            Ok(Answer::Proceed(_)) => OK,
            Ok(Answer::Reject(_)) => "rejected",
            Err(failure) => failure.cause(),
        };
        plugin
            .tally()
            .called(self.event.kind, outcome, asked.elapsed());
        span.record("outcome", outcome);
        drop(span);
        self.settle(plugin, answer)
    }

    /// What an answer means for the round: go on with changes, go on without,
    /// or end it.
    fn settle<C>(
        &self,
        plugin: &Generation,
        answer: Result<Answer<C>, Failure>,
    ) -> Result<Option<C>, Refusal> {
        match answer {
            Ok(Answer::Proceed(changes)) => Ok(Some(changes)),
            Ok(Answer::Reject(rejection)) => {
                tracing::info!(
                    plugin = plugin.name(), digest = plugin.digest(),
                    event = %self.event.id, kind = %self.event.kind, upload = %self.event.upload.id,
                    status = rejection.status,
                    "rejected by a plugin"
                );
                Err(Refusal::Rejected(rejection))
            }
            Err(failure) => {
                let allowed = plugin.on_error() == OnError::Allow;
                self.report(plugin, &failure, allowed);
                if allowed {
                    return Ok(None);
                }
                Err(Refusal::Unavailable {
                    retry_after: retry_after(&failure),
                })
            }
        }
    }
}

impl Round<'_> {
    /// That calls are refused was said when it began: it is no line for each.
    fn report(&self, plugin: &Generation, failure: &Failure, allowed: bool) {
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    plugin = plugin.name(), digest = plugin.digest(),
                    generation = plugin.number(),
                    event = %self.event.id, kind = %self.event.kind, upload = %self.event.upload.id,
                    cause = failure.cause(), failure = failure.to_string(), allowed,
                    "a plugin did not answer"
                )
            };
        }
        match failure {
            Failure::CircuitOpen { .. } => emit!(debug),
            _ => emit!(error),
        }
    }
}

fn retry_after(failure: &Failure) -> Option<Duration> {
    match failure {
        Failure::Reported(HookError::Retry(after)) => after.map(Duration::from_millis),
        Failure::CircuitOpen { left } => Some(*left),
        _ => None,
    }
}

/// What one plugin says to a creation, checked.
pub(super) async fn create(
    plugin: &Generation,
    event: &Event,
) -> Result<Answer<CreateChanges>, Failure> {
    checked(plugin, plugin.pre_create(event).await, create_answer)
}

/// What one plugin says to a complete upload, checked.
pub(super) async fn finish(
    plugin: &Generation,
    event: &Event,
) -> Result<Answer<FinishChanges>, Failure> {
    checked(plugin, plugin.pre_finish(event).await, finish_answer)
}

/// What one plugin says to a download, checked.
pub(super) async fn get(plugin: &Generation, event: &Event) -> Result<Answer<()>, Failure> {
    checked(plugin, plugin.pre_get(event).await, get_answer)
}

/// What one plugin says to a removal, checked.
pub(super) async fn terminate(plugin: &Generation, event: &Event) -> Result<Answer<()>, Failure> {
    checked(plugin, plugin.pre_terminate(event).await, terminate_answer)
}

fn checked<D, C>(
    plugin: &Generation,
    answer: Result<D, Failure>,
    check: fn(D) -> Result<Answer<C>, Invalid>,
) -> Result<Answer<C>, Failure> {
    let invalid = |error: Invalid| plugin.invalid_answer(error.to_string());
    answer.and_then(|answer| check(answer).map_err(invalid))
}

fn reject<C>(rejection: types::Rejection) -> Result<Answer<C>, Invalid> {
    answer::rejection(rejection).map(Answer::Reject)
}

fn create_answer(decision: CreateDecision) -> Result<Answer<CreateChanges>, Invalid> {
    match decision {
        CreateDecision::Proceed(changes) => Ok(Answer::Proceed(CreateChanges {
            metadata: changes.metadata.map(answer::metadata).transpose()?,
            id: changes.id.map(answer::id).transpose()?,
            path: changes.path.map(answer::path).transpose()?,
            headers: answer::headers(changes.headers)?,
        })),
        CreateDecision::Reject(rejection) => reject(rejection),
    }
}

fn finish_answer(decision: FinishDecision) -> Result<Answer<FinishChanges>, Invalid> {
    match decision {
        FinishDecision::Proceed(changes) => Ok(Answer::Proceed(FinishChanges {
            status: answer::success_status(changes.status)?,
            headers: answer::headers(changes.headers)?,
            body: changes.body,
        })),
        FinishDecision::Reject(rejection) => reject(rejection),
    }
}

fn get_answer(decision: GetDecision) -> Result<Answer<()>, Invalid> {
    match decision {
        GetDecision::Proceed => Ok(Answer::Proceed(())),
        GetDecision::Reject(rejection) => reject(rejection),
    }
}

fn terminate_answer(decision: TerminateDecision) -> Result<Answer<()>, Invalid> {
    match decision {
        TerminateDecision::Proceed => Ok(Answer::Proceed(())),
        TerminateDecision::Reject(rejection) => reject(rejection),
    }
}
