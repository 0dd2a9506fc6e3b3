//! TLS, HTTP/2, Unix sockets: the same uploads over other roads.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::eventually;
use crate::harness::http2::Http2;
use crate::harness::programs::{curl, is_there};
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

/// Writes a certificate for `name` and its key into `directory`.
fn certify(directory: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned(), "127.0.0.1".to_owned()]);
    let made = made.unwrap();
    fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
}

/// The fields of a creation with all bytes, and their file.
fn upload<'a>(file: &'a str, length: &'a str) -> Vec<&'a str> {
    vec![
        "-X",
        "POST",
        "-H",
        "Tus-Resumable: 1.0.0",
        "-H",
        length,
        "-H",
        "Content-Type: application/offset+octet-stream",
        "--data-binary",
        file,
    ]
}

#[test]
fn uploads_go_over_tls_in_both_versions_of_http() {
    if !is_there("curl", "--version") {
        return;
    }
    let setup = Setup::new();
    certify(setup.path(), "localhost");
    let server = setup
        .arguments(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"])
        .start();
    let ca = server.data_dir().with_file_name("cert.pem");
    let ca = ca.to_str().unwrap();
    let url = format!("https://{}/files", server.address());
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let file = server.data_dir().with_file_name("content");
    fs::write(&file, &content).unwrap();
    let file = format!("@{}", file.display());
    for (version, status) in [("--http2", "HTTP/2 201"), ("--http1.1", "HTTP/1.1 201")] {
        let mut arguments = vec![version, "--cacert", ca];
        arguments.extend(upload(&file, "Upload-Length: 3000000"));
        arguments.push(&url);
        let answer = curl(&arguments);
        assert!(answer.contains(status), "{answer}");
        let location = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "))
            .unwrap();
        assert!(location.starts_with(&url), "{location}");
        let got = Command::new("curl")
            .args(["-s", version, "--cacert", ca, location])
            .output()
            .unwrap();
        assert!(got.stdout == content);
    }
    // Whoever does not speak TLS is not answered.
    let plain = curl(&[&url.replace("https", "http")]);
    assert!(!plain.contains("HTTP/1.1 2"), "{plain}");
}

#[test]
fn a_certificate_is_replaced_while_the_server_runs_and_a_broken_one_is_not_taken() {
    if !is_there("curl", "--version") {
        return;
    }
    let setup = Setup::new();
    certify(setup.path(), "localhost");
    let server = setup
        .arguments(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"])
        .start();
    let directory = server.data_dir().parent().unwrap().to_owned();
    let url = format!("https://{}/health", server.address());
    let accepts = |ca: &Path| curl(&["--cacert", ca.to_str().unwrap(), &url]).contains(" 200");
    let old = directory.join("old.pem");
    fs::copy(directory.join("cert.pem"), &old).unwrap();
    assert!(accepts(&old));

    let mark = server.mark();
    fs::write(directory.join("cert.pem"), "nonsense").unwrap();
    server.wait_for_log_after(mark, "the one before stays");
    assert!(accepts(&old));

    certify(&directory, "localhost");
    let new = directory.join("cert.pem");
    eventually("the new certificate is used", || accepts(&new));
    assert!(!accepts(&old));
}

#[test]
fn certificates_that_cannot_be_used_end_the_start() {
    for (arguments, part) in [
        (&["--tls-cert", "cert.pem"][..], "--tls-key"),
        (&["--tls-key", "key.pem"], "--tls-cert"),
        (
            &["--tls-cert", "none.pem", "--tls-key", "key.pem"],
            "none.pem",
        ),
        (
            &["--tls-cert", "key.pem", "--tls-key", "key.pem"],
            "has no certificate",
        ),
        (
            &[
                "--tls-cert",
                "cert.pem",
                "--tls-key",
                "key.pem",
                "--unix-socket",
                "s",
            ],
            "--unix-socket",
        ),
    ] {
        let setup = Setup::new().arguments(arguments);
        certify(setup.path(), "localhost");
        let (status, log) = setup.run();
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(log.contains(part), "{log}");
    }
}

#[test]
fn http2_without_tls_is_spoken_to_who_knows() {
    if !is_there("curl", "--version") {
        return;
    }
    let server = Setup::new().start();
    let mut arguments = vec!["--http2-prior-knowledge"];
    arguments.extend(upload("0123456789", "Upload-Length: 10"));
    let files = server.files();
    arguments.push(&files);
    let answer = curl(&arguments);
    assert!(answer.starts_with("HTTP/2 201"), "{answer}");
    assert!(answer.contains("upload-offset: 10"), "{answer}");
    // Without a body there is none, also without a length of it.
    let empty = curl(&[
        "--http2-prior-knowledge",
        "-X",
        "POST",
        "-H",
        "Tus-Resumable: 1.0.0",
        "-H",
        "Upload-Length: 5",
        &files,
    ]);
    assert!(empty.starts_with("HTTP/2 201"), "{empty}");
    let refused = curl(&[
        "--http2-prior-knowledge",
        "-X",
        "PATCH",
        "-H",
        "Tus-Resumable: 1.0.0",
        "-H",
        "Upload-Offset: 0",
        "-H",
        "Content-Type: application/offset+octet-stream",
        "--data-binary",
        "x",
        &format!("{files}/nowhere"),
    ]);
    assert!(refused.starts_with("HTTP/2 404"), "{refused}");
}

#[test]
fn a_refusal_over_http2_does_not_reset_a_body_on_its_way() {
    let server = Setup::new().start();
    let client = Http2::connect(server.address());
    let mut refused = client.patch("/files/nowhere", 0, &[]);
    assert_eq!(refused.answer().status, 404);
    // More than may be under way without being read.
    assert!(refused.is_taken(3_000_000));
    refused.end();
}

#[test]
fn what_came_over_http2_before_the_connection_broke_is_stored() {
    if !is_there("curl", "--version") {
        return;
    }
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let url = tus.create(10_000_000);
    let mut child = Command::new("curl")
        .args(["-s", "--http2-prior-knowledge", "-X", "PATCH", "-T", "-"])
        .args(["-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Offset: 0"])
        .args(["-H", "Content-Type: application/offset+octet-stream", &url])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let body = vec![7; 2_000_000];
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&body).unwrap();
    // More than the buffers of pipe and client hold back.
    let come = || server.stored_bytes(&url).len() as u64;
    eventually("bytes come", || come() > 1_000_000);
    let reached = come();
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the upload can be resumed", || {
        let offset = tus.offset(&url);
        assert!(offset >= reached);
        let rest = vec![7; 10_000_000 - usize::try_from(offset).unwrap()];
        tus.patch(&url, offset, rest).status() == 204
    });
}

#[test]
fn a_unix_socket_stands_in_for_a_port_and_goes_with_the_server() {
    if !is_there("curl", "--version") {
        return;
    }
    let setup = Setup::new().arguments(&["--unix-socket", "socket"]);
    let path = setup.path().join("socket");
    let at = path.to_str().unwrap().to_owned();
    let ask = || curl(&["--unix-socket", &at, "http://h/health"]);
    let server = setup.start();
    assert!(ask().contains("HTTP/1.1 200"));
    let (status, log) = setup.run();
    assert_eq!(status.code(), Some(1), "{log}");
    // A crash leaves the file behind, which keeps nobody from starting.
    server.kill();
    assert!(path.exists());
    let server = setup.start();
    assert!(ask().contains("HTTP/1.1 200"));
    assert_eq!(server.terminate().code(), Some(0));
    assert!(!path.exists());
    fs::write(&path, "precious").unwrap();
    let (status, log) = setup.run();
    assert_eq!(status.code(), Some(1), "{log}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}
