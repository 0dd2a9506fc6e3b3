//! The arithmetic behind certificates and logs, for the crates of sigstore: ring
//! and sha2, which are part of the server already.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sigstore_crypto::{
    CryptoProvider, Error, HashContext, Result, SigningScheme, install_default_provider,
};
use sigstore_types::HashAlgorithm;

/// Makes it the one of this process. Once is enough, and again does no harm.
pub(super) fn install() {
    if install_default_provider(&Provider).is_err() {
        tracing::trace!("there is a provider for sigstore already");
    }
}

/// Verifies and hashes; signs nothing.
#[derive(Debug)]
struct Provider;

/// A hash that is under way.
struct Hashing<D>(D);

impl<D: sha2::Digest + Send> HashContext for Hashing<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for Provider {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        match algorithm {
            HashAlgorithm::Sha2256 => Ok(Box::new(Hashing(Sha256::new()))),
            HashAlgorithm::Sha2384 => Ok(Box::new(Hashing(Sha384::new()))),
            HashAlgorithm::Sha2512 => Ok(Box::new(Hashing(Sha512::new()))),
            other => Err(Error::UnsupportedAlgorithm(other.to_string())),
        }
    }

    fn verify_raw(
        &self,
        scheme: SigningScheme,
        key: &[u8],
        data: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        let algorithm = algorithm(scheme)?;
        UnparsedPublicKey::new(algorithm, key)
            .verify(data, signature)
            .map_err(|_| invalid(scheme))
    }

    fn verify_prehashed(
        &self,
        scheme: SigningScheme,
        key: &[u8],
        digest: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        if scheme != SigningScheme::EcdsaP256Sha256 {
            return Err(unsupported(scheme));
        }
        let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| invalid(scheme))?;
        let signature = Signature::from_der(signature).map_err(|_| invalid(scheme))?;
        key.verify_prehash(digest, &signature)
            .map_err(|_| invalid(scheme))
    }
}

fn algorithm(scheme: SigningScheme) -> Result<&'static dyn VerificationAlgorithm> {
    Ok(match scheme {
        SigningScheme::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_ASN1,
        SigningScheme::EcdsaP256Sha384 => &signature::ECDSA_P256_SHA384_ASN1,
        SigningScheme::EcdsaP384Sha256 => &signature::ECDSA_P384_SHA256_ASN1,
        SigningScheme::EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_ASN1,
        SigningScheme::Ed25519 => &signature::ED25519,
        SigningScheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
        SigningScheme::RsaPssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
        SigningScheme::RsaPssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
        SigningScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SigningScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SigningScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        other => return Err(unsupported(other)),
    })
}

fn unsupported(scheme: SigningScheme) -> Error {
    Error::UnsupportedAlgorithm(format!("{} can't be verified here", scheme.name()))
}

fn invalid(scheme: SigningScheme) -> Error {
    Error::Verification(format!("{} signature invalid", scheme.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standards() {
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|it| format!("{it:02x}")).collect() };
        for (algorithm, begins) in [
            (HashAlgorithm::Sha2256, "ba7816bf"),
            (HashAlgorithm::Sha2384, "cb00753f"),
            (HashAlgorithm::Sha2512, "ddaf35a1"),
        ] {
            let mut hash = Provider.hash(algorithm).unwrap();
            hash.update(b"abc");
            assert!(hex(&hash.finalize()).starts_with(begins));
        }
    }

    #[test]
    fn a_signature_is_verified_whole_and_hashed() {
        use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, SigningKey as _};
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let signature = pair.sign(b"message").unwrap();
        let (key, scheme) = (pair.public_key_raw(), SigningScheme::EcdsaP256Sha256);
        let digest = Sha256::digest(b"message");
        let whole = |data: &[u8]| Provider.verify_raw(scheme, key, data, &signature);
        let hashed = |digest: &[u8]| Provider.verify_prehashed(scheme, key, digest, &signature);
        assert!(whole(b"message").is_ok() && hashed(&digest).is_ok());
        assert!(whole(b"other").is_err() && hashed(&Sha256::digest(b"other")).is_err());
    }
}
