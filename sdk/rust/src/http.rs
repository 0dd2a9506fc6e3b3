//! HTTP requests to the servers that the operator names under `[allow.http]`.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use rustus_hook::http::Request;
//! use rustus_hook::prelude::*;
//!
//! fn tell(what: Notification, event: Event) -> Result<(), HookError> {
//!     let answer = Request::new("POST", "http://127.0.0.1:8000/news")
//!         .header("content-type", "text/plain")
//!         .body(format!("{}: {}", what.name(), event.upload.id))
//!         .send(Duration::from_secs(1))
//!         .map_err(|_| HookError::retry())?;
//!     match answer.status {
//!         200..=299 => Ok(()),
//!         status => Err(HookError::permanent(format!("the service answered {status}"))),
//!     }
//! }
//! ```
//!
//! Several at the same time: make an [`Exchange`] of each, and [`wait`] for them.

use std::time::Duration;

use crate::Header;

#[doc(inline)]
pub use crate::bindings::capabilities::rustus::hooks::http::{
    Exchange, HttpError, Request, Response, wait,
};

impl Request {
    /// A request without header fields and body.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header field.
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it, and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`HttpError::Unavailable`] also if there is no answer within `limit`.
    pub fn send(&self, limit: Duration) -> Result<Response, HttpError> {
        let exchange = Exchange::new(self);
        let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        wait(&[&exchange], Some(milliseconds));
        let late = || HttpError::Unavailable(format!("no answer within {limit:?}"));
        exchange.answer().unwrap_or_else(|| Err(late()))
    }
}

impl Response {
    /// The value of the first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(&field.value)
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

impl HttpError {
    /// What happened, and what to do about it.
    pub fn text(&self) -> &str {
        match self {
            Self::Denied(text)
            | Self::Unavailable(text)
            | Self::Untrusted(text)
            | Self::Invalid(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_what_was_put_into_it() {
        let request = Request::new("POST", "http://a/b")
            .header("x-a", 1)
            .header("x-a", "2")
            .body("text");
        assert_eq!(
            (request.method.as_str(), request.url.as_str()),
            ("POST", "http://a/b")
        );
        assert_eq!(
            request.headers,
            [Header::new("x-a", 1), Header::new("x-a", 2)]
        );
        assert_eq!(request.body, b"text");
    }

    #[test]
    fn fields_of_an_answer_are_found_in_any_case() {
        let response = Response {
            status: 204,
            headers: vec![Header::new("content-type", "a/b")],
            body: Vec::new(),
        };
        assert!(response.is_success());
        assert_eq!(response.header("Content-Type"), Some("a/b"));
        assert_eq!(response.header("location"), None);
    }
}
