//! Sigstore bundles that a key has signed: an in-toto statement about a
//! manifest, in a DSSE envelope.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Digest;
use super::key::PublicKey;

/// The media type of a bundle, of its layer and of the artifact that it is.
pub(super) const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What an envelope holds.
const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";

/// What `cosign sign` says of a manifest: nothing but that it is signed.
pub(super) const PREDICATE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    #[serde(default)]
    verification_material: Value,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<MessageSignature>,
}

/// What was made of a content itself.
#[derive(Deserialize)]
struct MessageSignature {
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    sig: String,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: Value,
}

/// Whether a bundle is `key`'s signature of `digest`.
pub(super) fn is_by_key(bundle: &[u8], key: &PublicKey, digest: &Digest) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| format!("a bundle can't be read ({error})");
    let bundle: Bundle = serde_json::from_slice(bundle).map_err(|error| broken(&error))?;
    by_a_key(&bundle.verification_material)?;
    let envelope = bundle
        .dsse_envelope
        .ok_or("a bundle has no statement about a manifest")?;
    let payload = STANDARD
        .decode(&envelope.payload)
        .map_err(|error| broken(&error))?;
    let signed = encoded(&envelope.payload_type, &payload);
    let is_signed = envelope.signatures.iter().any(|signature| {
        let bytes = STANDARD.decode(&signature.sig);
        bytes.is_ok_and(|bytes| key.has_signed(&signed, &bytes))
    });
    if !is_signed {
        return Err("it is signed, but not by this key".to_owned());
    }
    is_about(&envelope.payload_type, &payload, digest)
}

/// Whether a bundle is `key`'s signature of a file: of its content, as `cosign
/// sign-blob` makes it, or of a statement about its digest.
pub(super) fn is_of_file_by_key(
    bundle: &[u8],
    key: &PublicKey,
    content: &[u8],
    digest: &Digest,
) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| format!("a bundle can't be read ({error})");
    let parsed: Bundle = serde_json::from_slice(bundle).map_err(|error| broken(&error))?;
    let Some(signed) = parsed.message_signature else {
        return is_by_key(bundle, key, digest);
    };
    by_a_key(&parsed.verification_material)?;
    let signature = STANDARD
        .decode(&signed.signature)
        .map_err(|error| broken(&error))?;
    match key.has_signed(content, &signature) {
        true => Ok(()),
        false => Err("this key has not signed it, or not this content".to_owned()),
    }
}

fn by_a_key(verification_material: &Value) -> Result<(), String> {
    match verification_material.get("publicKey") {
        Some(_) => Ok(()),
        None => Err("a bundle is signed with a certificate and not with a key".to_owned()),
    }
}

/// Whether what a bundle holds, which is verified, says that the manifest `digest`
/// is signed. Where it is no statement, the manifest itself is what was signed.
pub(super) fn is_signature(bundle: &[u8], digest: &Digest) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| format!("a bundle can't be read ({error})");
    let bundle: Bundle = serde_json::from_slice(bundle).map_err(|error| broken(&error))?;
    let Some(envelope) = bundle.dsse_envelope else {
        return Ok(());
    };
    let payload = STANDARD
        .decode(&envelope.payload)
        .map_err(|error| broken(&error))?;
    is_about(&envelope.payload_type, &payload, digest)
}

/// Whether a statement that was signed is about `digest`.
fn is_about(payload_type: &str, payload: &[u8], digest: &Digest) -> Result<(), String> {
    if payload_type != STATEMENT_TYPE {
        return Err(format!("what is signed is of the type {payload_type}"));
    }
    let statement: Statement = serde_json::from_slice(payload)
        .map_err(|error| format!("what is signed is no statement ({error})"))?;
    if !statement.kind.starts_with("https://in-toto.io/Statement/") {
        return Err(format!("what is signed is a `{}`", statement.kind));
    }
    // Whoever signs what a scan or a build had to say does not say with it that the
    // module may be run.
    if statement.predicate_type != PREDICATE_TYPE {
        return Err(format!(
            "what is signed is a statement of the type {}, and no signature of a module",
            statement.predicate_type
        ));
    }
    let is_subject = |subject: &Subject| {
        let sha256 = subject.digest.get("sha256");
        sha256.and_then(Value::as_str) == Some(digest.hex())
    };
    match statement.subject.iter().any(is_subject) {
        true => Ok(()),
        false => Err("the signature is of another manifest".to_owned()),
    }
}

/// What is signed of an envelope: DSSE's pre-authentication encoding.
fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

/// A bundle about `digest` that `sign` has signed and that names the key with
/// `hint`, in the form of `cosign sign`.
pub(super) fn make(digest: &Digest, hint: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { "sha256": digest.hex() } }],
        "predicateType": PREDICATE_TYPE,
        "predicate": {},
    });
    let payload = statement.to_string().into_bytes();
    let signature = sign(&encoded(STATEMENT_TYPE, &payload));
    let bundle = json!({
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": { "publicKey": { "hint": hint } },
        "dsseEnvelope": {
            "payload": STANDARD.encode(&payload),
            "payloadType": STATEMENT_TYPE,
            "signatures": [{ "sig": STANDARD.encode(signature) }],
        },
    });
    bundle.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::signatures::PrivateKey;

    #[test]
    fn what_a_key_says_of_a_module_is_no_signature_unless_it_says_so() {
        let key = PrivateKey::random();
        let digest = Digest::of(b"manifest");
        let made = make(&digest, "hint", |message| key.sign(message));
        assert_eq!(is_by_key(&made, &key.public("pub"), &digest), Ok(()));

        let mut other: Value = serde_json::from_slice(&made).unwrap();
        let envelope = &mut other["dsseEnvelope"];
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
        let payload = String::from_utf8(payload.unwrap()).unwrap();
        let scan = "https://cosign.sigstore.dev/attestation/vuln/v1";
        let payload = payload.replace(PREDICATE_TYPE, scan);
        let signature = key.sign(&encoded(STATEMENT_TYPE, payload.as_bytes()));
        envelope["payload"] = STANDARD.encode(&payload).into();
        envelope["signatures"][0]["sig"] = STANDARD.encode(signature).into();
        let bytes = other.to_string().into_bytes();
        let error = is_by_key(&bytes, &key.public("pub"), &digest).unwrap_err();
        assert!(error.contains(scan), "{error}");
    }

    #[test]
    fn a_file_is_signed_by_its_content_or_by_a_statement_about_its_digest() {
        let (key, other) = (PrivateKey::random(), PrivateKey::random());
        let digest = Digest::of(b"module");
        let direct = json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": { "publicKey": { "hint": "" } },
            "messageSignature": { "signature": STANDARD.encode(key.sign(b"module")) },
        });
        let direct = direct.to_string().into_bytes();
        let about = make(&digest, "hint", |message| key.sign(message));
        for bundle in [&direct, &about] {
            let judged = |by: &PrivateKey, content: &[u8]| {
                let digest = Digest::of(content);
                is_of_file_by_key(bundle, &by.public("pub"), content, &digest)
            };
            assert_eq!(judged(&key, b"module"), Ok(()));
            judged(&other, b"module").unwrap_err();
            judged(&key, b"another").unwrap_err();
        }
        let error = is_by_key(&direct, &key.public("pub"), &digest).unwrap_err();
        assert!(error.contains("no statement about a manifest"), "{error}");
    }
}
