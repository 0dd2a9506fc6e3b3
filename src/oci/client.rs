//! The requests of the OCI distribution specification 1.1 that are needed here,
//! with who asks, mirrors and further attempts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::accounts::Accounts;
use super::challenge::Challenge;
use super::credentials::Account;
use super::error::OciError;
use super::manifest::{Descriptor, Index, MANIFESTS};
use super::reference::{Digest, Reference};
use super::retry::retrying;
use super::sending::Outgoing;
use super::transfer::Audience;
use super::transport::{Transport, authority};

/// The largest manifest that is read: the specification's own bound.
pub(super) const MANIFEST: u64 = 4 * 1024 * 1024;

/// A registry that has copies of another's artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The registry in references.
    pub of: String,
    /// Host, port and, if it is there, the path before the repository's name.
    pub at: String,
}

/// How registries are reached.
#[derive(Debug, Clone, Default)]
pub struct ClientConfig {
    /// Hosts (with port) that plain HTTP is spoken with.
    pub insecure: Vec<String>,
    /// Registries that are asked first, in this order.
    pub mirrors: Vec<Mirror>,
    /// How long a registry may be silent.
    pub patience: Duration,
    /// Credentials that need not be looked for.
    pub account: Option<Account>,
    /// Who hears how far transfers are.
    pub audience: Option<Arc<dyn Audience>>,
}

/// What is to be done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Pull,
    Push,
}

impl Action {
    pub(super) const fn scope(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// A repository on a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) repository: String,
}

impl Place {
    pub(super) fn of(reference: &Reference) -> Self {
        Self {
            host: reference.host().to_owned(),
            repository: reference.repository().to_owned(),
        }
    }

    fn mirrored(&self, mirror: &Mirror) -> Self {
        let (host, prefix) = mirror.at.split_once('/').unwrap_or((&mirror.at, ""));
        let prefix = prefix.trim_matches('/');
        Self {
            host: host.to_owned(),
            repository: match prefix.is_empty() {
                true => self.repository.clone(),
                false => format!("{prefix}/{}", self.repository),
            },
        }
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.repository)
    }
}

/// Speaks with registries.
#[derive(Debug)]
pub struct Client {
    pub(super) transport: Transport,
    mirrors: Vec<Mirror>,
    pub(super) accounts: Accounts,
    /// What was answered to a challenge, by place and action.
    answers: Mutex<HashMap<(Place, Action), HeaderValue>>,
}

impl Client {
    /// A client that has asked nobody yet.
    ///
    /// # Errors
    /// TLS can't be set up.
    pub fn new(config: ClientConfig) -> Result<Self, OciError> {
        Ok(Self {
            transport: Transport::new(config.insecure, config.patience, config.audience)?,
            mirrors: config.mirrors,
            accounts: Accounts::new(config.account, config.patience),
            answers: Mutex::default(),
        })
    }

    /// What a tag leads to now, or a digest does: the manifest's bytes and
    /// digest.
    pub(super) async fn manifest(
        &self,
        reference: &Reference,
    ) -> Result<(Vec<u8>, Digest), OciError> {
        let wanted = reference.digest().map(Digest::to_string);
        let name = wanted.as_deref().or(reference.tag()).unwrap_or_default();
        self.anywhere(reference, async |place| {
            let (bytes, digest) = self.manifest_at(place, name).await?;
            match reference.digest() {
                Some(expected) if *expected != digest => Err(OciError::Digest {
                    what: "the manifest",
                    expected: expected.clone(),
                    found: digest,
                }),
                _ => Ok((bytes, digest)),
            }
        })
        .await
    }

    /// The content of a descriptor, exactly.
    pub(super) async fn blob(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        what: &'static str,
    ) -> Result<Vec<u8>, OciError> {
        self.anywhere(reference, async |place| {
            let path = place.path(&format!("blobs/{}", descriptor.digest));
            let response = self.get(place, &path, None, what).await?;
            let host = authority(response.url());
            let length = |got| OciError::Length {
                host: host.clone(),
                what,
                size: descriptor.size,
                got,
            };
            if let Some(got) = response
                .content_length()
                .filter(|got| *got != descriptor.size)
            {
                return Err(length(got));
            }
            let bytes = self
                .transport
                .content(response, what, descriptor.size)
                .await?;
            if bytes.len() as u64 != descriptor.size {
                return Err(length(bytes.len() as u64));
            }
            descriptor.check(&bytes, what)?;
            Ok(bytes)
        })
        .await
    }

    /// Manifests of `artifact_type` that say they belong to `subject`: from the
    /// referrers API, or from the tag that stands for it in registries without.
    pub(super) async fn referrers(
        &self,
        reference: &Reference,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, OciError> {
        let found = self
            .anywhere(reference, async |place| {
                let index = self
                    .index_of_referrers(place, subject, artifact_type)
                    .await?;
                // A mirror need not have the signatures of what it has.
                match index.manifests.is_empty() && *place != Place::of(reference) {
                    true => Err(OciError::NotFound {
                        host: place.host.clone(),
                        what: format!("{}/referrers/{subject}", place.repository),
                    }),
                    false => Ok(index),
                }
            })
            .await;
        let index = match found {
            Ok(index) => index,
            Err(OciError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut manifests = index.manifests;
        manifests.retain(|one| {
            one.artifact_type
                .as_deref()
                .is_none_or(|it| it == artifact_type)
        });
        Ok(manifests)
    }

    async fn index_of_referrers(
        &self,
        place: &Place,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Index, OciError> {
        const WHAT: &str = "the referrers";
        let path = place.path(&format!("referrers/{subject}?artifactType={artifact_type}"));
        let bytes = match self.get(place, &path, Some(MANIFESTS), WHAT).await {
            Ok(response) => self.transport.body(response, WHAT, MANIFEST).await?,
            Err(OciError::NotFound { .. }) => {
                let tag = format!("sha256-{}", subject.hex());
                self.manifest_at(place, &tag).await?.0
            }
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&bytes).map_err(|error| OciError::Protocol {
            host: place.host.clone(),
            reason: format!("its list of referrers is no index: {error}"),
        })
    }

    /// What another tag leads to in the repository of `reference`, wherever it is
    /// found.
    pub(super) async fn tagged(
        &self,
        reference: &Reference,
        tag: &str,
    ) -> Result<(Vec<u8>, Digest), OciError> {
        self.anywhere(reference, async |place| self.manifest_at(place, tag).await)
            .await
    }

    /// The manifest with a name in a place. Its digest is computed, not believed.
    pub(super) async fn manifest_at(
        &self,
        place: &Place,
        name: &str,
    ) -> Result<(Vec<u8>, Digest), OciError> {
        const WHAT: &str = "the manifest";
        let path = place.path(&format!("manifests/{name}"));
        let response = self.get(place, &path, Some(MANIFESTS), WHAT).await?;
        let said = response.headers().get("docker-content-digest").cloned();
        let bytes = self.transport.body(response, WHAT, MANIFEST).await?;
        let found = Digest::of(&bytes);
        let said = said.and_then(|said| Digest::parse(said.to_str().ok()?));
        match said {
            Some(expected) if expected != found => Err(OciError::Digest {
                what: WHAT,
                expected,
                found,
            }),
            _ => Ok((bytes, found)),
        }
    }

    /// Asks the mirrors, each once, and then the registry itself.
    async fn anywhere<T>(
        &self,
        reference: &Reference,
        get: impl AsyncFn(&Place) -> Result<T, OciError>,
    ) -> Result<T, OciError> {
        let place = Place::of(reference);
        let mirrors = self.mirrors.iter().filter(|mirror| mirror.of == place.host);
        for mirror in mirrors {
            match get(&place.mirrored(mirror)).await {
                Ok(found) => return Ok(found),
                Err(error) => tracing::warn!(
                    mirror = mirror.at, reference = %reference, %error,
                    "a mirror did not have it; asking the next"
                ),
            }
        }
        retrying(async || get(&place).await).await
    }

    async fn get(
        &self,
        place: &Place,
        path: &str,
        accept: Option<&'static str>,
        what: &'static str,
    ) -> Result<Response, OciError> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        let url = self.transport.url(&place.host, path)?;
        let response = self
            .ask(place, Action::Pull, what, || {
                let request = self.transport.client().get(url.clone());
                request.headers(headers.clone())
            })
            .await?;
        let authorization = self.answer(place, Action::Pull);
        let response = self
            .transport
            .follow(response, authorization.as_ref(), what)
            .await?;
        self.judged(response, place, what).await
    }

    /// Sends what `request` makes, and once more with an answer if there is a
    /// challenge to it.
    pub(super) async fn ask<R: Into<Outgoing>>(
        &self,
        place: &Place,
        action: Action,
        what: &'static str,
        request: impl Fn() -> R,
    ) -> Result<Response, OciError> {
        let with = |answer: Option<HeaderValue>| match answer {
            Some(answer) => request().into().header(AUTHORIZATION, answer),
            None => request().into(),
        };
        let first = with(self.answer(place, action));
        let response = self.transport.send(first, &place.host, what).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let Some(challenge) = Challenge::of(response.headers()) else {
            return Err(OciError::NoCredentials {
                host: place.host.clone(),
            });
        };
        let answer = self.meet(place, action, challenge).await?;
        self.keep_answer(place, action, answer.clone());
        let second = with(Some(answer));
        self.transport.send(second, &place.host, what).await
    }

    fn keep_answer(&self, place: &Place, action: Action, answer: HeaderValue) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert((place.clone(), action), answer);
    }

    fn answer(&self, place: &Place, action: Action) -> Option<HeaderValue> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(&(place.clone(), action)).cloned()
    }

    /// Whether a status is an answer.
    pub(super) async fn judged(
        &self,
        response: Response,
        place: &Place,
        what: &'static str,
    ) -> Result<Response, OciError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let host = authority(response.url());
        let retry_after = retry_after(response.headers());
        let path = response.url().path().to_owned();
        let said = self.transport.said(response).await;
        Err(match status {
            StatusCode::NOT_FOUND => OciError::NotFound {
                host,
                what: path.trim_start_matches("/v2/").to_owned(),
            },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                match self.accounts.of(&place.host).await? {
                    Some(_) => OciError::Refused { host, said },
                    None => OciError::NoCredentials { host },
                }
            }
            status => OciError::Status {
                host,
                what,
                status: status.as_u16(),
                said,
                retry_after,
            },
        })
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_host_with_or_without_a_path() {
        let place = Place::of(&"registry.example/hooks/limits:1".parse().unwrap());
        for (at, host, repository) in [
            ("mirror.example", "mirror.example", "hooks/limits"),
            (
                "mirror.example:5000/copies/",
                "mirror.example:5000",
                "copies/hooks/limits",
            ),
        ] {
            let mirror = Mirror {
                of: "registry.example".to_owned(),
                at: at.to_owned(),
            };
            let mirrored = place.mirrored(&mirror);
            assert_eq!(
                (mirrored.host.as_str(), mirrored.repository.as_str()),
                (host, repository)
            );
        }
    }
}
