//! A private key that modules are signed with.

use std::fmt;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use sha2::{Digest as _, Sha256};

use super::OciError;
use super::encrypted;

/// What is said of a file with anything else.
const EXPECTED: &str = "it is no private key of the curve P-256 in PKCS#8 and PEM, and none of \
    cosign's; `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` and `cosign \
    generate-key-pair` write one";

/// A P-256 key. Never shown.
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// Reads a file with a key in PEM: in PKCS#8, or as cosign writes it, encrypted
    /// with `password`.
    ///
    /// # Errors
    /// It can't be read or is something else.
    pub fn read(file: &Path, password: Option<&str>) -> Result<Self, OciError> {
        let text = fs::read_to_string(file).map_err(|source| OciError::File {
            path: file.to_owned(),
            source,
        })?;
        let unusable = |reason: String| OciError::Key {
            file: file.to_owned(),
            reason,
        };
        let key = match encrypted::is_one(&text) {
            true => {
                let der = encrypted::decrypt(&text, password).map_err(unusable)?;
                SigningKey::from_pkcs8_der(&der)
            }
            false => SigningKey::from_pkcs8_pem(&text),
        };
        key.map(Self)
            .map_err(|error| unusable(format!("{EXPECTED} ({error})")))
    }

    /// The signature (ASN.1, SHA-256) of `message`.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(message);
        signature.to_der().as_bytes().to_vec()
    }

    /// What bundles name the key with: the hash of its public half, as cosign
    /// does.
    pub(super) fn hint(&self) -> Result<String, OciError> {
        let der = self.0.verifying_key().to_public_key_der();
        let der = der.map_err(|error| OciError::NoArtifact(error.to_string()))?;
        Ok(STANDARD.encode(Sha256::digest(der.as_bytes())))
    }

    /// The public half, under a name.
    #[cfg(test)]
    pub(super) fn public(&self, name: &str) -> super::key::PublicKey {
        super::key::PublicKey::new(name.to_owned(), *self.0.verifying_key())
    }

    #[cfg(test)]
    pub(super) fn random() -> Self {
        use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        Self(SigningKey::from_pkcs8_pem(&pair.serialize_pem()).unwrap())
    }
}
