//! `rustus:hooks/http`: whole requests and whole answers.

use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Method, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::OwnedSemaphorePermit;
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
pub struct HttpExchange {
    state: State,
    /// Its place among those that the instance holds; none if it was not sent.
    _place: Option<OwnedSemaphorePermit>,
}

enum State {
    /// Nothing happens unless it is polled.
    Waiting(Pin<Box<dyn Future<Output = Answer> + Send>>),
    Answered(Answer),
    /// The answer was given to the guest.
    Over,
}

impl HttpExchange {
    fn new(outgoing: &Outgoing, request: Request) -> Self {
        match Self::waiting(outgoing, request) {
            Ok(waiting) => waiting,
            Err(error) => Self {
                state: State::Answered(Err(error)),
                _place: None,
            },
        }
    }

    fn waiting(outgoing: &Outgoing, request: Request) -> Result<Self, HttpError> {
        let full = |_| Error::ConnectionLimitReached;
        let place = Arc::clone(&outgoing.held)
            .try_acquire_owned()
            .map_err(full)?;
        let size = u32::try_from(request.body.len()).unwrap_or(u32::MAX);
        let bodies = Arc::clone(&outgoing.bodies);
        let room = bodies.try_acquire_many_owned(size).map_err(full)?;
        let sending = outgoing.start(as_http(request)?, RequestOptions::default())?;
        let answer = Box::pin(async {
            let answer = sending.answer().await;
            drop(room);
            let (head, body) = answer?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(as_response(&head, body))
        });
        Ok(Self {
            state: State::Waiting(answer),
            _place: Some(place),
        })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let State::Waiting(answer) = &mut self.state {
            match answer.as_mut().poll(context) {
                Poll::Ready(answer) => self.state = State::Answered(answer),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    fn take(&mut self) -> Option<Answer> {
        match mem::replace(&mut self.state, State::Over) {
            State::Answered(answer) => Some(answer),
            State::Over => None,
            waiting @ State::Waiting(_) => {
                self.state = waiting;
                None
            }
        }
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
        let named = HeaderName::try_from(&name).map_err(|_| {
            invalid(format!(
                "{name:?} is no name of a header field; it has letters, digits and `-`"
            ))
        })?;
        let value = HeaderValue::try_from(value).map_err(|_| {
            invalid(format!(
                "the value of the header field {name} has a control character; leave out \
                     line breaks and the like"
            ))
        })?;
        made.headers_mut().append(named, value);
    }
    Ok(made)
}

fn as_response(head: &::http::response::Parts, body: Bytes) -> Response {
    let header = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    Response {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(header).collect(),
        body: body.into(),
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
        Ok(table.get_mut(&exchange)?.take())
    }

    fn drop(&mut self, exchange: Resource<HttpExchange>) -> wasmtime::Result<()> {
        let (_, table, _) = self.http_parts();
        table.delete(exchange)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Lender, Lent};
    use super::super::{AT_ONCE, HttpGrant};
    use super::*;
    use crate::plugins::manifest::Manifest;
    use crate::plugins::output::Output;

    /// Nothing of it is sent here.
    fn lent(lender: &Lender) -> Arc<Lent> {
        let mut manifest = Manifest::default();
        manifest.allow.http = Some(HttpGrant::of(vec!["http://127.0.0.1:9".to_owned()]));
        let lent = lender.lend(&manifest, Arc::default(), Arc::default());
        Arc::new(lent.unwrap())
    }

    fn request(size: usize) -> Request {
        Request {
            method: "POST".to_owned(),
            url: "http://127.0.0.1:9/".to_owned(),
            headers: Vec::new(),
            body: vec![b'x'; size],
        }
    }

    fn is_full(exchange: &mut HttpExchange) -> bool {
        let full = "too many requests are under way";
        let answer = exchange.take();
        matches!(answer, Some(Err(HttpError::Unavailable(text))) if text.contains(full))
    }

    #[test]
    fn an_instance_holds_so_many_exchanges_and_so_much_in_their_bodies() {
        // What is lent has a runtime of its own, which must not end inside of one.
        let lender = Lender::new().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let outgoing = Outgoing::new(lent(&lender), Output::new(Arc::default()), 1000);

        let mut large = HttpExchange::new(&outgoing, request(900));
        assert!(!is_full(&mut large));
        assert!(is_full(&mut HttpExchange::new(&outgoing, request(101))));
        let small = HttpExchange::new(&outgoing, request(100));
        drop((large, small));

        let make = || HttpExchange::new(&outgoing, request(0));
        let mut all: Vec<_> = (0..AT_ONCE).map(|_| make()).collect();
        assert!(!all.iter_mut().any(is_full));
        assert!(is_full(&mut make()));
        all.pop();
        assert!(!is_full(&mut make()));
    }
}
