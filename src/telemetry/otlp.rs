//! Traces, sent to a collector over OTLP/HTTP.
//!
//! Spans wait in memory (2,048 at most; of more the newest are dropped) and are
//! sent in batches by a thread of their own. A collector that is away costs
//! nothing but its traces, and a line in the log.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use reqwest::Url;
use tokio::runtime::{Handle, Runtime};

use super::collector_tls::{self, CollectorTlsError};
use crate::tracing_context;

/// How long a collector may take for one batch, which is less than a second's
/// work of any that is well.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the end of the process waits for what was not sent yet.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is read of an answer: it says at most how many spans were refused.
const ANSWER: usize = 64 * 1024;

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// A text that is no endpoint.
#[derive(Debug, thiserror::Error)]
#[error("expected the URL of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318")]
pub struct InvalidEndpoint;

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    /// A URL without a path gets that of the protocol.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url = Url::parse(text).map_err(|_| InvalidEndpoint)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(InvalidEndpoint);
        }
        if matches!(url.path(), "" | "/") {
            url.set_path("/v1/traces");
        }
        Ok(Self(url))
    }
}

impl Endpoint {
    fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Scheme, host and port: what else is in the URL may be a secret.
    fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

/// Why there can be no traces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TracesError {
    /// No thread could be had.
    #[error("the threads that send traces can't start")]
    Thread(#[from] std::io::Error),
    /// TLS cannot be as the variables of OpenTelemetry want it.
    #[error(transparent)]
    Tls(#[from] CollectorTlsError),
    /// No client could be made.
    #[error("traces can't be sent")]
    Client(#[from] reqwest::Error),
    /// A variable of OpenTelemetry has a wrong value.
    #[error("traces can't be sent")]
    Exporter(#[from] ExporterBuildError),
}

/// What sends traces. To be [ended](Self::end).
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    runtime: Runtime,
}

impl Traces {
    /// Begins to send to `endpoint`. The variables of OpenTelemetry for samplers,
    /// batches, headers and certificates hold.
    ///
    /// # Errors
    /// No threads, or a variable has a wrong value. A collector that is away is
    /// no error.
    pub fn start(endpoint: &Endpoint) -> Result<Self, TracesError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("traces")
            .enable_all()
            .build()?;
        let sender = Sender {
            client: client(endpoint.is_encrypted())?,
            on: runtime.handle().clone(),
            collector: endpoint.origin(),
            down: Arc::default(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(sender)
            .with_endpoint(endpoint.0.as_str())
            .with_timeout(PATIENCE)
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder().with_service_name("rustus").build())
            .build();
        tracing_context::switch_on();
        Ok(Self { provider, runtime })
    }

    pub(super) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("rustus")
    }

    /// Sends what is left, for a second at most. To be called from outside of any
    /// asynchronous runtime.
    pub fn end(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FAREWELL) {
            tracing::warn!(%error, "the last traces were not sent");
        }
        self.runtime.shutdown_background();
    }
}

fn client(is_encrypted: bool) -> Result<reqwest::Client, TracesError> {
    let tls = match is_encrypted {
        true => collector_tls::encrypted()?,
        false => collector_tls::plain()?,
    };
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()?)
}

/// Sends batches. The thread that has them has no reactor, so a runtime does it.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    on: Handle,
    collector: String,
    down: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let sent = self.on.spawn(send(self.client.clone(), request)).await?;
        let problem = match &sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(in_full(error)),
        };
        self.report(problem);
        Ok(sent?)
    }
}

async fn send(
    client: reqwest::Client,
    request: reqwest::Request,
) -> reqwest::Result<http::Response<Bytes>> {
    let mut answer = client.execute(request).await?;
    let mut body = Vec::new();
    while body.len() < ANSWER
        && let Some(more) = answer.chunk().await?
    {
        body.extend_from_slice(&more);
    }
    let mut response = http::Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

/// With its causes, without the URL.
fn in_full(error: &reqwest::Error) -> String {
    let mut text = "no answer".to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Sender {
    /// Says once that traces are lost, and once that they no longer are.
    fn report(&self, problem: Option<String>) {
        let was_down = self.down.swap(problem.is_some(), Ordering::Relaxed);
        let collector = &self.collector;
        match problem {
            Some(problem) if !was_down => tracing::warn!(
                collector,
                problem,
                "traces are lost: the collector of --otlp-endpoint does not take them"
            ),
            None if was_down => tracing::info!(collector, "traces are taken again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_and_has_the_path_of_the_protocol_unless_it_has_one() {
        for (text, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("https://c.example/v1/traces", "https://c.example/v1/traces"),
            ("https://c.example/a?key=x", "https://c.example/a?key=x"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().0.as_str(), url);
        }
        let endpoint: Endpoint = "https://me:secret@c.example/token".parse().unwrap();
        assert_eq!(endpoint.origin(), "https://c.example");
        for wrong in ["", "127.0.0.1:4318", "grpc://c.example", "http://"] {
            let error = wrong.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:4318"), "{wrong}: {error}");
        }
    }
}
