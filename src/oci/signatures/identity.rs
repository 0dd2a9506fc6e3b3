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

#[cfg(test)]
mod tests {
    use super::*;

    /// Who signed the file, as the certificate says, and its digest.
    const RELEASE: &str =
        "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2";
    const ISSUER: &str = "https://token.actions.githubusercontent.com";
    const DIGEST: &str = "sha256:c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201";

    /// Who signed the statement, and the digest of the file that it is about.
    const BUILDER: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/\
         .github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
    const BUILT: &str = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/sigstore")
            .join(name)
    }

    /// Whether a real bundle is a signature of `digest` by `identity` of `issuer`.
    fn judged(bundle: &str, identity: &str, issuer: &str, digest: &str) -> Result<(), String> {
        let root = fixture("trusted_root.json");
        let identity = Identity::new(identity, issuer, Some(&root)).unwrap();
        let bundle = std::fs::read(fixture(bundle)).unwrap();
        identity.has_signed(&bundle, &Digest::parse(digest).unwrap())
    }

    #[test]
    fn a_real_signature_is_accepted_from_who_made_it_of_what_it_is_of_and_else_refused() {
        let bundle = "release.sigstore.json";
        assert_eq!(judged(bundle, RELEASE, ISSUER, DIGEST), Ok(()));
        let fork = RELEASE.replace("trailofbits", "somebody");
        for (identity, issuer, digest, said) in [
            (fork.as_str(), ISSUER, DIGEST, "dentity"),
            (&RELEASE[..RELEASE.len() - 1], ISSUER, DIGEST, "dentity"),
            (RELEASE, "https://git.example", DIGEST, "ssuer"),
            (RELEASE, ISSUER, BUILT, "igest"),
        ] {
            let error = judged(bundle, identity, issuer, digest).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_real_statement_about_a_build_is_no_signature_of_a_module() {
        let bundle = "provenance.sigstore.json";
        let error = judged(bundle, BUILDER, ISSUER, BUILT).unwrap_err();
        assert!(error.contains("no signature of a module"), "{error}");
        // Somebody else's is refused before it is looked at what it says.
        let error = judged(bundle, RELEASE, ISSUER, BUILT).unwrap_err();
        assert!(error.contains("dentity"), "{error}");
    }
}
