//! Where content comes from: the cache, and else, if requests are allowed, the
//! registry. What is fetched is kept.

use super::cache::Cache;
use super::client::{Client, MANIFEST};
use super::error::OciError;
use super::manifest::Descriptor;
use super::reference::{Digest, Reference};

/// The cache, and a registry behind it or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) cache: &'a Cache,
    /// `None` when no request may be made.
    pub(super) client: Option<&'a Client>,
}

impl Source<'_> {
    /// The manifest with this digest.
    pub(super) async fn manifest(
        &self,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<Vec<u8>, OciError> {
        if let Some(bytes) = self.cache.read(digest, MANIFEST)? {
            return Ok(bytes);
        }
        let client = self.client_for(|| format!("the manifest {digest} of {reference}"))?;
        let (bytes, _) = client.manifest(&reference.at(digest)).await?;
        self.cache.write(digest, &bytes)?;
        Ok(bytes)
    }

    /// What a descriptor describes. Its size was judged.
    pub(super) async fn blob(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        what: &'static str,
    ) -> Result<Vec<u8>, OciError> {
        let digest = &descriptor.digest;
        if let Some(bytes) = self.cache.read(digest, descriptor.size)? {
            return Ok(bytes);
        }
        let client = self.client_for(|| format!("{what} {digest} of {reference}"))?;
        let bytes = client.blob(reference, descriptor, what).await?;
        self.cache.write(digest, &bytes)?;
        Ok(bytes)
    }

    fn client_for(&self, what: impl Fn() -> String) -> Result<&Client, OciError> {
        self.client
            .ok_or_else(|| OciError::NotCached { what: what() })
    }
}
