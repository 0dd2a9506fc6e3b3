//! What a module says while it is called, and what the host says about it: the
//! lines that would be in the server's log.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;

/// What every line has, and what is known without it.
const KNOWN: [&str; 4] = ["plugin", "digest", "event", "upload"];

/// Where the lines come from.
const SOURCE: &str = "rustus::plugins";

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) fields: Map<String, Value>,
}

impl Line {
    pub(super) fn as_json(&self) -> Value {
        json!({
            "level": self.level.as_str(),
            "message": self.message,
            "fields": self.fields,
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:5} {}", self.level, self.message)?;
        for (name, value) in &self.fields {
            match value {
                // The fields that a plugin gave itself, as the log has them.
                Value::String(text) if name == "fields" => write!(f, " {text}")?,
                Value::String(text) => write!(f, " {name}={text:?}")?,
                other => write!(f, " {name}={other}")?,
            }
        }
        Ok(())
    }
}

/// Does `work`, and gives what was said meanwhile on this thread.
pub(super) fn listening<T>(work: impl FnOnce() -> T) -> (T, Vec<Line>) {
    let ear = Ear::default();
    let lines = ear.clone();
    let done = tracing::subscriber::with_default(registry().with(ear), work);
    let lines = std::mem::take(&mut *lines.lines());
    (done, lines)
}

#[derive(Debug, Clone, Default)]
struct Ear(Arc<Mutex<Vec<Line>>>);

impl Ear {
    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if !metadata.target().starts_with(SOURCE) {
            return;
        }
        let mut line = Line {
            level: *metadata.level(),
            message: String::new(),
            fields: Map::new(),
        };
        event.record(&mut line);
        self.lines().push(line);
    }
}

impl Line {
    fn add(&mut self, field: &Field, value: Value) {
        let is_empty = value.as_str().is_some_and(str::is_empty);
        if !KNOWN.contains(&field.name()) && !is_empty {
            self.fields.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing to a string can't fail.
        if write!(text, "{value:?}").is_err() {
            return;
        }
        match field.name() {
            "message" => self.message = text,
            _ => self.add(field, text.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_host_are_heard_and_others_are_not() {
        let ((), lines) = listening(|| {
            tracing::info!(target: "rustus::plugins::output", plugin = "a", fields = %"x=\"1\"", "said");
            tracing::warn!(target: "rustus::plugins::output", event = "e", fields = %"", bytes = 3, "louder");
            tracing::error!(target: "rustus::uploads", "elsewhere");
        });
        let shown: Vec<_> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["INFO  said x=\"1\"", "WARN  louder bytes=3"]);
    }
}
