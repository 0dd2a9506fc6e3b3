//! Traces across processes (W3C Trace Context): which trace the present work
//! belongs to, and whose work it continues.
//!
//! Below all layers, so that each can pass a trace on. Off until
//! [`switch_on`], and then each call here costs one look at a flag.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of the spans of a request, a call of a plugin and a delivery. Logs
/// and traces choose by it whether they want them; if neither does, a span costs
/// nothing.
pub const SPANS: &str = "rustus::spans";

/// The header fields by which a trace is passed on.
pub const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

static ON: AtomicBool = AtomicBool::new(false);

static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// From now on there are traces.
pub fn switch_on() {
    ON.store(true, Ordering::Relaxed);
}

/// Whether there are traces.
#[must_use]
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// `traceparent`, and `tracestate` if there is one, for what the present work
/// has others do. Nothing if there are no traces.
#[must_use]
pub fn current() -> Vec<(String, String)> {
    if !is_on() {
        return Vec::new();
    }
    let mut fields = HashMap::new();
    PROPAGATOR.inject_context(&Span::current().context(), &mut fields);
    let mut fields: Vec<_> = fields.into_iter().collect();
    fields.retain(|(_, value)| !value.is_empty());
    fields
}

/// Puts [`current`] in the place of what `fields` say about traces. Names are in
/// lower case.
pub fn replace(fields: &mut Vec<(String, String)>) {
    let current = current();
    if !current.is_empty() {
        fields.retain(|(name, _)| name != PARENT && name != STATE);
        fields.extend(current);
    }
}

/// Makes a span, which nobody has entered yet, the continuation of what others
/// passed on in `fields`. What is no valid context begins a trace of its own.
pub fn continue_from<'a>(span: &Span, fields: impl Iterator<Item = (&'a str, &'a str)>) {
    if !is_on() {
        return;
    }
    let fields: HashMap<String, String> = fields
        .filter(|(name, _)| matches!(*name, PARENT | STATE))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let context = PROPAGATOR.extract(&fields);
    if context.span().span_context().is_valid()
        && let Err(error) = span.set_parent(context)
    {
        tracing::debug!(%error, "a trace is not continued");
    }
}

/// The id of the trace that `span` belongs to, if there are traces.
#[must_use]
pub fn trace_of(span: &Span) -> Option<String> {
    let context = is_on().then(|| span.context())?;
    let id = context.span().span_context().trace_id();
    (id != opentelemetry::TraceId::INVALID).then(|| id.to_string())
}
