//! Asking the plugins one after the other.

use std::sync::Arc;
use std::time::Duration;

use crate::plugins::types::{self, HookError};
use crate::plugins::{
    CreateDecision, EventKind, Failure, FinishDecision, Generation, GetDecision, OnError,
    PluginSet, TerminateDecision,
};

use super::answer::{self, Invalid};
use super::contract;
use super::decision::{CreateChanges, FinishChanges, Refusal, Rejection};
use super::event::Event;

/// What one plugin said, checked.
pub(super) enum Answer<C> {
    Proceed(C),
    Reject(Rejection),
}

/// One round of questions about one event.
pub(super) struct Round {
    plugins: Arc<PluginSet>,
    kind: EventKind,
    event: types::Event,
}

impl Round {
    pub(super) fn new(plugins: Arc<PluginSet>, event: &Event) -> Self {
        Self {
            plugins,
            kind: event.kind,
            event: contract::event(event),
        }
    }

    pub(super) async fn create(mut self) -> Result<CreateChanges, Refusal> {
        let mut all = CreateChanges::default();
        let plugins: Vec<_> = self.subscribers().cloned().collect();
        for plugin in &plugins {
            let answer = create(plugin, &self.event).await;
            let Some(changes) = self.settle(plugin, answer)? else {
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
            let answer = finish(plugin, &self.event).await;
            let Some(changes) = self.settle(plugin, answer)? else {
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
            self.settle(plugin, get(plugin, &self.event).await)?;
        }
        Ok(())
    }

    pub(super) async fn terminate(self) -> Result<(), Refusal> {
        for plugin in self.subscribers() {
            self.settle(plugin, terminate(plugin, &self.event).await)?;
        }
        Ok(())
    }

    /// Shows the plugins to come what this one changed.
    fn see(&mut self, changes: &CreateChanges) {
        if let Some(id) = &changes.id {
            self.event.upload.id.clone_from(id);
        }
        if let Some(metadata) = &changes.metadata {
            self.event.upload.metadata = metadata
                .iter()
                .map(|entry| types::MetadataEntry {
                    key: entry.key.clone(),
                    value: entry.value.clone(),
                })
                .collect();
        }
    }

    /// The plugins to ask, in order.
    fn subscribers(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.plugins.asked(self.kind).inspect(|plugin| {
            tracing::debug!(
                plugin = plugin.name(), generation = plugin.number(),
                event = %self.event.id, kind = %self.kind, upload = %self.event.upload.id,
                "asked about an event"
            );
        })
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
                    event = %self.event.id, kind = %self.kind, upload = %self.event.upload.id,
                    status = rejection.status,
                    "rejected by a plugin"
                );
                Err(Refusal::Rejected(rejection))
            }
            Err(failure) => {
                let allowed = plugin.on_error() == OnError::Allow;
                tracing::error!(
                    plugin = plugin.name(), digest = plugin.digest(),
                    generation = plugin.number(),
                    event = %self.event.id, kind = %self.kind, upload = %self.event.upload.id,
                    cause = failure.cause(), failure = failure.to_string(), allowed,
                    "a plugin did not answer"
                );
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

fn retry_after(failure: &Failure) -> Option<Duration> {
    match failure {
        Failure::Reported(HookError::Retry(after)) => after.map(Duration::from_millis),
        _ => None,
    }
}

/// What one plugin says to a creation, checked.
pub(super) async fn create(
    plugin: &Generation,
    event: &types::Event,
) -> Result<Answer<CreateChanges>, Failure> {
    checked(plugin.pre_create(event).await, create_answer)
}

/// What one plugin says to a complete upload, checked.
pub(super) async fn finish(
    plugin: &Generation,
    event: &types::Event,
) -> Result<Answer<FinishChanges>, Failure> {
    checked(plugin.pre_finish(event).await, finish_answer)
}

/// What one plugin says to a download, checked.
pub(super) async fn get(plugin: &Generation, event: &types::Event) -> Result<Answer<()>, Failure> {
    checked(plugin.pre_get(event).await, get_answer)
}

/// What one plugin says to a removal, checked.
pub(super) async fn terminate(
    plugin: &Generation,
    event: &types::Event,
) -> Result<Answer<()>, Failure> {
    checked(plugin.pre_terminate(event).await, terminate_answer)
}

fn checked<D, C>(
    answer: Result<D, Failure>,
    check: fn(D) -> Result<Answer<C>, Invalid>,
) -> Result<Answer<C>, Failure> {
    answer
        .and_then(|answer| check(answer).map_err(|error| Failure::InvalidAnswer(error.to_string())))
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
