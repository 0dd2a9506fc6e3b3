//! A sigstore of its own: an authority that makes certificates out to
//! identities, a log that signs what it was shown, and bundles of both.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SanType, SigningKey as _,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Where a certificate says who vouches for its identity.
const ISSUER: [u64; 9] = [1, 3, 6, 1, 4, 1, 57264, 1, 8];

const STATEMENT: &str = "application/vnd.in-toto+json";

/// The authority and the log.
pub struct Sigstore {
    authority: CertificateParams,
    authority_key: KeyPair,
    certificate: Vec<u8>,
    log: KeyPair,
}

impl Default for Sigstore {
    fn default() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = key();
        let certificate = authority.self_signed(&authority_key).unwrap();
        Self {
            certificate: certificate.der().to_vec(),
            authority,
            authority_key,
            log: key(),
        }
    }
}

impl Sigstore {
    /// What those write down who believe it.
    pub fn trust_root(&self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": "https://log.example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(self.log.subject_public_key_info()),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": { "start": "2020-01-01T00:00:00Z" },
                },
                "logId": { "keyId": STANDARD.encode(self.log_id()) },
            }],
            "certificateAuthorities": [{
                "subject": { "organization": "example", "commonName": "example" },
                "uri": "https://authority.example",
                "certChain": { "certificates": [{ "rawBytes": STANDARD.encode(&self.certificate) }] },
                "validFor": { "start": "2020-01-01T00:00:00Z" },
            }],
        })
    }

    /// The signature of a manifest by an identity that `issuer` vouches for.
    pub fn bundle(&self, identity: &str, issuer: &str, digest: &str) -> Value {
        let key = key();
        let certificate = self.certify(&key, identity, issuer);
        let hex = digest.strip_prefix("sha256:").unwrap();
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "digest": { "sha256": hex } }],
            "predicateType": "https://sigstore.dev/cosign/sign/v1",
            "predicate": {},
        });
        let payload = statement.to_string();
        let length = payload.len();
        let signed = format!("DSSEv1 {} {STATEMENT} {length} {payload}", STATEMENT.len());
        let signature = STANDARD.encode(key.sign(signed.as_bytes()).unwrap());
        let entry = self.entry(&payload, &signature, &certificate.pem());
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": { "rawBytes": STANDARD.encode(certificate.der()) },
                "tlogEntries": [entry],
            },
            "dsseEnvelope": {
                "payload": STANDARD.encode(&payload),
                "payloadType": STATEMENT,
                "signatures": [{ "sig": signature }],
            },
        })
    }

    fn certify(&self, key: &KeyPair, identity: &str, issuer: &str) -> rcgen::Certificate {
        let mut text = vec![0x0c, u8::try_from(issuer.len()).unwrap()];
        text.extend(issuer.as_bytes());
        let mut leaf = CertificateParams::default();
        leaf.subject_alt_names = vec![SanType::URI(identity.try_into().unwrap())];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        leaf.custom_extensions = vec![CustomExtension::from_oid_content(&ISSUER, text)];
        let by = Issuer::from_params(&self.authority, &self.authority_key);
        leaf.signed_by(key, &by).unwrap()
    }

    /// An entry of the log, the only one in it.
    fn entry(&self, payload: &str, signature: &str, certificate: &str) -> Value {
        let hash = hex(&Sha256::digest(payload));
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": { "algorithm": "sha256", "value": hash },
                "payloadHash": { "algorithm": "sha256", "value": hash },
                "signatures": [{
                    "signature": signature,
                    "verifier": STANDARD.encode(certificate),
                }],
            },
        });
        let body = body.to_string();
        let root = Sha256::digest([&[0], body.as_bytes()].concat());
        let root = STANDARD.encode(root);
        let body = STANDARD.encode(body);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = now.as_secs() - 1;
        let id = hex(&self.log_id());
        let promise =
            format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":0}}"#);
        let head = format!("log.example\n1\n{root}\n");
        let noted = [&self.log_id()[..4], &self.sign(&head)].concat();
        let checkpoint = format!("{head}\n\u{2014} log.example {}\n", STANDARD.encode(noted));
        json!({
            "logIndex": "0",
            "logId": { "keyId": STANDARD.encode(self.log_id()) },
            "kindVersion": { "kind": "dsse", "version": "0.0.1" },
            "integratedTime": time.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": STANDARD.encode(self.sign(&promise)) },
            "inclusionProof": {
                "logIndex": "0",
                "treeSize": "1",
                "rootHash": root,
                "hashes": [],
                "checkpoint": { "envelope": checkpoint },
            },
            "canonicalizedBody": body,
        })
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        self.log.sign(text.as_bytes()).unwrap()
    }

    fn log_id(&self) -> Vec<u8> {
        Sha256::digest(self.log.subject_public_key_info()).to_vec()
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
