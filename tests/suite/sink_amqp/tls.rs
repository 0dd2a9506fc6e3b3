//! `amqps:`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{a_life, into_one_queue, lives, publishing_to};
use crate::harness::amqp::Amqp;
use crate::harness::eventually;
use crate::harness::guarded::free_port;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::harness::tus::Tus;

/// A certificate for `127.0.0.1` and its key.
fn certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

#[test]
fn a_broker_with_a_certificate_that_is_trusted_gets_events() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(directory.path());
    let port = free_port();
    let lines = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\n\
         ssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\n",
        certificate.display(),
        key.display()
    );
    let Some(rabbitmq) = RabbitMq::start_with(&lines) else {
        return;
    };
    let url = format!("amqps://guest:guest@127.0.0.1:{port}/%2f");
    let server = into_one_queue(&url, "sealed")
        .arguments(&["--hooks-amqp-ca-file", certificate.to_str().unwrap()])
        .start();
    let uploads = [a_life(&Tus::new(server.files()))];
    let client: Amqp = rabbitmq.client();
    super::assert_in_order(&lives(&client, "sealed", &uploads), &uploads);
}

#[test]
fn a_wrong_certificate_is_named_with_what_to_do() {
    let says = |server: &Server, what: &str| {
        eventually("the log says what is wrong", || {
            server.log().lines().any(|line| {
                line.contains("what a plugin passes on is not taken")
                    && line.contains("plugin=\"amqp\"")
                    && line.contains("cause=\"unavailable\"")
                    && line.contains("--hooks-amqp-ca-file")
                    && line.contains(what)
            })
        });
    };
    // Who speaks TLS before anything else need not be a broker.
    let strange = Receiver::start_tls("127.0.0.1", |_| Answer::status(204));
    let url = format!("amqps://guest:guest@{}/%2f", strange.address());
    let server = publishing_to(&url, "stranger").start();
    a_life(&Tus::new(server.files()));
    says(&server, "UnknownIssuer");

    let misnamed = Receiver::start_tls("example.com", |_| Answer::status(204));
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    fs::write(&ca, misnamed.certificate().unwrap()).unwrap();
    let url = format!("amqps://guest:guest@{}/%2f", misnamed.address());
    let server = publishing_to(&url, "misnamed")
        .arguments(&["--hooks-amqp-ca-file", ca.to_str().unwrap()])
        .start();
    a_life(&Tus::new(server.files()));
    says(&server, "not valid for name");
}
