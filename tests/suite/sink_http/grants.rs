//! What a plugin of the directory may reach.

use super::start;
use crate::harness::guests::install;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

/// A server with a guest that fetches what it is told to.
fn fetching(manifest: &str) -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "fetch", "fetch");
    let limits = "limits.wall-time-ms = 60000\n";
    std::fs::write(
        setup.hooks_dir().join("fetch.toml"),
        limits.to_owned() + manifest,
    )
    .unwrap();
    start(&setup)
}

fn fetch(tus: &Tus, url: &str) -> String {
    let said = tus.create_with(3, &[("fetch", url)]);
    assert_eq!(said.status(), 418);
    said.text().unwrap()
}

#[test]
fn without_a_grant_nothing_is_reached_and_the_operator_reads_what_to_write() {
    let receiver = Receiver::start(|_| Answer::with(200, &[], b"hello"));
    let (server, tus) = fetching("");
    assert!(fetch(&tus, &receiver.url("/token")).contains("HttpRequestDenied"));
    let line = server.wait_for_log("does not allow");
    let write = format!("servers = [\\\"{}\\\"]", receiver.url(""));
    assert!(
        line.contains(&write) && line.contains("plugin=\"fetch\""),
        "{line}"
    );
    assert!(!line.contains("token"), "{line}");
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn a_grant_opens_its_server_and_no_other() {
    let receiver = Receiver::start(|_| Answer::with(200, &[], b"hello"));
    let other = Receiver::start(|_| Answer::with(200, &[], b"other"));
    let grant = format!("[allow.http]\nservers = [\"{}\"]\n", receiver.url(""));
    let (_server, tus) = fetching(&grant);
    assert_eq!(fetch(&tus, &receiver.url("/a")), "200 hello");
    assert!(fetch(&tus, &other.url("/a")).contains("HttpRequestDenied"));
    // Another name of the same place is not what was written.
    let port = receiver.address().port();
    let by_name = format!("http://localhost:{port}/a");
    assert!(fetch(&tus, &by_name).contains("HttpRequestDenied"));

    receiver.tell({
        let (there, here) = (other.url("/b"), receiver.url("/b"));
        move |request| match request.path.as_str() {
            "/there" => Answer::redirect(302, &there),
            "/here" => Answer::redirect(302, &here),
            _ => Answer::with(200, &[], b"hello"),
        }
    });
    assert_eq!(fetch(&tus, &receiver.url("/here")), "200 hello");
    assert!(fetch(&tus, &receiver.url("/there")).contains("HttpRequestDenied"));
    assert_eq!(other.connections(), 0);
}

#[test]
fn an_answer_is_bounded_as_the_grant_says() {
    let receiver = Receiver::start(|request| {
        let size = request.path.trim_start_matches('/').parse().unwrap();
        Answer::bytes([&b"HTTP/1.0 200 OK\r\n\r\n"[..], &vec![b'x'; size]].concat())
    });
    let grant = format!(
        "[allow.http]\nservers = [\"{}\"]\nmax-response-kib = 2\n",
        receiver.url("")
    );
    let (_server, tus) = fetching(&grant);
    assert_eq!(
        fetch(&tus, &receiver.url("/2048")).len(),
        2048 + "200 ".len()
    );
    assert!(fetch(&tus, &receiver.url("/2049")).contains("HttpResponseIncomplete"));
}

#[test]
fn a_wrong_grant_is_said_and_the_plugin_is_not_loaded() {
    for (grant, part) in [
        ("servers = []", "`servers` is empty"),
        (
            "servers = [\"example.com\"]",
            "`example.com` is not a server",
        ),
        (
            "servers = [\"http://a\"]\nnetworks = [\"lan\"]",
            "`lan` is not a network",
        ),
        (
            "servers = [\"https://a\"]\nca-file = \"/not/there\"",
            "/not/there",
        ),
        (
            "servers = [\"http://a\"]\nmax-response-kib = 0",
            "between 1 and 1048576",
        ),
        ("server = \"http://a\"", "unknown field `server`"),
    ] {
        let (server, _) = fetching(&format!("[allow.http]\n{grant}\n"));
        let line = server.wait_for_log("plugin not loaded");
        assert!(line.contains(part), "{line}");
    }
}
