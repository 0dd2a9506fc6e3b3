//! One call of a module, and what came of it.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::AuthorError;
use super::examination::{milliseconds, size, time};
use super::heard::{self, Line};
use crate::commands::progress;
use crate::hooks::{Event, MetadataEntry, Rejection, Verdict, rehearse};
use crate::plugins::types::HookError;
use crate::plugins::{Failure, LoadError, Piece, Ready, Workbench};

/// Loads a module to be called; a command that no event is called after for all
/// of them.
pub(super) fn load(workbench: &Workbench, piece: &Piece) -> Result<Ready, AuthorError> {
    let what = format!("compiling {} ({})", piece.name(), size(piece.size()));
    let loaded = progress::shown(what, || match workbench.load(piece) {
        Err(LoadError::CommandName(_)) => workbench.load(&piece.clone().alone()),
        loaded => loaded,
    });
    loaded.map_err(|error| AuthorError::Load {
        file: format!("{}.wasm", piece.name()),
        error,
    })
}

/// A call that was made.
pub(super) struct Call {
    /// What the module made of the event, or why there is no answer.
    pub(super) answer: Result<Verdict, Failure>,
    /// From the first moment to the last, making the instance included.
    pub(super) took: Duration,
    /// The most memory that the module has held so far, in bytes.
    pub(super) memory: usize,
    /// What would be in the server's log.
    pub(super) log: Vec<Line>,
}

impl Call {
    /// Calls the module, if it hears of the event.
    pub(super) fn make(
        workbench: &Workbench,
        ready: &Ready,
        event: &Event,
    ) -> Result<Self, AuthorError> {
        let generation = &ready.generation;
        let heard = generation.subscription().all();
        if !heard.contains(event.kind) {
            return Err(AuthorError::Deaf {
                name: generation.name().to_owned(),
                event: event.kind.to_string(),
                heard,
            });
        }
        let started = Instant::now();
        let (answer, log) = heard::listening(|| workbench.finish(rehearse(generation, event)));
        Ok(Self {
            answer,
            took: started.elapsed(),
            memory: generation.memory_peak(),
            log,
        })
    }

    /// The answer in one word.
    pub(super) const fn decision(&self) -> &'static str {
        match &self.answer {
            Ok(Verdict::Create(_) | Verdict::Finish(_) | Verdict::Proceed) => "proceed",
            Ok(Verdict::Reject(_)) => "reject",
            Ok(Verdict::Done) => "done",
            Ok(Verdict::Stop(_)) => "stop",
            Err(Failure::Reported(HookError::Retry(_))) => "retry",
            Err(Failure::Reported(HookError::Permanent(_))) => "permanent",
            Err(Failure::Reported(HookError::Other(_))) => "other",
            Err(_) => "failure",
        }
    }

    /// The status that the client would see, where the module chose it.
    pub(super) const fn status(&self) -> Option<u16> {
        match &self.answer {
            Ok(Verdict::Reject(rejection) | Verdict::Stop(rejection)) => Some(rejection.status),
            Ok(Verdict::Finish(changes)) => changes.status,
            _ => None,
        }
    }

    /// The body that the client would get, where the module chose it.
    pub(super) fn body(&self) -> Option<&str> {
        match &self.answer {
            Ok(Verdict::Reject(Rejection { body, .. }) | Verdict::Stop(Rejection { body, .. })) => {
                Some(body)
            }
            Ok(Verdict::Finish(changes)) => changes.body.as_deref(),
            _ => None,
        }
    }

    /// The header fields that the module adds to the response.
    pub(super) fn headers(&self) -> &[(String, String)] {
        match &self.answer {
            Ok(Verdict::Reject(rejection) | Verdict::Stop(rejection)) => &rejection.headers,
            Ok(Verdict::Create(changes)) => &changes.headers,
            Ok(Verdict::Finish(changes)) => &changes.headers,
            _ => &[],
        }
    }

    /// The metadata in place of the client's.
    pub(super) fn metadata(&self) -> Option<&[MetadataEntry]> {
        match &self.answer {
            Ok(Verdict::Create(changes)) => changes.metadata.as_deref(),
            _ => None,
        }
    }

    /// The id that the module chose.
    pub(super) fn id(&self) -> Option<&str> {
        match &self.answer {
            Ok(Verdict::Create(changes)) => changes.id.as_deref(),
            _ => None,
        }
    }

    /// The path that the module chose.
    pub(super) fn path(&self) -> Option<&str> {
        match &self.answer {
            Ok(Verdict::Create(changes)) => changes.path.as_deref(),
            _ => None,
        }
    }

    /// Time and memory, for people.
    pub(super) fn cost(&self) -> String {
        format!("{}, {} of memory", time(self.took), size(self.memory))
    }

    /// The answer and all that belongs to it, in lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![match self.status() {
            Some(status) => format!("{} {status}", self.decision()),
            None => self.decision().to_owned(),
        }];
        let headers = self.headers().iter();
        lines.extend(headers.map(|(name, value)| format!("  header {name}: {value}")));
        if let Some(body) = self.body() {
            lines.push(format!("  body {body:?}"));
        }
        for entry in self.metadata().unwrap_or_default() {
            lines.push(format!("  metadata {}={:?}", entry.key, entry.text()));
        }
        let chosen = [("id", self.id()), ("path", self.path())];
        let chosen = chosen
            .into_iter()
            .filter_map(|(what, value)| Some(format!("  {what} {}", value?)));
        lines.extend(chosen);
        if let Err(failure) = &self.answer {
            lines.push(format!("  {failure}"));
        }
        lines
    }

    /// All of it as one object.
    pub(super) fn as_json(&self) -> Map<String, Value> {
        let metadata = self.metadata().map(|entries| {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.clone(), Value::from(entry.text())));
            pairs.collect::<Map<_, _>>()
        });
        let failure = self.answer.as_ref().err();
        let headers: Vec<_> = self.headers().iter().collect();
        let whole = json!({
            "decision": self.decision(),
            "status": self.status(),
            "headers": headers,
            "body": self.body(),
            "metadata": metadata,
            "id": self.id(),
            "path": self.path(),
            "failure": failure.map(ToString::to_string),
            "cause": failure.map(Failure::cause),
            "took_ms": milliseconds(self.took),
            "memory": self.memory,
            "log": self.log.iter().map(Line::as_json).collect::<Vec<_>>(),
        });
        match whole {
            Value::Object(whole) => whole,
            _ => Map::new(),
        }
    }
}
