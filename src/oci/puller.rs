//! From a reference to a module that may be run.
//!
//! A tag is followed to a digest once; from there on only the digest counts. The
//! signatures of the digest are checked before the configuration is read, the
//! imports in the configuration before the module is fetched, and sizes before
//! either.

use serde::Deserialize;

use super::artifact::Artifact;
use super::cache::Cache;
use super::client::Client;
use super::error::OciError;
use super::lock::Lock;
use super::reference::{Digest, Reference};
use super::signatures::{Trust, evidence};
use super::source::Source;
use super::wasm::WasmConfig;

/// When a registry is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullPolicy {
    /// At every start, for where the tag leads now. What is cached serves when
    /// the registry does not answer.
    Always,
    /// When the lock file does not know the tag, or the cache not the content.
    #[default]
    IfNotPresent,
    /// Never.
    Never,
}

/// What is to be pulled.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// From where.
    pub reference: Reference,
    /// Whether a registry is asked.
    pub policy: PullPolicy,
    /// The most bytes that the module may have.
    pub limit: u64,
}

/// A module, with what is known of it.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The manifest's digest: what was signed, and what the tag led to.
    pub digest: Digest,
    /// What the artifact says of the module.
    pub config: WasmConfig,
    /// The module.
    pub module: Vec<u8>,
    /// Who of those who are trusted has signed it.
    pub signed_by: Vec<String>,
}

/// Pulls modules, with the cache and the lock file.
#[derive(Debug)]
pub struct Puller {
    /// Speaks with registries.
    pub client: Client,
    /// What was fetched before.
    pub cache: Cache,
    /// Where tags led.
    pub lock: Lock,
    /// Whose signatures count.
    pub trust: Trust,
}

impl Puller {
    /// Pulls what is wanted. `allowed` is asked whether a module with this
    /// configuration can be used, before it is fetched.
    ///
    /// # Errors
    /// Why it can't be used or had.
    pub async fn pull(
        &self,
        wanted: &Wanted,
        allowed: impl Fn(&WasmConfig) -> Result<(), String>,
    ) -> Result<Pulled, OciError> {
        let digest = self.follow(wanted).await?;
        self.pull_digest(wanted, digest, allowed).await
    }

    /// The same for a digest that the reference is known to lead to.
    ///
    /// # Errors
    /// Why it can't be used or had.
    pub async fn pull_digest(
        &self,
        wanted: &Wanted,
        digest: Digest,
        allowed: impl Fn(&WasmConfig) -> Result<(), String>,
    ) -> Result<Pulled, OciError> {
        let reference = &wanted.reference;
        let source = self.source(wanted.policy);
        let manifest = source.manifest(reference, &digest).await?;
        let artifact = Artifact::parse(&manifest, digest.clone())?;
        artifact.check_sizes(wanted.limit)?;
        let signed_by = self.signed_by(&source, reference, &digest).await?;
        let config = source
            .blob(reference, &artifact.config, "the configuration")
            .await?;
        let config = artifact.configuration(&config)?;
        allowed(&config).map_err(OciError::Imports)?;
        let module = source
            .blob(reference, &artifact.layer, "the module")
            .await?;
        Ok(Pulled {
            digest,
            config,
            module,
            signed_by,
        })
    }

    /// Who of those who are trusted has signed what a reference leads to.
    ///
    /// # Errors
    /// It can't be had, or is not signed as it must be.
    pub async fn verify(&self, wanted: &Wanted) -> Result<(Digest, Vec<String>), OciError> {
        let digest = self.follow(wanted).await?;
        let source = self.source(wanted.policy);
        let signed_by = self.signed_by(&source, &wanted.reference, &digest).await?;
        Ok((digest, signed_by))
    }

    /// Where a tag leads at this moment. Always asks the registry.
    ///
    /// # Errors
    /// It can't be had.
    pub async fn now(&self, reference: &Reference) -> Result<Digest, OciError> {
        let (bytes, digest) = self.client.manifest(reference).await?;
        // What is none has no place in the cache, and is asked for again to be
        // refused.
        if Artifact::parse(&bytes, digest.clone()).is_ok() {
            self.cache.write(&digest, &bytes)?;
        }
        Ok(digest)
    }

    /// Fetches what signatures of `digest` there are, and keeps them.
    ///
    /// # Errors
    /// They can't be had.
    pub async fn fetch_signatures(
        &self,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<(), OciError> {
        let source = self.source(PullPolicy::Always);
        evidence::fetch(&self.client, &source, reference, digest)
            .await
            .map(drop)
    }

    /// The digest that a reference leads to, as the policy wants it found.
    async fn follow(&self, wanted: &Wanted) -> Result<Digest, OciError> {
        let reference = &wanted.reference;
        if let Some(digest) = reference.digest() {
            return Ok(digest.clone());
        }
        let locked = self.lock.digest(reference)?;
        match (wanted.policy, locked) {
            (PullPolicy::Never | PullPolicy::IfNotPresent, Some(digest)) => Ok(digest),
            (PullPolicy::Never, None) => Err(OciError::NotCached {
                what: format!("where {reference} leads"),
            }),
            (PullPolicy::IfNotPresent, None) => self.now(reference).await,
            (PullPolicy::Always, None) => self.now(reference).await,
            (PullPolicy::Always, Some(locked)) => match self.now(reference).await {
                Err(error) if error.is_passing() => {
                    tracing::warn!(
                        %reference, digest = %locked, %error,
                        "the registry does not answer; going on with what the tag led to before"
                    );
                    Ok(locked)
                }
                followed => followed,
            },
        }
    }

    const fn source(&self, policy: PullPolicy) -> Source<'_> {
        Source {
            cache: &self.cache,
            client: match policy {
                PullPolicy::Never => None,
                _ => Some(&self.client),
            },
        }
    }

    /// What was found before is looked at first; the registry is asked again when
    /// that does not do.
    async fn signed_by(
        &self,
        source: &Source<'_>,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<Vec<String>, OciError> {
        if self.trust.is_empty() {
            return Ok(Vec::new());
        }
        let kept = evidence::kept(source, reference, digest).await?;
        let refused = match self.trust.judge(digest, &kept) {
            Ok(signed_by) => return Ok(signed_by),
            Err(refused) => refused,
        };
        let Some(client) = source.client else {
            return Err(refused);
        };
        let found = evidence::fetch(client, source, reference, digest).await?;
        self.trust.judge(digest, &found)
    }
}
