//! Who has signed a manifest, and whether that is enough.
//!
//! Everything here works on bytes that are there already: no request is made to
//! judge a signature. What is signed is the manifest's digest, which names the
//! configuration and the module by theirs.

mod bundle;
mod encrypted;
pub(super) mod evidence;
mod identity;
mod key;
mod payload;
mod private;
mod provider;
mod sign;

use std::path::PathBuf;

pub use private::PrivateKey;

use super::error::OciError;
use super::reference::Digest;
use evidence::Evidence;
use identity::Identity;
use key::PublicKey;

/// How many of those who are trusted must have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rule {
    /// One of them.
    #[default]
    Any,
    /// Each of them.
    All,
}

/// Whom to trust, as an operator writes it down.
#[derive(Debug, Clone, Default)]
pub struct TrustConfig {
    /// Files of public keys in PEM.
    pub keys: Vec<PathBuf>,
    /// Identities that certificates are made out to, with who vouched for them.
    pub identities: Vec<(String, String)>,
    /// The authorities behind such certificates.
    pub root: Option<PathBuf>,
    /// How many must have signed.
    pub rule: Rule,
}

/// Whose signatures count. Nobody's at first, and then none is asked for.
#[derive(Debug, Default)]
pub struct Trust {
    signers: Vec<Signer>,
    rule: Rule,
}

/// Somebody whose signature counts.
#[derive(Debug)]
enum Signer {
    Key(PublicKey),
    Identity(Box<Identity>),
}

impl Signer {
    fn name(&self) -> String {
        match self {
            Self::Key(key) => format!("key {}", key.name()),
            Self::Identity(identity) => identity.name(),
        }
    }

    /// Whether one of `found` is this one's signature of `digest`; if not, why
    /// none is.
    fn has_signed(&self, digest: &Digest, found: &[Evidence]) -> Result<(), String> {
        let mut reasons = Vec::new();
        for evidence in found {
            let judged = match self {
                Self::Key(key) => evidence.is_by_key(key, digest),
                Self::Identity(identity) => evidence.is_by_identity(identity, digest),
            };
            match judged {
                Ok(()) => return Ok(()),
                Err(reason) if reasons.contains(&reason) => {}
                Err(reason) => reasons.push(reason),
            }
        }
        match reasons.is_empty() {
            true => Err("it is not signed".to_owned()),
            false => Err(reasons.join("; ")),
        }
    }
}

impl Trust {
    /// Reads the keys and the root.
    ///
    /// # Errors
    /// Which file is no key or no trust root, and why.
    pub fn read(config: &TrustConfig) -> Result<Self, OciError> {
        let mut signers = Vec::new();
        for file in &config.keys {
            signers.push(Signer::Key(PublicKey::read(file)?));
        }
        for (identity, issuer) in &config.identities {
            let identity = Identity::new(identity, issuer, config.root.as_deref())?;
            signers.push(Signer::Identity(Box::new(identity)));
        }
        Ok(Self {
            signers,
            rule: config.rule,
        })
    }

    /// Whether no signature is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }

    /// Who has signed a file with this content, if that is enough: with a sigstore
    /// bundle, of the content or of a statement about its digest.
    ///
    /// # Errors
    /// Nobody who is trusted, or not enough of them.
    pub fn judge_file(&self, content: &[u8], bundle: &[u8]) -> Result<Vec<String>, OciError> {
        let evidence = Evidence::File {
            content: content.to_vec(),
            bundle: bundle.to_vec(),
        };
        self.judge(&Digest::of(content), &[evidence])
    }

    /// Who has signed `digest`, if that is enough.
    pub(super) fn judge(
        &self,
        digest: &Digest,
        found: &[Evidence],
    ) -> Result<Vec<String>, OciError> {
        let mut signed_by = Vec::new();
        let mut reasons = Vec::new();
        for signer in &self.signers {
            match signer.has_signed(digest, found) {
                Ok(()) => signed_by.push(signer.name()),
                Err(reason) => reasons.push(format!("{}: {reason}", signer.name())),
            }
        }
        let enough = match self.rule {
            Rule::Any => !signed_by.is_empty(),
            Rule::All => reasons.is_empty(),
        };
        if enough {
            return Ok(signed_by);
        }
        Err(OciError::Signature {
            digest: digest.clone(),
            reason: reasons.join("; "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(by: &PrivateKey, digest: &Digest) -> Evidence {
        let payload = payload::of("registry.example/a", digest);
        Evidence::Payload {
            signature: by.sign(&payload),
            payload,
        }
    }

    fn trust(keys: &[&PrivateKey], rule: Rule) -> Trust {
        let signers = keys.iter().map(|key| Signer::Key(key.public("pub")));
        Trust {
            signers: signers.collect(),
            rule,
        }
    }

    #[test]
    fn any_wants_one_signature_and_all_wants_each() {
        let (one, two) = (PrivateKey::random(), PrivateKey::random());
        let digest = Digest::of(b"manifest");
        let found = [signed(&one, &digest)];
        let keys = [&one, &two];
        assert_eq!(
            trust(&keys, Rule::Any)
                .judge(&digest, &found)
                .unwrap()
                .len(),
            1
        );
        let error = trust(&keys, Rule::All).judge(&digest, &found).unwrap_err();
        assert!(error.to_string().contains("not by this key"), "{error}");
        let both = [signed(&one, &digest), signed(&two, &digest)];
        assert_eq!(
            trust(&keys, Rule::All).judge(&digest, &both).unwrap().len(),
            2
        );
    }

    #[test]
    fn a_signature_of_something_else_or_none_is_refused_with_the_reason() {
        let key = PrivateKey::random();
        let digest = Digest::of(b"manifest");
        let trust = trust(&[&key], Rule::Any);
        let other = signed(&key, &Digest::of(b"another"));
        for (found, reason) in [
            (vec![], "it is not signed"),
            (vec![other], "is of another manifest"),
            (
                vec![signed(&PrivateKey::random(), &digest)],
                "not by this key",
            ),
        ] {
            let error = trust.judge(&digest, &found).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(error.contains(digest.hex()), "{error}");
        }
    }
}
