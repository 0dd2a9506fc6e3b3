//! A response as the protocol sees it.

use std::borrow::Cow;
use std::fmt;

use super::VERSION;
use crate::hooks::FinishChanges;
use crate::uploads::ContentStream;

/// What comes after the head of a response.
pub enum ResponseBody {
    /// Nothing.
    Empty,
    /// A short text.
    Text(String),
    /// Nothing, in answer to HEAD; GET would give so many bytes.
    Withheld(u64),
    /// The bytes of an upload.
    Content {
        /// How many there are.
        length: u64,
        /// The bytes.
        stream: ContentStream,
    },
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Withheld(length) => f.debug_tuple("Withheld").field(length).finish(),
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Content { length, .. } => f
                .debug_struct("Content")
                .field("length", length)
                .finish_non_exhaustive(),
        }
    }
}

/// The answer to a request.
#[derive(Debug)]
pub struct Response {
    /// 200 to 599.
    pub status: u16,
    /// Names in any case, in order.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// What comes after them.
    pub body: ResponseBody,
}

/// The type of every text that this server writes itself.
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

impl Response {
    /// A response that the protocol has no part in, without fields and body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self::new(status)
    }

    /// A response to a client of the protocol, without a body.
    #[must_use]
    pub fn protocol(status: u16) -> Self {
        Self::new(status).with("Tus-Resumable", VERSION)
    }

    /// A response to a client of the protocol with a text of this server.
    #[must_use]
    pub fn plain(status: u16, text: &str) -> Self {
        Self::text(status, text).with("Tus-Resumable", VERSION)
    }

    /// Adds a field.
    pub fn add(&mut self, name: &'static str, value: &str) {
        self.headers.push((name.into(), value.to_owned()));
    }

    /// The response as it fits the method of the message, which an override
    /// does not change: an answer to HEAD has no body (RFC 9110, 9.3.2), and only
    /// to HEAD may a length stand without one.
    #[must_use]
    pub fn in_answer_to(mut self, method: &str) -> Self {
        let is_head = method == "HEAD";
        self.body = match self.body {
            ResponseBody::Withheld(_) if !is_head => ResponseBody::Empty,
            ResponseBody::Text(text) if is_head => ResponseBody::Withheld(text.len() as u64),
            ResponseBody::Content { length, .. } if is_head => ResponseBody::Withheld(length),
            body => body,
        };
        self
    }

    /// A response without fields and body.
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: ResponseBody::Empty,
        }
    }

    /// The words beside the status, where tus has a status of its own.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        (self.status == 460).then_some("Checksum Mismatch")
    }

    /// A response with a text of this server.
    pub(super) fn text(status: u16, text: &str) -> Self {
        Self::new(status)
            .with("Content-Type", PLAIN_TEXT)
            .with_body(text.to_owned())
    }

    /// The response with one more field.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    /// The response with a body, unless its status forbids one (RFC 9110,
    /// 15.3.5 and 15.3.6).
    pub(super) fn with_body(mut self, text: String) -> Self {
        if !matches!(self.status, 204 | 205) && !text.is_empty() {
            self.body = ResponseBody::Text(text);
        }
        self
    }

    /// Sets a field that must not stand twice.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.to_owned()));
    }

    /// The response with fields that hooks chose.
    pub(super) fn with_chosen(mut self, headers: Vec<(String, String)>) -> Self {
        self.headers.extend(
            headers
                .into_iter()
                .map(|(name, value)| (name.into(), value)),
        );
        self
    }

    /// The response with a body that a hook chose; it is plain text unless the
    /// hook says what it is.
    pub(super) fn with_chosen_body(mut self, body: String) -> Self {
        let typed = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !typed && !body.is_empty() {
            self = self.with("Content-Type", PLAIN_TEXT);
        }
        self.with_body(body)
    }

    /// The response as hooks want it after an upload was finished.
    pub(super) fn finished(mut self, changes: FinishChanges) -> Self {
        let body = changes.body.unwrap_or_default();
        self.status = match changes.status {
            Some(status) => status,
            // A body cannot come with 204.
            None if self.status == 204 && !body.is_empty() => 200,
            None => self.status,
        };
        self.with_chosen(changes.headers).with_chosen_body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_sets_the_response_that_finishes() {
        let changes = |status, body: &str| FinishChanges {
            status,
            headers: vec![("X-A".to_owned(), "1".to_owned())],
            body: (!body.is_empty()).then(|| body.to_owned()),
        };
        for (before, status, body, after) in [
            (204, None, "", 204),
            (204, None, "text", 200),
            (201, None, "text", 201),
            (204, Some(202), "", 202),
            (201, Some(204), "text", 204),
        ] {
            let response = Response::new(before).finished(changes(status, body));
            assert_eq!(response.status, after);
            assert_eq!(
                matches!(response.body, ResponseBody::Text(_)),
                !body.is_empty() && after != 204
            );
        }
    }
}
