//! Putting a signature beside a manifest in its registry, where cosign finds it:
//! as a bundle, which cosign writes since its version 3, and in the older form,
//! which all of its versions and many other tools read.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bundle::{self, BUNDLE_TYPE, PREDICATE_TYPE};
use super::payload::{self, PAYLOAD_TYPE, SIGNATURE};
use super::private::PrivateKey;
use crate::oci::client::{Client, Place};
use crate::oci::error::OciError;
use crate::oci::manifest::{Descriptor, INDEX_TYPE, Index, MANIFEST_TYPE, Manifest};
use crate::oci::reference::{Digest, Reference};

/// The configuration of an image, which tools expect beside the older form.
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";

/// The configuration of a manifest that needs none, and what it holds.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";

/// With this header a registry says that it lists by itself what refers to a
/// manifest.
const SUBJECT: &str = "oci-subject";

impl Client {
    /// Signs the manifest `digest` and puts the signature beside it in both forms.
    /// Signatures that are there already stay.
    ///
    /// # Errors
    /// The registry does not take it.
    pub async fn sign(
        &self,
        reference: &Reference,
        digest: &Digest,
        key: &PrivateKey,
    ) -> Result<(), OciError> {
        let place = Place::of(reference);
        let (manifest, _) = self.manifest(&reference.at(digest)).await?;
        let subject = Descriptor::of(MANIFEST_TYPE, &manifest);
        self.put_bundle(&place, subject, key).await?;
        let repository = format!("{}/{}", reference.host(), reference.repository());
        self.put_payload(&place, &repository, digest, key).await
    }

    /// A bundle that refers to `subject`.
    async fn put_bundle(
        &self,
        place: &Place,
        subject: Descriptor,
        key: &PrivateKey,
    ) -> Result<(), OciError> {
        let digest = subject.digest.clone();
        let bundle = bundle::make(&digest, &key.hint()?, |message| key.sign(message));
        let annotations = [
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", PREDICATE_TYPE),
        ];
        let annotations = annotations.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let manifest = json(&Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            artifact_type: Some(BUNDLE_TYPE.to_owned()),
            config: Descriptor::of(EMPTY_TYPE, EMPTY),
            layers: vec![Descriptor::of(BUNDLE_TYPE, &bundle)],
            subject: Some(subject),
            annotations: annotations.into(),
        })?;
        self.put_blob(place, EMPTY).await?;
        self.put_blob(place, &bundle).await?;
        let mut entry = Descriptor::of(MANIFEST_TYPE, &manifest);
        entry.artifact_type = Some(BUNDLE_TYPE.to_owned());
        let name = entry.digest.to_string();
        let answer = self
            .put_manifest(place, &name, MANIFEST_TYPE, &manifest)
            .await?;
        if answer.headers().contains_key(SUBJECT) {
            return Ok(());
        }
        self.list_referrer(place, &digest, entry).await
    }

    /// Adds to the index that stands for the list of referrers in registries
    /// without one.
    async fn list_referrer(
        &self,
        place: &Place,
        subject: &Digest,
        entry: Descriptor,
    ) -> Result<(), OciError> {
        let tag = format!("sha256-{}", subject.hex());
        let before: Option<Index> = self.there(place, &tag).await?;
        let mut entries = before.map(|index| index.manifests).unwrap_or_default();
        if entries.iter().any(|other| other.digest == entry.digest) {
            return Ok(());
        }
        entries.push(entry);
        let index = json(&Index::of(entries))?;
        let put = self.put_manifest(place, &tag, INDEX_TYPE, &index);
        put.await.map(drop)
    }

    /// The older form: a payload, with its signature in the annotation of the
    /// layer, under a tag made of the digest.
    async fn put_payload(
        &self,
        place: &Place,
        repository: &str,
        digest: &Digest,
        key: &PrivateKey,
    ) -> Result<(), OciError> {
        let payload = payload::of(repository, digest);
        let signature = STANDARD.encode(key.sign(&payload));
        let mut layer = Descriptor::of(PAYLOAD_TYPE, &payload);
        layer.annotations = BTreeMap::from([(SIGNATURE.to_owned(), signature)]);
        let tag = format!("sha256-{}.sig", digest.hex());
        let before: Option<Manifest> = self.there(place, &tag).await?;
        let mut layers = before.map(|it| it.layers).unwrap_or_default();
        if layers.contains(&layer) {
            return Ok(());
        }
        layers.push(layer);
        let config = config(&layers);
        let manifest = json(&Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            artifact_type: None,
            config: Descriptor::of(CONFIG_TYPE, &config),
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        })?;
        self.put_blob(place, &config).await?;
        self.put_blob(place, &payload).await?;
        let put = self.put_manifest(place, &tag, MANIFEST_TYPE, &manifest);
        put.await.map(drop)
    }

    /// What a tag leads to already, if it is of the kind expected.
    async fn there<T: DeserializeOwned>(
        &self,
        place: &Place,
        tag: &str,
    ) -> Result<Option<T>, OciError> {
        match self.manifest_at(place, tag).await {
            Ok((bytes, _)) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(OciError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An image's configuration.
fn config(layers: &[Descriptor]) -> Vec<u8> {
    let layers: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
    let config = serde_json::json!({
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": layers },
    });
    config.to_string().into_bytes()
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, OciError> {
    serde_json::to_vec(value).map_err(|error| OciError::NoArtifact(error.to_string()))
}
