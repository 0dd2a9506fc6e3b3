//! One plugin asked or told by itself, for who tries it: its answer is checked as
//! one that counts would be, and nothing comes of it.

use crate::plugins::{EventKind, Failure, Generation, Reaction};

use super::answer;
use super::chain::{self, Answer};
use super::decision::{CreateChanges, FinishChanges, Rejection};
use super::event::Event;

/// What a plugin made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The upload may be created, with these changes.
    Create(CreateChanges),
    /// The upload may be finished, with these changes of the response.
    Finish(FinishChanges),
    /// It may be read or removed.
    Proceed,
    /// It may not.
    Reject(Rejection),
    /// What happened was taken in.
    Done,
    /// The upload is to be stopped.
    Stop(Rejection),
}

/// Asks or tells one plugin about `event`. A plugin that would be both asked and
/// told is asked.
///
/// # Errors
/// Why there is no answer that counts.
pub async fn rehearse(plugin: &Generation, event: &Event) -> Result<Verdict, Failure> {
    let kind = event.kind;
    if !plugin.subscription().asked.contains(kind) {
        return heard(plugin, kind, plugin.tell(event).await?);
    }
    Ok(match kind {
        EventKind::PreCreate => verdict(chain::create(plugin, event).await?, Verdict::Create),
        EventKind::PreFinish => verdict(chain::finish(plugin, event).await?, Verdict::Finish),
        EventKind::PreGet => verdict(chain::get(plugin, event).await?, |()| Verdict::Proceed),
        _ => verdict(chain::terminate(plugin, event).await?, |()| {
            Verdict::Proceed
        }),
    })
}

fn verdict<C>(answer: Answer<C>, proceed: impl FnOnce(C) -> Verdict) -> Verdict {
    match answer {
        Answer::Proceed(changes) => proceed(changes),
        Answer::Reject(rejection) => Verdict::Reject(rejection),
    }
}

fn heard(plugin: &Generation, kind: EventKind, reaction: Reaction) -> Result<Verdict, Failure> {
    match reaction {
        // Anywhere else it is not heard.
        Reaction::Stop(rejection) if kind == EventKind::PostReceive => answer::rejection(rejection)
            .map(Verdict::Stop)
            .map_err(|error| plugin.invalid_answer(error.to_string())),
        Reaction::Stop(_) | Reaction::Done => Ok(Verdict::Done),
    }
}
