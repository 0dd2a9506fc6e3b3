//! `rustus:hooks/http`: whole requests and whole answers.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Method, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::{Outgoing, failure};
use crate::plugins::bindings::rustus::hooks::http::{
    Host, HostExchange, HttpError, Request, Response,
};
use crate::plugins::bindings::rustus::hooks::types::Header;
use crate::plugins::instance::CallState;

type Answer = Result<Response, HttpError>;

/// A request with the answer to come.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub enum HttpExchange {
    /// Nothing happens unless it is polled.
    Waiting(Pin<Box<dyn Future<Output = Answer> + Send>>),
    Answered(Answer),
    /// The answer was given to the guest.
    Over,
}

impl HttpExchange {
    fn new(outgoing: &Outgoing, request: Request) -> Self {
        let sending = as_http(request)
            .and_then(|request| Ok(outgoing.start(request, RequestOptions::default())?));
        match sending {
            Ok(sending) => Self::Waiting(Box::pin(async {
                let (head, body) = sending.answer().await?.into_parts();
                let body = body.collect().await?.to_bytes();
                Ok(as_response(&head, &body))
            })),
            Err(error) => Self::Answered(Err(error)),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Self::Waiting(answer) = self {
            match answer.as_mut().poll(context) {
                Poll::Ready(answer) => *self = Self::Answered(answer),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }
}

fn as_http(request: Request) -> Result<::http::Request<WasiBody>, HttpError> {
    let invalid = HttpError::Invalid;
    let whole = Full::new(Bytes::from(request.body)).map_err(|never| match never {});
    let mut made = ::http::Request::new(whole.boxed_unsync());
    *made.method_mut() = Method::from_bytes(request.method.as_bytes()).map_err(|_| {
        invalid(format!(
            "{:?} is no method; write such as `POST`",
            request.method
        ))
    })?;
    *made.uri_mut() = Uri::try_from(request.url).map_err(|_| Error::HttpRequestUriInvalid)?;
    for Header { name, value } in request.headers {
        let named = HeaderName::try_from(&name)
            .map_err(|_| invalid(format!("{name:?} is no name of a header field")))?;
        let value = HeaderValue::try_from(value)
            .map_err(|_| invalid(format!("the value of the header field {name} is none")))?;
        made.headers_mut().append(named, value);
    }
    Ok(made)
}

fn as_response(head: &::http::response::Parts, body: &Bytes) -> Response {
    let header = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    Response {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(header).collect(),
        body: body.to_vec(),
    }
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        failure::for_guest(&error)
    }
}

/// Polls all of them; ready as soon as one has its answer.
fn poll_all(
    table: &mut ResourceTable,
    exchanges: &[Resource<HttpExchange>],
    context: &mut Context<'_>,
) -> Poll<wasmtime::Result<()>> {
    let mut any = Poll::Pending;
    for exchange in exchanges {
        let is_ready = match table.get_mut(exchange) {
            Ok(exchange) => exchange.poll(context).is_ready(),
            Err(error) => return Poll::Ready(Err(error.into())),
        };
        if is_ready {
            any = Poll::Ready(Ok(()));
        }
    }
    any
}

impl Host for CallState {
    async fn wait(
        &mut self,
        exchanges: Vec<Resource<HttpExchange>>,
        milliseconds: Option<u64>,
    ) -> wasmtime::Result<()> {
        let (_, table, _) = self.http_parts();
        let answered = poll_fn(|context| poll_all(table, &exchanges, context));
        match milliseconds.map(Duration::from_millis) {
            Some(limit) => tokio::time::timeout(limit, pin!(answered))
                .await
                .unwrap_or(Ok(())),
            // For as long as the call may take.
            None => answered.await,
        }
    }
}

impl HostExchange for CallState {
    fn new(&mut self, request: Request) -> wasmtime::Result<Resource<HttpExchange>> {
        let (_, table, outgoing) = self.http_parts();
        Ok(table.push(HttpExchange::new(outgoing, request))?)
    }

    fn answer(&mut self, exchange: Resource<HttpExchange>) -> wasmtime::Result<Option<Answer>> {
        let (_, table, _) = self.http_parts();
        let exchange = table.get_mut(&exchange)?;
        Ok(match std::mem::replace(exchange, HttpExchange::Over) {
            HttpExchange::Answered(answer) => Some(answer),
            HttpExchange::Over => None,
            waiting @ HttpExchange::Waiting(_) => {
                *exchange = waiting;
                None
            }
        })
    }

    fn drop(&mut self, exchange: Resource<HttpExchange>) -> wasmtime::Result<()> {
        let (_, table, _) = self.http_parts();
        table.delete(exchange)?;
        Ok(())
    }
}
