//! TLS with a collector: whose certificate it may have, and what is shown to it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, ConfigBuilder, RootCertStore};

/// The variables of OpenTelemetry's exporters that name one file: that for traces
/// and that for all. The first that is set counts; an empty one is not set.
type Variables = [&'static str; 2];

const TRUSTED: Variables = [
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
];

const SHOWN: Variables = [
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
];

const KEY: Variables = [
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
];

/// Why TLS with a collector cannot be as the variables want it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectorTlsError {
    /// A file of certificates is none.
    #[error(
        "{variable}: {}: {problem}; expected certificates in PEM (`-----BEGIN CERTIFICATE-----`)",
        file.display()
    )]
    Certificate {
        /// What names the file.
        variable: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file with a key has none.
    #[error(
        "{variable}: {}: {problem}; expected a private key in PEM (`-----BEGIN PRIVATE KEY-----`)",
        file.display()
    )]
    Key {
        /// What names the file.
        variable: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// One of the client's certificate and its key is named, and the other is not.
    #[error("{set} is set without {missing}; set both, or neither")]
    Half {
        /// The variable that is set.
        set: &'static str,
        /// One that belongs to it.
        missing: &'static str,
    },
    /// The key is not the certificate's.
    #[error(
        "{variable}: {}: it is the key of another certificate than that in {}; expected the two \
         that belong together",
        key.display(),
        certificate.display()
    )]
    OtherKey {
        /// What names the key.
        variable: &'static str,
        /// The file with the key.
        key: PathBuf,
        /// The file with the certificate.
        certificate: PathBuf,
    },
    /// TLS is not to be had.
    #[error("TLS can't be used for traces")]
    Tls(#[from] rustls::Error),
}

/// What the variables say, or what is usual: the authorities of the system, and no
/// certificate of the client's.
pub(super) fn encrypted() -> Result<ClientConfig, CollectorTlsError> {
    let set = |name: &str| env::var_os(name);
    let roots = trusted(chosen(TRUSTED, set))?;
    let config = config()?.with_root_certificates(roots);
    showing(config, chosen(SHOWN, set), chosen(KEY, set))
}

/// With the client's certificate, if there is one.
fn showing(
    config: ConfigBuilder<ClientConfig, WantsClientCert>,
    shown: Named,
    key: Named,
) -> Result<ClientConfig, CollectorTlsError> {
    let Some((certificates, private)) = identity(&shown, &key)? else {
        return Ok(config.with_no_client_auth());
    };
    let showing = config.with_client_auth_cert(certificates, private);
    showing.map_err(|error| match (error, shown, key) {
        (rustls::Error::InconsistentKeys(_), Some((_, certificate)), Some((variable, key))) => {
            CollectorTlsError::OtherKey {
                variable,
                key,
                certificate,
            }
        }
        (other, ..) => other.into(),
    })
}

/// For a collector that does not speak TLS; no variable is asked for.
pub(super) fn plain() -> Result<ClientConfig, CollectorTlsError> {
    let roots = RootCertStore::empty();
    Ok(config()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn config() -> Result<ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
}

/// A variable, and the file that it names.
type Named = Option<(&'static str, PathBuf)>;

fn chosen(variables: Variables, set: impl Fn(&str) -> Option<OsString>) -> Named {
    let mut files = variables.into_iter().filter_map(|name| {
        let file = set(name).filter(|file| !file.is_empty())?;
        Some((name, file.into()))
    });
    files.next()
}

/// Those of the file, alone, else those of the system.
fn trusted(named: Named) -> Result<RootCertStore, CollectorTlsError> {
    let mut roots = RootCertStore::empty();
    let Some((variable, file)) = named else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let added = certificates(&file).and_then(|certificates| {
        for certificate in certificates {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        Ok(roots)
    });
    added.map_err(|problem| CollectorTlsError::Certificate {
        variable,
        file,
        problem,
    })
}

/// The client's certificate, with those that lead to its authority, and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(shown: &Named, key: &Named) -> Result<Option<Identity>, CollectorTlsError> {
    let ((certificate_in, certificate), (key_in, key)) = match (shown, key) {
        (None, None) => return Ok(None),
        (Some((set, _)), None) => return Err(half(set, SHOWN, KEY)),
        (None, Some((set, _))) => return Err(half(set, KEY, SHOWN)),
        (Some(shown), Some(key)) => (shown, key),
    };
    let certificates =
        certificates(certificate).map_err(|problem| CollectorTlsError::Certificate {
            variable: certificate_in,
            file: certificate.clone(),
            problem,
        })?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| CollectorTlsError::Key {
        variable: key_in,
        file: key.clone(),
        problem: error.to_string(),
    })?;
    Ok(Some((certificates, key)))
}

/// `set` is one of `there`; the one of `missing` that reaches as far belongs to it.
fn half(set: &'static str, there: Variables, missing: Variables) -> CollectorTlsError {
    let [for_traces, for_all] = missing;
    let missing = if there.first() == Some(&set) {
        for_traces
    } else {
        for_all
    };
    CollectorTlsError::Half { set, missing }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    let certificates: Result<Vec<_>, _> = certificates.collect();
    let certificates = certificates.map_err(|error| error.to_string())?;
    match certificates.is_empty() {
        true => Err("there is no certificate in it".to_owned()),
        false => Ok(certificates),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_variable_for_traces_goes_before_the_one_for_all_and_an_empty_one_is_not_set() {
        let [traces, all] = TRUSTED;
        for (set, expected) in [
            (&[(traces, "t"), (all, "a")][..], Some((traces, "t"))),
            (&[(traces, ""), (all, "a")], Some((all, "a"))),
            (&[(all, "")], None),
            (&[], None),
        ] {
            let found = chosen(TRUSTED, |name| {
                let set = set.iter().find(|(variable, _)| *variable == name);
                set.map(|(_, file)| file.into())
            });
            let expected = expected.map(|(variable, file)| (variable, PathBuf::from(file)));
            assert_eq!(found, expected, "{set:?}");
        }
    }

    #[test]
    fn only_certificates_and_keys_are_taken() {
        let directory = tempfile::tempdir().unwrap();
        let (ca, key) = (
            directory.path().join("ca.pem"),
            directory.path().join("key.pem"),
        );
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&ca, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let named = |file: &Path| Some(("V", file.to_owned()));
        let problem = |error: Option<CollectorTlsError>| error.unwrap().to_string();

        assert_eq!(trusted(named(&ca)).unwrap().len(), 1);
        for (file, part) in [
            (&key, "no certificate"),
            (&directory.path().join("missing"), "V: "),
        ] {
            assert!(problem(trusted(named(file)).err()).contains(part), "{part}");
        }
        assert!(identity(&named(&ca), &named(&key)).unwrap().is_some());
        let wrong = problem(identity(&named(&key), &named(&key)).err());
        assert!(wrong.contains("expected certificates in PEM"), "{wrong}");
        let wrong = problem(identity(&named(&ca), &named(&ca)).err());
        assert!(wrong.contains("expected a private key in PEM"), "{wrong}");
    }

    #[test]
    fn the_key_of_another_certificate_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let [first, second] = ["a", "b"].map(|name| {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            let file = |end: &str, text: String| {
                let file = directory.path().join(format!("{name}.{end}"));
                fs::write(&file, text).unwrap();
                file
            };
            let key = file("key", made.signing_key.serialize_pem());
            (file("pem", made.cert.pem()), key)
        });
        let show = |certificate: &Path, key: &Path| {
            let config = config()
                .unwrap()
                .with_root_certificates(RootCertStore::empty());
            let named = |variable, file: &Path| Some((variable, file.to_owned()));
            showing(config, named(SHOWN[1], certificate), named(KEY[1], key))
        };
        assert!(show(&first.0, &first.1).is_ok());
        let error = show(&first.0, &second.1).unwrap_err().to_string();
        for part in [KEY[1], "b.key", "a.pem", "belong together"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn of_certificate_and_key_neither_comes_alone() {
        let named = |variable| Some((variable, PathBuf::from("f")));
        for (shown, key, missing) in [
            (named(SHOWN[0]), None, KEY[0]),
            (named(SHOWN[1]), None, KEY[1]),
            (None, named(KEY[0]), SHOWN[0]),
            (None, named(KEY[1]), SHOWN[1]),
        ] {
            let error = identity(&shown, &key).err().unwrap().to_string();
            assert!(error.contains(&format!("without {missing};")), "{error}");
        }
        assert!(identity(&None, &None).unwrap().is_none());
    }
}
