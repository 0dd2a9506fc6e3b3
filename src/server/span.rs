//! The span of a request: what lines of the log have in common that are about
//! one, and the first step of its trace.

use tracing::{Span, field};

use super::counts::{METHODS, Route};
use super::handler::Head;
use crate::tracing_context::{self, SPANS};
use crate::tus::Target;

/// The span of a request, continuing the trace of its client. Costs nothing if
/// nobody wants spans.
pub(super) fn of(head: &Head, route: Route, target: Option<&Target>) -> Span {
    let span = tracing::info_span!(
        target: SPANS,
        "request",
        request = format!("{:016x}", fastrand::u64(..)),
        upload = field::Empty,
        trace = field::Empty,
        otel.name = format!("{} {}", method(head), route.word()),
        otel.kind = "server",
        http.request.method = method(head),
        http.route = route.word(),
        http.response.status_code = field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    if let Some(Target::Upload(id)) = target {
        span.record("upload", id.as_str());
    }
    let passed_on = ["traceparent", "tracestate"]
        .into_iter()
        .filter_map(|name| {
            let value = head.headers.text(name).ok().flatten()?;
            Some((name, value))
        });
    tracing_context::continue_from(&span, passed_on);
    if let Some(trace) = tracing_context::trace_of(&span) {
        span.record("trace", trace.as_str());
    }
    span
}

/// The present request was answered with this status.
pub(super) fn answered(status: u16) {
    let span = Span::current();
    span.record("http.response.status_code", status);
}

/// One of a few: a client can send any word.
fn method(head: &Head) -> &str {
    let known = METHODS.iter().find(|known| **known == head.method);
    known.unwrap_or(&"other")
}
