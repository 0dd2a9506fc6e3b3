//! What cosign's older form signs: the "simple signing" payload, which names a
//! manifest by its digest.

use serde::Deserialize;
use serde_json::json;

use super::Digest;

/// The layer that holds a payload.
pub(super) const PAYLOAD_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The layer's annotation that holds its signature.
pub(super) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// What the payload says it is.
const KIND: &str = "cosign container image signature";

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: Digest,
}

/// The payload about the manifest `digest` in a repository.
pub(super) fn of(repository: &str, digest: &Digest) -> Vec<u8> {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": repository },
            "image": { "docker-manifest-digest": digest },
            "type": KIND,
        },
        "optional": null,
    });
    payload.to_string().into_bytes()
}

/// Whether a payload is about `digest`. Says so of one that was signed, and of
/// no other.
pub(super) fn is_about(payload: &[u8], digest: &Digest) -> Result<(), String> {
    let payload: Payload = serde_json::from_slice(payload)
        .map_err(|error| format!("what is signed is no payload of cosign's ({error})"))?;
    if payload.critical.kind != KIND {
        return Err(format!("what is signed is a `{}`", payload.critical.kind));
    }
    let about = payload.critical.image.docker_manifest_digest;
    if about != *digest {
        return Err(format!("the signature is of another manifest ({about})"));
    }
    Ok(())
}
