//! Whose certificates a collector may have.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_rustls::rustls::RootCertStore;

/// The variables of OpenTelemetry's exporters that name a file of certificates. The
/// first that is set counts; an empty one is not set.
const VARIABLES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
];

/// A file of certificates that can't be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{variable}: {}: {problem}; expected certificates in PEM (`-----BEGIN CERTIFICATE-----`)",
    file.display()
)]
pub struct UnusableCertificate {
    variable: &'static str,
    file: PathBuf,
    problem: String,
}

/// Those of the file that a variable names, alone, else those of the system.
pub(super) fn trusted() -> Result<RootCertStore, UnusableCertificate> {
    let Some((variable, file)) = chosen(|name| env::var_os(name)) else {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    read(&file).map_err(|problem| UnusableCertificate {
        variable,
        file,
        problem,
    })
}

fn chosen(set: impl Fn(&str) -> Option<OsString>) -> Option<(&'static str, PathBuf)> {
    let mut files = VARIABLES.into_iter().filter_map(|name| {
        let file = set(name).filter(|file| !file.is_empty())?;
        Some((name, file.into()))
    });
    files.next()
}

fn read(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    match roots.is_empty() {
        true => Err("there is no certificate in it".to_owned()),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_for_traces_goes_before_the_one_for_all_and_an_empty_one_is_not_set() {
        let [traces, all] = VARIABLES;
        for (set, expected) in [
            (&[(traces, "t"), (all, "a")][..], Some((traces, "t"))),
            (&[(traces, ""), (all, "a")], Some((all, "a"))),
            (&[(all, "")], None),
            (&[], None),
        ] {
            let found = chosen(|name| {
                let set = set.iter().find(|(variable, _)| *variable == name);
                set.map(|(_, file)| file.into())
            });
            let expected = expected.map(|(variable, file)| (variable, PathBuf::from(file)));
            assert_eq!(found, expected, "{set:?}");
        }
    }

    #[test]
    fn only_certificates_are_taken() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&file, made.cert.pem()).unwrap();
        assert_eq!(read(&file).unwrap().len(), 1);
        std::fs::write(&file, made.signing_key.serialize_pem()).unwrap();
        assert!(read(&file).unwrap_err().contains("no certificate"));
        assert!(read(&directory.path().join("missing")).is_err());
    }
}
