//! What happens to a request, whichever version of HTTP it came by: the rules
//! about who may ask, health, and then the protocol.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::body::{self, Incoming, Intake, RequestBody};
use super::cors::{CorsConfig, Verdict};
use super::counts::{Counts, Route};
use super::health::{Health, Question};
use super::in_flight::{InFlight, Running};
use super::proxy::{self, Forwarded};
use super::span;
use crate::tus::{Headers, Request, Response, Target, Trailers, Tus};

/// How requests are treated.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) cors: CorsConfig,
    pub(super) behind_proxy: bool,
    pub(super) log_health: bool,
    /// How long a body may send nothing.
    pub(super) read_timeout: Option<Duration>,
}

/// What a request needs; one for all threads.
#[derive(Debug)]
pub(super) struct Service {
    tus: Tus,
    in_flight: InFlight,
    rules: Rules,
    health: Health,
    counts: Arc<Counts>,
}

/// The head of a request.
pub(super) struct Head {
    /// As it was sent, before any override.
    pub(super) method: String,
    pub(super) path: String,
    /// Path and query.
    pub(super) uri: String,
    /// With `host`, also where the version of HTTP calls it otherwise.
    pub(super) headers: Headers,
    /// Whether a body comes, or may come.
    pub(super) has_body: bool,
    /// Set when the body has come to its end.
    pub(super) trailers: Trailers,
    /// Who made the connection.
    pub(super) peer: Option<IpAddr>,
    /// Whether the connection is TLS.
    pub(super) secure: bool,
}

/// The client and how it sees the server.
struct Way {
    client: Option<IpAddr>,
    /// Scheme and host; empty if the host is not known.
    origin: String,
    /// What a proxy took off the path.
    prefix: String,
}

impl Service {
    pub(super) fn new(tus: Tus, in_flight: InFlight, rules: Rules, counts: Arc<Counts>) -> Self {
        Self {
            tus,
            in_flight,
            rules,
            health: Health::default(),
            counts,
        }
    }

    /// Answers a request, in a span of its own.
    pub(super) async fn answer(self: Arc<Self>, head: Head, body: Incoming) -> Response {
        let question = Question::of(&head.path);
        let target = self.tus.base_url().target(&head.path);
        let route = Route::of(question, target.as_ref());
        let span = span::of(&head, route, target.as_ref());
        self.answer_in_span(head, body, question, target, route)
            .instrument(span)
            .await
    }

    async fn answer_in_span(
        self: Arc<Self>,
        head: Head,
        body: Incoming,
        question: Option<Question>,
        target: Option<Target>,
        route: Route,
    ) -> Response {
        let counts = Arc::clone(&self.counts);
        let (method, uri) = (head.method.clone(), head.uri.clone());
        let asked = counts.begin(route, &method);
        let response = match question {
            Some(question) => {
                let stopping = self.in_flight.is_stopping();
                self.health
                    .answer(question, &head.method, &self.tus, stopping)
                    .await
            }
            None => match target {
                Some(target) => Arc::clone(&self).judge(head, target, body).await,
                None => Response::empty(404),
            },
        };
        let response = response.in_answer_to(&method);
        if question.is_none() || self.rules.log_health {
            tracing::debug!(
                %method,
                uri,
                status = response.status,
                micros = asked.elapsed().as_micros(),
                "request"
            );
        }
        span::answered(response.status);
        asked.answered(response.status);
        response
    }

    /// Lets those through whose origin may ask.
    async fn judge(self: Arc<Self>, head: Head, target: Target, body: Incoming) -> Response {
        let way = self.way(&head);
        let cors = &self.rules.cors;
        let verdict = cors.judge(&head.method, &head.headers, &way.origin);
        let mut response = match verdict {
            Verdict::Refused => Response::plain(403, "The origin is not allowed."),
            Verdict::Preflight(_) => Response::protocol(204),
            Verdict::Allowed(_) | Verdict::NotAsked => {
                let site = if way.origin.is_empty() {
                    way.prefix
                } else {
                    way.origin + &way.prefix
                };
                let request =
                    Request::new(&head.method, target, head.uri, way.client, head.headers)
                        .with_site(site)
                        .with_body(head.has_body, head.trailers);
                let silence = self.rules.read_timeout;
                let (intake, body) = body::split(body, &self.in_flight, silence);
                Arc::clone(&self).run(request, intake, body).await
            }
        };
        cors.decorate(&mut response, &verdict);
        response
    }

    async fn run(self: Arc<Self>, request: Request, intake: Intake, body: RequestBody) -> Response {
        if !request.is_mutating() {
            // Boxed, or every upload that is under way would have the room for it.
            return Box::pin(self.tus.handle(&request, body)).await;
        }
        let Some(running) = self.in_flight.begin() else {
            return stopping();
        };
        let mut task = self.spawn(request, body, running);
        let ended = tokio::select! {
            biased;
            ended = &mut task => ended,
            () = intake.run() => task.await,
        };
        match ended {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(%error, "a request's task did not end");
                Response::plain(500, "Internal error.")
            }
        }
    }

    /// Begins what changes an upload. A request's future is dropped when the
    /// client goes away; the task is not, so that nothing is left half done.
    ///
    /// Not `async`, so that what becomes the task takes no room in that future.
    fn spawn(
        self: Arc<Self>,
        request: Request,
        body: RequestBody,
        running: Running,
    ) -> JoinHandle<Response> {
        let handled = async move {
            let response = self.tus.handle(&request, body).await;
            drop(running);
            response
        };
        rt::spawn(handled.in_current_span())
    }

    fn way(&self, head: &Head) -> Way {
        let forwarded = if self.rules.behind_proxy {
            Forwarded::read(&head.headers)
        } else {
            Forwarded::default()
        };
        let host = forwarded.host.as_deref().or_else(|| {
            let host = head.headers.text("host").ok().flatten()?;
            proxy::is_authority(host).then_some(host)
        });
        let scheme = match forwarded.secure.unwrap_or(head.secure) {
            true => "https",
            false => "http",
        };
        Way {
            client: forwarded.client.or(head.peer),
            origin: host.map_or_else(String::new, |host| format!("{scheme}://{host}")),
            prefix: forwarded.prefix.unwrap_or_default(),
        }
    }
}

fn stopping() -> Response {
    let mut response = Response::plain(503, "The server is stopping.");
    response.add("Retry-After", "1");
    response
}
