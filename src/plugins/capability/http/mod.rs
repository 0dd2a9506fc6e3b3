//! `wasi:http/outgoing-handler` and `rustus:hooks/http`: requests to other servers.
//!
//! One choke point: whatever a guest sends comes through [`Outgoing::start`]. It is
//! checked against the grant by scheme, host and port, and by the addresses that the
//! host has when a connection is made. Redirects are answers like others here; a
//! guest that follows one sends a request of its own, which is checked again.
//!
//! One generation has a client, with a pool of connections, for each thread that
//! calls: a request that crossed to another thread and back would wait for both to
//! wake up, which takes longer than all else here. Bodies are streamed both ways,
//! answers up to a bound.

mod body;
mod client;
mod exchange;
mod failure;
mod networks;
mod resolver;
mod response;
mod servers;
mod tls;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Method};
use http_body_util::BodyExt as _;
use reqwest::{Body, Request, Response, Url};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use self::response::{Bounded, TOO_LARGE};
use super::Lent;
use crate::plugins::instance::CallState;
use crate::plugins::output::Output;
use crate::plugins::reached::{Reached, Reaching};
use crate::plugins::tally::Capability;
use crate::tracing_context;

pub(in crate::plugins) use client::Client;
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub use exchange::HttpExchange;
pub(in crate::plugins::capability) use failure::why;

/// `[allow.http]`: the servers that a plugin may send requests to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HttpGrant {
    /// `scheme://host:port` each. `https://*.example.com` stands for every name
    /// below `example.com`, if its address is public; `http://10.0.0.0/8:8000` for
    /// every address of a network that is asked for as such; `*` for any port.
    pub servers: Vec<String>,
    /// Networks, such as `10.0.0.0/8`, in which names that a `*` allows may have
    /// their addresses too.
    #[serde(default)]
    pub networks: Vec<String>,
    /// A PEM file with certificates that are trusted beside the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What the body of an answer may have, in KiB. 1 to 1,048,576.
    #[serde(default = "default_max_response")]
    pub max_response_kib: u32,
}

/// What answers of services have is kilobytes. A MiB of 32 calls at once can't
/// exhaust a machine.
const fn default_max_response() -> u32 {
    1024
}

/// Requests of one instance at the same time, until their answers are read. More
/// than a plugin with a list of servers needs.
const AT_ONCE: usize = 64;

impl HttpGrant {
    /// A grant of these servers and nothing else.
    #[must_use]
    pub fn of(servers: Vec<String>) -> Self {
        Self {
            servers,
            networks: Vec::new(),
            ca_file: None,
            max_response_kib: default_max_response(),
        }
    }
}

/// What one instance sends its requests through.
pub(in crate::plugins) struct Outgoing {
    lent: Arc<Lent>,
    output: Output,
    places: Arc<Semaphore>,
    /// For exchanges, for as long as the guest holds them: each may have an answer.
    held: Arc<Semaphore>,
    /// Bytes of the bodies of requests that are whole, until they are answered.
    bodies: Arc<Semaphore>,
}

/// The head of an answer, for which a request is sent when it is waited for.
type Sent = Pin<Box<dyn Future<Output = Result<Response, reqwest::Error>> + Send>>;

/// A request that may be sent, with what waits for its answer.
struct Sending {
    sent: Sent,
    limits: Limits,
    output: Output,
    server: String,
    reaching: Reaching,
    lent: Arc<Lent>,
}

/// The bounds of one answer.
struct Limits {
    /// Until the head of the answer is there.
    head: Option<Duration>,
    between_bytes: Option<Duration>,
    /// Bytes of its body.
    body: u64,
    is_head: bool,
    place: OwnedSemaphorePermit,
}

impl Outgoing {
    /// `bodies` is what the bodies of requests that are whole may have together, in
    /// bytes.
    pub(in crate::plugins) fn new(lent: Arc<Lent>, output: Output, bodies: usize) -> Self {
        Self {
            lent,
            output,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            held: Arc::new(Semaphore::new(AT_ONCE)),
            bodies: Arc::new(Semaphore::new(bodies.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Checks a request and starts it.
    fn start(
        &self,
        request: ::http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Sending, Error> {
        let reaching = Reaching::new(Arc::clone(&self.lent.tally), Capability::Http);
        match self.checked(request, options) {
            Ok((sent, limits, server)) => Ok(Sending {
                sent,
                limits,
                output: self.output.clone(),
                server,
                reaching,
                lent: Arc::clone(&self.lent),
            }),
            Err(error) => {
                reaching.ended(failure::counts_as(&error));
                Err(error)
            }
        }
    }

    fn checked(
        &self,
        request: ::http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<(Sent, Limits, String), Error> {
        let url = Url::parse(&request.uri().to_string());
        let url = url.map_err(|_| Error::HttpRequestUriInvalid)?;
        // No grant could allow it.
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::HttpRequestUriInvalid);
        }
        let server = url.origin().ascii_serialization();
        let Some(client) = self.allowed(&url) else {
            let what = format!("a request to {server}");
            let write = match &self.lent.http {
                Some(_) => format!("\"{server}\" into `servers` under [allow.http]"),
                None => format!("`servers = [\"{server}\"]` under [allow.http]"),
            };
            self.output.denied(Capability::Http, &what, &write);
            return Err(Error::HttpRequestDenied);
        };
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Error::ConnectionLimitReached)?;
        let limits = Limits {
            head: until_head(options),
            between_bytes: options.between_bytes_timeout,
            body: client.max_response(),
            is_head: request.method() == Method::HEAD,
            place,
        };
        let sender = client.of_this_thread();
        let sender = sender.map_err(|problem| Error::InternalError(Some(problem)))?;
        let sent = Box::pin(sender.execute(as_reqwest(url, request)));
        Ok((sent, limits, server))
    }

    fn allowed(&self, url: &Url) -> Option<&Client> {
        let client = self.lent.http.as_ref()?;
        client.allows(url).then_some(client)
    }
}

/// A connection counts as a part of the wait for the first byte: the client
/// shares connections among requests, so that there may be none to wait for.
fn until_head(options: RequestOptions) -> Option<Duration> {
    let first_byte = options.first_byte_timeout?;
    Some(first_byte.saturating_add(options.connect_timeout.unwrap_or_default()))
}

fn as_reqwest(url: Url, request: ::http::Request<WasiBody>) -> Request {
    let (parts, body) = request.into_parts();
    let mut made = Request::new(parts.method, url);
    *made.headers_mut() = parts.headers;
    pass_trace_on(made.headers_mut());
    *made.body_mut() = body::as_reqwest(body);
    made
}

/// What the server that is asked does is a step of the present trace.
fn pass_trace_on(headers: &mut ::http::HeaderMap) {
    for (name, value) in tracing_context::current() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
}

impl Sending {
    async fn answer(mut self) -> Result<::http::Response<WasiBody>, Error> {
        let answer = self.head().await;
        let outcome = match &answer {
            Ok(response) => failure::answered(response.status()),
            Err(error) => failure::counts_as(error),
        };
        self.reaching.ended(outcome);
        let Self {
            limits,
            output,
            server,
            lent,
            ..
        } = self;
        let report = Box::new(move |cause: &str, outcome: Reached| {
            output.unanswered(&server, cause);
            lent.tally.reached(Capability::Http, outcome.name());
        });
        let (parts, body) = ::http::Response::<Body>::from(answer?).into_parts();
        let body = Bounded::new(
            body,
            limits.body,
            limits.between_bytes,
            report,
            limits.place,
        );
        Ok(::http::Response::from_parts(parts, body.boxed_unsync()))
    }

    /// Sends it, and waits for the head of the answer.
    async fn head(&mut self) -> Result<Response, Error> {
        let waited = match self.limits.head {
            Some(limit) => tokio::time::timeout(limit, &mut self.sent)
                .await
                .map_err(|_| self.failed(Error::HttpResponseTimeout, "no answer in time"))?,
            None => (&mut self.sent).await,
        };
        let response = waited.map_err(|error| self.not_sent(&error))?;
        let length = response.content_length().unwrap_or_default();
        if length > self.limits.body && !self.limits.is_head {
            let error = Error::HttpResponseBodySize(Some(length));
            return Err(self.failed(error, TOO_LARGE));
        }
        Ok(response)
    }

    /// A name with addresses that it may not have is denied like a server that is not
    /// named: both are matters of the grant.
    fn not_sent(&self, error: &reqwest::Error) -> Error {
        if let Some(address) = failure::prohibited(error) {
            let what = format!("a connection to {address} for {}", self.server);
            let write =
                format!("\"{address}\", or its network, into `networks` under [allow.http]");
            self.output.denied(Capability::Http, &what, &write);
            return failure::of(error);
        }
        self.failed(failure::of(error), &failure::in_full(error))
    }

    /// Says to the operator what the guest gets as a code only.
    fn failed(&self, error: Error, cause: &str) -> Error {
        self.output.unanswered(&self.server, cause);
        error
    }
}

/// What becomes of the connection, which the pool sees to by itself.
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: ::http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Io,
    ) -> Box<dyn Future<Output = Result<(::http::Response<WasiBody>, Io), Error>> + Send> {
        let sending = self.start(request, options.unwrap_or_default());
        Box::new(async {
            let response = sending?.answer().await?;
            Ok((response, Box::new(async { Ok(()) }) as Io))
        })
    }

    /// The client writes it.
    fn set_host_header(&mut self) -> bool {
        false
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (ctx, table, hooks) = self.http_parts();
        WasiHttpCtxView { hooks, table, ctx }
    }
}

/// Offers `wasi:http` to every plugin; what it may reach is checked at each
/// request.
pub(in crate::plugins) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}
