//! Signatures without a key of one's own: a certificate that an authority made
//! out to an identity for some minutes, with proof of when it was used.

use std::path::Path;

use sigstore_types::{Bundle, Sha256Hash};
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::{VerificationPolicy, Verifier};

use super::{Digest, OciError, bundle, provider};

/// An identity, who vouches for it, and the authorities that are believed.
pub(super) struct Identity {
    identity: String,
    issuer: String,
    verifier: Verifier,
    policy: VerificationPolicy,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl Identity {
    /// Trusts the certificates of `root` for `identity` as `issuer` knows it.
    ///
    /// What the root names is what is checked: without certificate transparency
    /// logs in it no such proof is asked for, and without transparency logs a
    /// signed time stamp is enough.
    pub(super) fn new(identity: &str, issuer: &str, root: Option<&Path>) -> Result<Self, OciError> {
        let Some(file) = root else {
            return Err(OciError::Key {
                file: "--oci-trust-root".into(),
                reason: "an identity is trusted on the word of authorities, and no file of them \
                         is given; `cosign trusted-root create` writes one"
                    .to_owned(),
            });
        };
        let unusable = |reason: String| OciError::Key {
            file: file.to_owned(),
            reason: format!("it is no trust root of sigstore's ({reason})"),
        };
        provider::install();
        let root = TrustedRoot::from_file(file).map_err(|error| unusable(error.to_string()))?;
        let mut policy = VerificationPolicy::new(identity, issuer);
        if root.ctlogs.is_empty() {
            policy = policy.skip_sct();
        }
        if root.tlogs.is_empty() {
            policy = policy.skip_tlog_unsafe();
        }
        Ok(Self {
            identity: identity.to_owned(),
            issuer: issuer.to_owned(),
            verifier: Verifier::new(&root).map_err(|error| unusable(error.to_string()))?,
            policy,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("{} of {}", self.identity, self.issuer)
    }

    /// Whether a bundle is this one's signature of `digest`.
    pub(super) fn has_signed(&self, bundle: &[u8], digest: &Digest) -> Result<(), String> {
        let text = std::str::from_utf8(bundle).map_err(|error| error.to_string())?;
        let parsed =
            Bundle::from_json(text).map_err(|error| format!("a bundle can't be read ({error})"))?;
        let hash = Sha256Hash::from_hex(digest.hex()).map_err(|error| error.to_string())?;
        let verified = self.verifier.verify(hash, &parsed, &self.policy);
        verified.map_err(|error| error.to_string())?;
        bundle::is_signature(bundle, digest)
    }
}
