//! A public key of cosign's: P-256 in PEM.

use std::fs;
use std::path::Path;

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;

use super::OciError;

/// A key that signatures are checked with.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    #[cfg(test)]
    pub(super) const fn new(name: String, key: VerifyingKey) -> Self {
        Self { name, key }
    }

    /// Reads a `.pub` file.
    pub(super) fn read(file: &Path) -> Result<Self, OciError> {
        let text = fs::read_to_string(file).map_err(|source| OciError::File {
            path: file.to_owned(),
            source,
        })?;
        let key = VerifyingKey::from_public_key_pem(&text).map_err(|error| OciError::Key {
            file: file.to_owned(),
            reason: format!(
                "it is no public key of the curve P-256 in PEM ({error}); `cosign \
                 generate-key-pair` writes cosign.pub, which is one"
            ),
        })?;
        Ok(Self {
            name: file.display().to_string(),
            key,
        })
    }

    /// The file's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether `signature` (ASN.1, SHA-256) is this key's of `message`.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature)
            .is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}
