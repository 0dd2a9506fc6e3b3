//! A line of the log as an object of JSON.
//!
//! `time`, `level`, `target` and `message` come first, then what the line says.
//! Of the request, the call or the delivery during which it was said come
//! `request`, `upload`, `event`, `kind`, `plugin` and `trace`, unless the line
//! has its own. Nothing is nested.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// What lines have from around them.
const FROM_SPANS: [&str; 6] = ["request", "upload", "event", "kind", "plugin", "trace"];

/// Writes such lines.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let mut line = Map::new();
        line.insert("time".to_owned(), now().into());
        let metadata = event.metadata();
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        line.insert("message".to_owned(), said.message.into());
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            let extensions = span.extensions();
            if let Some(fields) = extensions.get::<FormattedFields<N>>() {
                around(&fields.fields, &mut line);
            }
        }
        line.extend(said.fields);
        writeln!(writer, "{}", Value::Object(line))
    }
}

fn now() -> String {
    let mut time = String::new();
    match SystemTime.format_time(&mut Writer::new(&mut time)) {
        Ok(()) => time,
        Err(fmt::Error) => String::new(),
    }
}

/// Adds what the fields of a span, which are JSON, say of the work.
fn around(fields: &str, line: &mut Map<String, Value>) {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(fields) else {
        return;
    };
    for name in FROM_SPANS {
        if let Some(value) = fields.remove(name) {
            line.insert(name.to_owned(), value);
        }
    }
}

/// What a line says.
#[derive(Default)]
struct Said {
    message: String,
    fields: Map<String, Value>,
}

impl Said {
    fn keep(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.keep(field, text);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.keep(field, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.keep(field, value),
            Err(_) => self.keep(field, value.to_string()),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.keep(field, text);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::fmt::format::JsonFields;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Kept {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn logged(work: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(kept.clone())
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_has_what_it_says_and_what_it_is_about() {
        let lines = logged(|| {
            let request = tracing::info_span!("a", request = "r", upload = "u", "http.x" = 1);
            let _in_request = request.enter();
            let _in_call = tracing::info_span!("b", event = "e", upload = "other").entered();
            let error = io::Error::other(io::Error::other("why"));
            tracing::warn!(
                count = 3_u64,
                yes = true,
                text = "a\n\"b\"",
                error = &error as &dyn std::error::Error,
                event = "own",
                "it {} so",
                "is"
            );
        });
        let mut line = lines[0].clone();
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
        line.as_object_mut().unwrap().remove("time");
        let expected = serde_json::json!({
            "level": "WARN", "target": module_path!(), "message": "it is so",
            "request": "r", "upload": "other", "event": "own",
            "count": 3, "yes": true, "text": "a\n\"b\"", "error": "why",
        });
        assert_eq!(line, expected);
        assert_eq!(lines.len(), 1);
    }
}
