//! Signatures as they are found beside a manifest: bundles that refer to it, and
//! the older form under a tag made of its digest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bundle::{self, BUNDLE_TYPE};
use super::identity::Identity;
use super::key::PublicKey;
use super::payload::{self, PAYLOAD_TYPE, SIGNATURE};
use crate::oci::client::Client;
use crate::oci::error::OciError;
use crate::oci::manifest::Manifest;
use crate::oci::reference::{Digest, Reference};
use crate::oci::source::Source;

/// The most manifests with signatures that are looked at. Whoever may push can
/// put any number there.
const MANIFESTS: usize = 32;

/// The largest such manifest; it has one or a few layers.
const MANIFEST: u64 = 64 * 1024;

/// The most signatures in one manifest of the older form.
const LAYERS: usize = 32;

/// The largest bundle or payload; with a certificate and proofs it is 10 KiB.
const SIZE: u64 = 1024 * 1024;

/// Something that may be a signature of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::oci) enum Evidence {
    /// A sigstore bundle.
    Bundle(Vec<u8>),
    /// A sigstore bundle about a file, whose digest is what is judged.
    File { content: Vec<u8>, bundle: Vec<u8> },
    /// cosign's older form.
    Payload {
        payload: Vec<u8>,
        /// ASN.1
        signature: Vec<u8>,
    },
}

impl Evidence {
    pub(super) fn is_by_key(&self, key: &PublicKey, digest: &Digest) -> Result<(), String> {
        match self {
            Self::Bundle(bundle) => bundle::is_by_key(bundle, key, digest),
            Self::File { content, bundle } => {
                bundle::is_of_file_by_key(bundle, key, content, digest)
            }
            Self::Payload { payload, signature } => {
                if !key.has_signed(payload, signature) {
                    return Err("it is signed, but not by this key".to_owned());
                }
                payload::is_about(payload, digest)
            }
        }
    }

    pub(super) fn is_by_identity(
        &self,
        identity: &Identity,
        digest: &Digest,
    ) -> Result<(), String> {
        match self {
            Self::Bundle(bundle) | Self::File { bundle, .. } => identity.has_signed(bundle, digest),
            Self::Payload { .. } => {
                Err("it is signed in cosign's older form, which proves no identity".to_owned())
            }
        }
    }
}

/// What was found earlier, without a request.
pub(in crate::oci) async fn kept(
    source: &Source<'_>,
    reference: &Reference,
    subject: &Digest,
) -> Result<Vec<Evidence>, OciError> {
    let offline = Source {
        cache: source.cache,
        client: None,
    };
    let manifests = source.cache.referrers(subject)?;
    match read(&offline, reference, &manifests).await {
        Err(OciError::NotCached { .. }) => Ok(Vec::new()),
        read => read,
    }
}

/// What there is in the registry now. It is kept.
pub(in crate::oci) async fn fetch(
    client: &Client,
    source: &Source<'_>,
    reference: &Reference,
    subject: &Digest,
) -> Result<Vec<Evidence>, OciError> {
    // With a mirror, what is found there may do though the registry is away.
    let mut away = None;
    let mut manifests = Vec::new();
    match client.referrers(reference, subject, BUNDLE_TYPE).await {
        Ok(referrers) => {
            let small = referrers.into_iter().filter(|it| it.size <= MANIFEST);
            manifests.extend(small.map(|it| it.digest).take(MANIFESTS));
        }
        Err(error) if error.is_passing() => away = Some(error),
        Err(error) => return Err(error),
    }
    let tag = format!("sha256-{}.sig", subject.hex());
    match client.tagged(reference, &tag).await {
        Ok((bytes, digest)) => {
            source.cache.write(&digest, &bytes)?;
            manifests.push(digest);
        }
        Err(OciError::NotFound { .. }) => {}
        Err(error) if error.is_passing() => away = Some(error),
        Err(error) => return Err(error),
    }
    if let Some(error) = away.filter(|_| manifests.is_empty()) {
        return Err(error);
    }
    let found = read(source, reference, &manifests).await?;
    source.cache.keep_referrers(subject, &manifests)?;
    Ok(found)
}

async fn read(
    source: &Source<'_>,
    reference: &Reference,
    manifests: &[Digest],
) -> Result<Vec<Evidence>, OciError> {
    let mut found = Vec::new();
    for digest in manifests {
        let bytes = source.manifest(reference, digest).await?;
        // Whatever else refers to the manifest is no signature.
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
            continue;
        };
        for layer in manifest.layers.iter().take(LAYERS) {
            if layer.size > SIZE {
                continue;
            }
            let is_bundle = layer.media_type == BUNDLE_TYPE;
            let signature = layer.annotations.get(SIGNATURE);
            if !is_bundle && (layer.media_type != PAYLOAD_TYPE || signature.is_none()) {
                continue;
            }
            let bytes = source.blob(reference, layer, "a signature").await?;
            if is_bundle {
                found.push(Evidence::Bundle(bytes));
            } else if let Some(Ok(signature)) = signature.map(|it| STANDARD.decode(it)) {
                found.push(Evidence::Payload {
                    payload: bytes,
                    signature,
                });
            }
        }
    }
    Ok(found)
}
