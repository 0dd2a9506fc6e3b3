//! `security.protocol=ssl` and `sasl_ssl`.

use super::{LIFE, a_life, milestones, sending_to};
use crate::harness::certificate::Certificate;
use crate::harness::eventually;
use crate::harness::kafka::Kafka;
use crate::harness::tus::Tus;

/// Options that trust this certificate and no other.
fn trusting(certificate: &Certificate) -> String {
    let file = certificate.file();
    format!("security.protocol=ssl;ssl.ca.location={}", file.display())
}

#[test]
fn a_broker_with_a_certificate_that_is_trusted_gets_events_and_another_does_not() {
    let certificate = Certificate::for_name("127.0.0.1");
    let Some(kafka) = Kafka::start_with_tls(&certificate) else {
        return;
    };
    let options = trusting(&certificate);
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
    let other_options = trusting(&other);
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
    let Some(kafka) = Kafka::start_with_tls(&certificate) else {
        return;
    };
    let options = trusting(&certificate);
    let flags = ["--hooks-kafka-extra-options", options.as_str()];
    let server = sending_to(&kafka.tls_bootstrap(), &flags).start();
    Tus::new(server.files()).create(3);
    let line = server.wait_for_log("a Kafka broker cannot be used");
    for part in ["plugin=\"kafka\"", "certificate", "ssl.ca.location"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(kafka.topics().is_empty());
}

#[test]
fn a_wrong_password_of_scram_over_tls_is_said_without_it_and_the_right_one_works() {
    let certificate = Certificate::for_name("127.0.0.1");
    let Some(kafka) = Kafka::start_with_tls(&certificate) else {
        return;
    };
    for (topic, password) in [("scram-wrong", "verschlossen=="), ("scram-right", "secret")] {
        let options = format!(
            "security.protocol=sasl_ssl;ssl.ca.location={};sasl.mechanisms=SCRAM-SHA-512;\
             sasl.username=rustus;sasl.password={password}",
            certificate.file().display()
        );
        let flags = [
            "--hooks-kafka-topic",
            topic,
            "--hooks-kafka-extra-options",
            &options,
        ];
        let server = sending_to(&kafka.scram_bootstrap(), &flags).start();
        Tus::new(server.files()).create(3);
        if topic == "scram-right" {
            kafka.wait_for(topic, 2);
        } else {
            let line = server.wait_for_log("a Kafka broker cannot be used");
            for part in [
                "plugin=\"kafka\"",
                "Authentication failure",
                "sasl_ssl://",
                "SCRAM-SHA-512",
                "sasl.username and sasl.password as the brokers",
            ] {
                assert!(line.contains(part), "{line}");
            }
        }
        assert!(!server.log().contains(password), "{}", server.log());
    }
    assert_eq!(kafka.topics(), ["scram-right"]);
}
