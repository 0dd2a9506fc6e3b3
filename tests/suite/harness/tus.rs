//! The requests of tus 1.0, one function each.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::blocking::{Body, Client, ClientBuilder, Response};

use super::nginx::Nginx;

pub const OFFSET_TYPE: &str = "application/offset+octet-stream";

/// A tus client that does what it is told, wrong things too.
#[derive(Clone)]
pub struct Tus {
    client: Client,
    files: String,
    /// Kept running for as long as the client.
    _proxy: Option<Arc<Nginx>>,
}

/// `Upload-Metadata` of these pairs.
pub fn metadata(pairs: &[(&str, &str)]) -> String {
    pairs
        .iter()
        .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
        .collect::<Vec<_>>()
        .join(",")
}

/// A header field of a response as text; empty when it is not there.
pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

impl Tus {
    pub fn new(files: impl Into<String>) -> Self {
        Self::with(files.into(), Client::builder())
    }

    /// A client that speaks HTTP/2 from the first byte on, without TLS.
    pub fn over_http2(files: impl Into<String>) -> Self {
        Self::with(files.into(), Client::builder().http2_prior_knowledge())
    }

    /// A client that knows the server by the name of its proxy.
    pub fn through(proxy: Arc<Nginx>) -> Self {
        Self {
            _proxy: Some(Arc::clone(&proxy)),
            ..Self::new(format!("http://{}/files", proxy.address()))
        }
    }

    fn with(files: String, builder: ClientBuilder) -> Self {
        super::use_one_tls_provider();
        let client = builder
            .timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Self {
            client: client.unwrap(),
            files,
            _proxy: None,
        }
    }

    /// The URL that uploads are created at.
    pub fn files(&self) -> &str {
        &self.files
    }

    /// Any request, with `Tus-Resumable` unless `headers` has one.
    pub fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response {
        self.try_send(method, url, headers, body).unwrap()
    }

    pub fn try_send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> reqwest::Result<Response> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, url).body(body);
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("tus-resumable"))
        {
            request = request.header("Tus-Resumable", "1.0.0");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send()
    }

    /// Creation with these header fields.
    pub fn post(&self, headers: &[(&str, &str)]) -> Response {
        self.send("POST", &self.files, headers, "")
    }

    /// Creation of `length` bytes with metadata.
    pub fn create_with(&self, length: u64, pairs: &[(&str, &str)]) -> Response {
        let length = length.to_string();
        let metadata = metadata(pairs);
        let mut headers = vec![("Upload-Length", length.as_str())];
        if !pairs.is_empty() {
            headers.push(("Upload-Metadata", &metadata));
        }
        self.post(&headers)
    }

    /// Creation that works, and the upload's URL.
    pub fn create(&self, length: u64) -> String {
        let response = self.create_with(length, &[]);
        assert_eq!(response.status(), 201);
        self.location(&response)
    }

    /// The upload's URL in a response, made absolute.
    pub fn location(&self, response: &Response) -> String {
        response
            .url()
            .join(header(response, "location"))
            .unwrap()
            .to_string()
    }

    pub fn patch(&self, url: &str, offset: u64, body: impl Into<Body>) -> Response {
        let offset = offset.to_string();
        self.send(
            "PATCH",
            url,
            &[("Upload-Offset", &offset), ("Content-Type", OFFSET_TYPE)],
            body,
        )
    }

    pub fn head(&self, url: &str) -> Response {
        self.send("HEAD", url, &[], "")
    }

    /// The offset that HEAD tells.
    pub fn offset(&self, url: &str) -> u64 {
        let response = self.head(url);
        assert_eq!(response.status(), 200, "HEAD {url}");
        header(&response, "upload-offset").parse().unwrap()
    }

    pub fn get(&self, url: &str) -> Response {
        self.send("GET", url, &[], "")
    }

    pub fn delete(&self, url: &str) -> Response {
        self.send("DELETE", url, &[], "")
    }
}
