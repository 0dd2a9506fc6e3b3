//! A request as the protocol sees it.

use std::net::IpAddr;

use super::{Headers, Trailers};
use crate::hooks::RequestState;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// Asks what the server can do.
    Options,
    /// Asks for the offset of an upload.
    Head,
    /// Reads an upload.
    Get,
    /// Begins an upload.
    Post,
    /// Adds to an upload.
    Patch,
    /// Removes an upload.
    Delete,
    /// Nothing that tus knows.
    Other(String),
}

impl Method {
    /// The method with this name; names are case-sensitive (RFC 9110, 9.1).
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "OPTIONS" => Self::Options,
            "HEAD" => Self::Head,
            "GET" => Self::Get,
            "POST" => Self::Post,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The method's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Options => "OPTIONS",
            Self::Head => "HEAD",
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Other(name) => name,
        }
    }
}

/// What is asked for, below the base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The base URL itself.
    Collection,
    /// What may be an upload: the last segment, not checked.
    Upload(String),
    /// Nothing there can be.
    Other,
}

/// The head of a request.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked, after `X-HTTP-Method-Override`.
    pub method: Method,
    /// For what.
    pub target: Target,
    /// Path and query as the client sent them.
    pub uri: String,
    /// The client's address, if it is known.
    pub remote_address: Option<IpAddr>,
    /// The header fields.
    pub headers: Headers,
    /// What stands before the path in the URLs of this server, as the client
    /// sees it: scheme, host and what a proxy took off the path. Empty if none
    /// of it is known.
    pub site: String,
    /// Whether a body comes, or may come.
    pub has_body: bool,
    /// What comes after the body.
    pub trailers: Trailers,
}

impl Request {
    /// A request with the method `method`, unless `X-HTTP-Method-Override`
    /// names another (tus 1.0.0, "X-HTTP-Method-Override").
    #[must_use]
    pub fn new(
        method: &str,
        target: Target,
        uri: String,
        remote_address: Option<IpAddr>,
        headers: Headers,
    ) -> Self {
        let method = match headers.text("x-http-method-override") {
            Ok(None) => Method::named(method),
            Ok(Some(name)) => Method::named(name),
            // The client did not mean the actual method, whatever it meant.
            Err(_) => Method::Other(String::new()),
        };
        Self {
            method,
            target,
            uri,
            remote_address,
            site: String::new(),
            has_body: headers.contains("content-length") || headers.contains("transfer-encoding"),
            trailers: Trailers::default(),
            headers,
        }
    }

    /// The request with what stands before the path in URLs of this server.
    #[must_use]
    pub fn with_site(mut self, site: String) -> Self {
        self.site = site;
        self
    }

    /// The request with or without a body, and with what comes after it. HTTP/2
    /// has no field that says whether there is one.
    #[must_use]
    pub fn with_body(mut self, has_body: bool, trailers: Trailers) -> Self {
        self.has_body = has_body;
        self.trailers = trailers;
        self
    }

    /// Whether it can change an upload.
    #[must_use]
    pub fn is_mutating(&self) -> bool {
        matches!(self.method, Method::Post | Method::Patch | Method::Delete)
    }

    /// The request as hooks see it.
    pub(super) fn describe(&self) -> RequestState {
        RequestState {
            method: self.method.name().to_owned(),
            uri: self.uri.clone(),
            remote_address: self.remote_address.map(|address| address.to_string()),
            headers: self.headers.to_text(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_override_stands_in_for_any_method() {
        for (method, over, expected) in [
            ("POST", Some("PATCH"), Method::Patch),
            ("GET", Some("DELETE"), Method::Delete),
            ("DELETE", Some("HEAD"), Method::Head),
            ("PATCH", None, Method::Patch),
            ("POST", Some("patch"), Method::Other("patch".to_owned())),
        ] {
            let headers = over
                .map(|name| ("x-http-method-override".to_owned(), name.into()))
                .into_iter()
                .collect();
            let request = Request::new(method, Target::Collection, "/".to_owned(), None, headers);
            assert_eq!(request.method, expected);
        }
    }
}
