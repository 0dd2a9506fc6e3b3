//! A collector of traces inside the test: it takes OTLP over HTTP.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use rustls_pki_types::CertificateDer;

use super::receiver::{Answer, Receiver};
use super::server::Setup;

/// A collector on a free port.
pub struct Collector(pub Receiver);

/// A span as it came.
#[derive(Debug, Clone)]
pub struct Span {
    pub name: String,
    /// In hexadecimal, as in `traceparent`.
    pub trace: String,
    pub id: String,
    /// Empty for the first of a trace.
    pub parent: String,
    pub attributes: BTreeMap<String, String>,
    /// What the resource says the service is.
    pub service: String,
}

impl Collector {
    pub fn start() -> Self {
        Self(Receiver::start(|_| taken()))
    }

    /// One that speaks TLS, with a certificate of its own.
    pub fn start_tls() -> Self {
        Self(Receiver::start_tls("127.0.0.1", |_| taken()))
    }

    /// One that speaks TLS with nobody but who shows this certificate.
    pub fn start_for(client: &CertificateDer<'static>) -> Self {
        Self(Receiver::start_for(client, |_| taken()))
    }

    /// A setup that sends its traces here, without much delay.
    pub fn told_by(&self, setup: Setup) -> Setup {
        setup
            .arguments(&["--otlp-endpoint", &self.0.url("")])
            .variable("OTEL_BSP_SCHEDULE_DELAY", "20")
    }

    /// All spans that came.
    pub fn spans(&self) -> Vec<Span> {
        let requests = self.0.requests();
        requests
            .iter()
            .flat_map(|request| {
                assert_eq!(request.path, "/v1/traces");
                let body = request.body.as_slice();
                decoded(ExportTraceServiceRequest::decode(body).unwrap())
            })
            .collect()
    }

    /// The first span of this name, as soon as it is there.
    pub fn wait_for(&self, name: &str) -> Span {
        let find = || self.spans().into_iter().find(|span| span.name == name);
        super::eventually(&format!("the span {name:?} comes"), || find().is_some());
        find().unwrap()
    }
}

fn taken() -> Answer {
    Answer::with(200, &[("content-type", "application/x-protobuf")], b"")
}

fn decoded(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of in request.resource_spans {
        let resource = attributes(&of.resource.unwrap().attributes);
        for span in of.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                name: span.name,
                trace: hexadecimal(&span.trace_id),
                id: hexadecimal(&span.span_id),
                parent: hexadecimal(&span.parent_span_id),
                attributes: attributes(&span.attributes),
                service: resource["service.name"].clone(),
            });
        }
    }
    spans
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text =
        |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(number)) => number.to_string(),
            Some(Value::BoolValue(is)) => is.to_string(),
            other => format!("{other:?}"),
        };
    let pairs = pairs.iter();
    pairs
        .map(|pair| (pair.key.clone(), text(&pair.value)))
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
