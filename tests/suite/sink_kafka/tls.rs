//! `security.protocol=ssl`.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{LIFE, a_life, milestones, sending_to};
use crate::harness::eventually;
use crate::harness::kafka::Kafka;
use crate::harness::tus::Tus;

/// A certificate for a name and its key, in PEM, and a file with the first.
struct Certificate {
    pem: String,
    key: String,
    directory: TempDir,
}

impl Certificate {
    fn for_name(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = Self {
            pem: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
            directory: tempfile::tempdir().unwrap(),
        };
        fs::write(certificate.file(), &certificate.pem).unwrap();
        certificate
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// Options that trust this one and no other.
    fn trusted(&self) -> String {
        let file = self.file();
        format!("security.protocol=ssl;ssl.ca.location={}", file.display())
    }
}

#[test]
fn a_broker_with_a_certificate_that_is_trusted_gets_events_and_another_does_not() {
    let certificate = Certificate::for_name("127.0.0.1");
    let Some(kafka) = Kafka::start_with_tls(&certificate.pem, &certificate.key) else {
        return;
    };
    let options = certificate.trusted();
    let flags = |topic, options| {
        [
            "--hooks-kafka-topic",
            topic,
            "--hooks-kafka-send-timeout",
            "5",
            "--hooks-kafka-extra-options",
            options,
        ]
    };
    let server = sending_to(&kafka.tls_bootstrap(), &flags("sealed", &options)).start();
    let upload = a_life(&Tus::new(server.files()));
    eventually("all events are there", || {
        kafka.topics().contains(&"sealed".to_owned())
            && milestones(&kafka.records("sealed"), &upload) == LIFE
    });
    drop(server);

    let other = Certificate::for_name("127.0.0.1");
    let other_options = other.trusted();
    let server = sending_to(&kafka.tls_bootstrap(), &flags("other", &other_options)).start();
    Tus::new(server.files()).create(3);
    let line = server.wait_for_log("a Kafka broker cannot be used");
    for part in [
        "plugin=\"kafka\"",
        "certificate verify failed",
        "ssl.ca.location names who signed their certificate",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!kafka.topics().contains(&"other".to_owned()));
}

#[test]
fn a_certificate_for_another_name_is_said() {
    let certificate = Certificate::for_name("kafka.example.com");
    let Some(kafka) = Kafka::start_with_tls(&certificate.pem, &certificate.key) else {
        return;
    };
    let options = certificate.trusted();
    let flags = ["--hooks-kafka-extra-options", options.as_str()];
    let server = sending_to(&kafka.tls_bootstrap(), &flags).start();
    Tus::new(server.files()).create(3);
    let line = server.wait_for_log("a Kafka broker cannot be used");
    for part in ["plugin=\"kafka\"", "certificate", "ssl.ca.location"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(kafka.topics().is_empty());
}
