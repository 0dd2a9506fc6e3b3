//! Putting a module into a registry.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode, Url};

use super::artifact::Written;
use super::client::{Action, Client, Place};
use super::error::OciError;
use super::manifest::MANIFEST_TYPE;
use super::reference::{Digest, Reference};
use super::retry::retrying;
use super::transport::authority;
use super::wasm::WasmConfig;

impl Client {
    /// Puts `module` into a registry under `reference`, and returns the digest of
    /// the manifest: what can be signed, and what names this module for good.
    ///
    /// # Errors
    /// It is no module, or the registry does not take it.
    pub async fn push(
        &self,
        reference: &Reference,
        module: &[u8],
        annotations: BTreeMap<String, String>,
    ) -> Result<Digest, OciError> {
        let config = WasmConfig::of(module).map_err(|error| {
            OciError::NoArtifact(format!("it is no WebAssembly module ({error})"))
        })?;
        let written = Written::of(module, &config, annotations)?;
        let place = Place::of(reference);
        self.put_blob(&place, &written.config).await?;
        self.put_blob(&place, module).await?;
        let name = reference
            .tag()
            .map_or_else(|| written.digest.to_string(), str::to_owned);
        self.put_manifest(&place, &name, MANIFEST_TYPE, &written.manifest)
            .await?;
        Ok(written.digest)
    }

    /// Puts a blob there, unless it is there.
    pub(super) async fn put_blob(&self, place: &Place, bytes: &[u8]) -> Result<(), OciError> {
        retrying(async || self.try_put_blob(place, bytes).await).await
    }

    async fn try_put_blob(&self, place: &Place, bytes: &[u8]) -> Result<(), OciError> {
        const WHAT: &str = "room for a blob";
        let digest = Digest::of(bytes);
        let there = self
            .transport
            .url(&place.host, &place.path(&format!("blobs/{digest}")))?;
        let http = self.transport.client();
        let head = self.ask(place, Action::Push, WHAT, || http.head(there.clone()));
        if head.await?.status() == StatusCode::OK {
            return Ok(());
        }
        let uploads = self
            .transport
            .url(&place.host, &place.path("blobs/uploads/"))?;
        let begun = self
            .ask(place, Action::Push, WHAT, || {
                http.post(uploads.clone()).body(Vec::new())
            })
            .await?;
        let begun = self.judged(begun, place, WHAT).await?;
        let mut to = location(&begun, place)?;
        // What says who we are goes along.
        if to.origin() != uploads.origin() {
            return Err(OciError::Protocol {
                host: place.host.clone(),
                reason: format!("it sends an upload to {}", authority(&to)),
            });
        }
        to.query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let kind = HeaderValue::from_static("application/octet-stream");
        let body = Bytes::copy_from_slice(bytes);
        let put = self
            .ask(place, Action::Push, WHAT, || {
                let request = http.put(to.clone()).header(CONTENT_TYPE, kind.clone());
                self.transport.sending(request, body.clone())
            })
            .await?;
        self.judged(put, place, WHAT).await.map(drop)
    }

    /// Puts a manifest or an index there under a tag or its digest. Returns the
    /// registry's answer.
    pub(super) async fn put_manifest(
        &self,
        place: &Place,
        name: &str,
        media_type: &'static str,
        bytes: &[u8],
    ) -> Result<Response, OciError> {
        const WHAT: &str = "room for a manifest";
        retrying(async || {
            let url = self
                .transport
                .url(&place.host, &place.path(&format!("manifests/{name}")))?;
            let kind = HeaderValue::from_static(media_type);
            let put = self
                .ask(place, Action::Push, WHAT, || {
                    let request = self.transport.client().put(url.clone());
                    request
                        .header(CONTENT_TYPE, kind.clone())
                        .body(bytes.to_vec())
                })
                .await?;
            self.judged(put, place, WHAT).await
        })
        .await
    }
}

/// Where an upload goes on.
fn location(response: &Response, place: &Place) -> Result<Url, OciError> {
    response
        .headers()
        .get(LOCATION)
        .and_then(|location| response.url().join(location.to_str().ok()?).ok())
        .ok_or_else(|| OciError::Protocol {
            host: place.host.clone(),
            reason: "it does not say where an upload goes".to_owned(),
        })
}
