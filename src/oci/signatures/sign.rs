//! Putting a signature beside a manifest in its registry, where cosign finds it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::payload::{self, PAYLOAD_TYPE, SIGNATURE};
use super::private::PrivateKey;
use crate::oci::client::{Client, Place};
use crate::oci::error::OciError;
use crate::oci::manifest::{Descriptor, MANIFEST_TYPE, Manifest};
use crate::oci::reference::{Digest, Reference};

/// The configuration of a manifest that needs none.
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";

impl Client {
    /// Signs the manifest `digest` and puts the signature beside it, under the
    /// tag that cosign looks for. Those that are there already stay.
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
        let repository = format!("{}/{}", reference.host(), reference.repository());
        let payload = payload::of(&repository, digest);
        let signature = STANDARD.encode(key.sign(&payload));
        let mut layer = Descriptor::of(PAYLOAD_TYPE, &payload);
        layer.annotations = BTreeMap::from([(SIGNATURE.to_owned(), signature)]);

        let tag = format!("sha256-{}.sig", digest.hex());
        let mut layers = match self.manifest_at(&place, &tag).await {
            Ok((bytes, _)) => serde_json::from_slice::<Manifest>(&bytes)
                .map(|manifest| manifest.layers)
                .unwrap_or_default(),
            Err(OciError::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        layers.push(layer);
        let config = config(&layers);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            artifact_type: None,
            config: Descriptor::of(CONFIG_TYPE, &config),
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        };
        let manifest = serde_json::to_vec(&manifest)
            .map_err(|error| OciError::NoArtifact(error.to_string()))?;
        self.put_blob(&place, &config).await?;
        self.put_blob(&place, &payload).await?;
        self.put_manifest(&place, &tag, MANIFEST_TYPE, &manifest)
            .await
            .map(drop)
    }
}

/// An image's configuration, which is what tools expect under such a tag.
fn config(layers: &[Descriptor]) -> Vec<u8> {
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| layer.digest.to_string())
        .collect();
    let config = serde_json::json!({
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": layers },
    });
    config.to_string().into_bytes()
}
