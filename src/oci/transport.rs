//! Requests to registries: encrypted unless the operator said otherwise, never
//! longer and never larger than allowed.
//!
//! Redirects are followed here and not by the HTTP library: credentials stay
//! with the host they are for, and no redirect leads to plain HTTP. A client
//! library for registries is not used, since those at hand read manifests
//! without a bound and log tokens.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::error::{OciError, in_full};
use super::sending::{Late, Outgoing, WHOLE};
use super::transfer::{Audience, Transfer};

/// How long a connection may take: as long as a packet that is lost three times.
const CONNECT: Duration = Duration::from_secs(10);

/// What a registry says about an error that is shown to people.
const SAID: u64 = 4 * 1024;

/// A module may lie in a storage that the registry sends us to, and that one
/// may have a front of its own. More hops are a loop.
const REDIRECTS: usize = 5;

/// Sends requests.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client,
    insecure: Vec<String>,
    /// How long a registry may be silent.
    patience: Duration,
    audience: Option<Arc<dyn Audience>>,
}

impl Transport {
    /// Plain HTTP is spoken with the hosts in `insecure` and no other.
    pub(super) fn new(
        insecure: Vec<String>,
        patience: Duration,
        audience: Option<Arc<dyn Audience>>,
    ) -> Result<Self, OciError> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT.min(patience))
            .user_agent(concat!("rustus/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls()?)
            .build()
            .map_err(|error| unusable(in_full(&error)))?;
        Ok(Self {
            client,
            insecure,
            patience,
            audience,
        })
    }

    /// What requests are made with.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// `path` on `host`.
    pub(super) fn url(&self, host: &str, path: &str) -> Result<Url, OciError> {
        let scheme = match self.is_insecure(host) {
            true => "http",
            false => "https",
        };
        Url::parse(&format!("{scheme}://{host}{path}")).map_err(|error| OciError::Protocol {
            host: host.to_owned(),
            reason: format!("{path} makes no URL: {error}"),
        })
    }

    fn is_insecure(&self, authority: &str) -> bool {
        self.insecure.iter().any(|host| host == authority)
    }

    /// Whether anything may be sent to `url`.
    pub(super) fn check(&self, url: &Url) -> Result<(), OciError> {
        let place = authority(url);
        match url.scheme() {
            "https" => Ok(()),
            "http" if self.is_insecure(&place) => Ok(()),
            "http" => Err(OciError::Insecure { place }),
            scheme => Err(OciError::Protocol {
                host: place,
                reason: format!("it names a URL of the scheme `{scheme}`"),
            }),
        }
    }

    /// Sends it and waits for the head of the answer.
    pub(super) async fn send(
        &self,
        request: impl Into<Outgoing>,
        host: &str,
        what: &'static str,
    ) -> Result<Response, OciError> {
        match request.into().send(self.patience).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(unreachable(host, error)),
            Err(Late::Silent) => Err(self.slow(host, what)),
            Err(Late::Stuck { taken, size }) => Err(OciError::Stuck {
                host: host.to_owned(),
                taken,
                size,
                within: self.patience,
            }),
            Err(Late::Crawling) => Err(OciError::Crawling {
                host: host.to_owned(),
                within: self.patience * WHOLE,
            }),
        }
    }

    /// Follows the redirects of an answer to GET. What says who asks stays with the
    /// host that it is for: once led elsewhere, nobody gets it any more.
    pub(super) async fn follow(
        &self,
        mut response: Response,
        mut authorization: Option<&HeaderValue>,
        what: &'static str,
    ) -> Result<Response, OciError> {
        for _ in 0..REDIRECTS {
            if !is_redirect(response.status()) {
                return Ok(response);
            }
            let from = response.url().clone();
            let host = authority(&from);
            let to = response
                .headers()
                .get(LOCATION)
                .and_then(|location| from.join(location.to_str().ok()?).ok())
                .ok_or_else(|| OciError::Protocol {
                    host: host.clone(),
                    reason: "it redirects to nowhere".to_owned(),
                })?;
            self.check(&to)?;
            authorization = authorization.filter(|_| to.origin() == from.origin());
            let mut request = self.client.get(to.clone());
            if let Some(authorization) = authorization {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            response = self.send(request, &authority(&to), what).await?;
        }
        Err(OciError::Protocol {
            host: authority(response.url()),
            reason: format!("more than {REDIRECTS} redirects for {what}"),
        })
    }

    /// The body, unless it has more than `limit` bytes: said before any of it is
    /// read where the registry tells, and else as soon as it is true.
    pub(super) async fn body(
        &self,
        response: Response,
        what: &'static str,
        limit: u64,
    ) -> Result<Vec<u8>, OciError> {
        self.received(response, what, limit, None).await
    }

    /// The same of what is said to have `size` bytes; the audience hears of it.
    pub(super) async fn content(
        &self,
        response: Response,
        what: &'static str,
        size: u64,
    ) -> Result<Vec<u8>, OciError> {
        let transfer = self.begins(format!("fetching {what}"), size);
        self.received(response, what, size, transfer.as_deref())
            .await
    }

    /// A request with a blob in it; the audience hears of it.
    pub(super) fn sending(&self, request: RequestBuilder, bytes: Bytes) -> Outgoing {
        let transfer = self.begins("sending".to_owned(), bytes.len() as u64);
        Outgoing::with_body(request, bytes, transfer)
    }

    fn begins(&self, what: String, size: u64) -> Option<Box<dyn Transfer>> {
        let audience = self.audience.as_ref()?;
        Some(audience.begins(what, size))
    }

    async fn received(
        &self,
        mut response: Response,
        what: &'static str,
        limit: u64,
        transfer: Option<&dyn Transfer>,
    ) -> Result<Vec<u8>, OciError> {
        let host = authority(response.url());
        let too_large = |size| OciError::TooLarge {
            what,
            size,
            limit,
            hint: "",
        };
        if let Some(size) = response.content_length().filter(|size| *size > limit) {
            return Err(too_large(size));
        }
        let end = Instant::now() + self.patience * WHOLE;
        let mut body = Vec::new();
        loop {
            let until = end.min(Instant::now() + self.patience);
            let chunk = match timeout_at(until, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return Ok(body),
                Ok(Err(error)) => return Err(unreachable(&host, error)),
                Err(_) if until < end => return Err(self.slow(&host, what)),
                Err(_) => {
                    return Err(OciError::Trickle {
                        host,
                        what,
                        within: self.patience * WHOLE,
                    });
                }
            };
            let size = body.len() as u64 + chunk.len() as u64;
            if size > limit {
                return Err(too_large(size));
            }
            body.extend_from_slice(&chunk);
            if let Some(transfer) = transfer {
                transfer.moved(chunk.len() as u64);
            }
        }
    }

    /// What a registry says with an error, in part and with a colon in front.
    pub(super) async fn said(&self, response: Response) -> String {
        let Ok(body) = self.body(response, "an error", SAID).await else {
            return String::new();
        };
        let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let first = said.as_ref().and_then(|said| said.pointer("/errors/0"));
        let text = first.map_or_else(
            || String::from_utf8_lossy(&body).into_owned(),
            |error| {
                let part = |key: &str| error.get(key).and_then(serde_json::Value::as_str);
                format!(
                    "{} {}",
                    part("code").unwrap_or_default(),
                    part("message").unwrap_or_default()
                )
            },
        );
        let shown: String = text
            .trim()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(200)
            .collect();
        match shown.is_empty() {
            true => shown,
            false => format!(": {shown}"),
        }
    }

    fn slow(&self, host: &str, what: &'static str) -> OciError {
        OciError::Slow {
            host: host.to_owned(),
            what,
            within: self.patience,
        }
    }
}

/// Host and port of a URL, as they stand in a reference.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Without the URL: where a storage is, a signature in it lets anybody in.
fn unreachable(host: &str, error: reqwest::Error) -> OciError {
    OciError::Unreachable {
        host: host.to_owned(),
        reason: in_full(&error.without_url()),
    }
}

fn unusable(reason: String) -> OciError {
    OciError::Unreachable {
        host: "no registry".to_owned(),
        reason,
    }
}

/// TLS with the system's certificates. The provider is named here, so that it
/// does not matter which one another library may install for the process.
fn tls() -> Result<ClientConfig, OciError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
