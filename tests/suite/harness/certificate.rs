//! Certificates that nobody but a test has signed.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

/// A certificate for a name and its key, in PEM, and a file with the first.
pub struct Certificate {
    pub pem: String,
    pub key: String,
    directory: TempDir,
}

impl Certificate {
    pub fn for_name(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = Self {
            pem: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
            directory: tempfile::tempdir().unwrap(),
        };
        fs::write(certificate.file(), &certificate.pem).unwrap();
        certificate
    }

    /// For who is to trust it.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }
}
