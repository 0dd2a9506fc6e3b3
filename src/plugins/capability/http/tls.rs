//! Whom the client trusts.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::servers::Servers;

/// TLS with the system's certificates and those of a file.
///
/// The provider is named here, so that it does not matter which one another
/// library may install for the process.
pub(super) fn config(ca_file: Option<&Path>, servers: &Servers) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if servers.any_tls() {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
    }
    if let Some(file) = ca_file {
        add(&mut roots, file)
            .map_err(|problem| format!("`ca-file`: {}: {problem}", file.display()))?;
    }
    if roots.is_empty() && servers.any_tls() {
        tracing::warn!(
            "the system has no certificates to trust, so no https request of a plugin can work; \
             install its package ca-certificates, or name a file with `ca-file`"
        );
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    let mut any = false;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        any = true;
    }
    if any {
        return Ok(());
    }
    Err("there is no certificate in it; expected PEM (`-----BEGIN CERTIFICATE-----`)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_file(content: &str) -> Result<ClientConfig, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let servers = Servers::parse(&["https://example.com".to_owned()]).unwrap();
        config(Some(file.path()), &servers)
    }

    #[test]
    fn a_file_of_certificates_is_taken() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        assert!(try_file(&made.cert.pem()).is_ok());
    }

    #[test]
    fn a_file_that_is_none_is_named_with_its_fault() {
        let error = try_file("hello").unwrap_err();
        assert!(error.contains("`ca-file`: /"), "{error}");
        assert!(error.contains("expected PEM"), "{error}");
        let servers = Servers::parse(&["https://example.com".to_owned()]).unwrap();
        let error = config(Some(Path::new("/not/there.pem")), &servers).unwrap_err();
        assert!(error.contains("/not/there.pem"), "{error}");
    }
}
