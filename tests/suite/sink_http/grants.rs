//! What a plugin of the directory may reach.

use super::start;
use crate::harness::guests::install;
use crate::harness::programs::installed;
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

/// Through `wasi:http`, and through the server's own interface.
const WAYS: [&str; 2] = ["fetch", "ask"];

fn fetch(tus: &Tus, way: &str, url: &str) -> String {
    let said = tus.create_with(3, &[(way, url)]);
    assert_eq!(said.status(), 418);
    said.text().unwrap()
}

fn is_denied(said: &str) -> bool {
    let codes = ["HttpRequestDenied", "DestinationIpProhibited", "Denied("];
    codes.into_iter().any(|code| said.contains(code))
}

#[test]
fn without_a_grant_nothing_is_reached_and_the_operator_reads_what_to_write() {
    let receiver = Receiver::start(|_| Answer::with(200, &[], b"hello"));
    let (server, tus) = fetching("");
    for way in WAYS {
        let mark = server.mark();
        assert!(is_denied(&fetch(&tus, way, &receiver.url("/token"))));
        let line = server.wait_for_log_after(mark, "does not allow");
        let write = format!("servers = [\\\"{}\\\"]", receiver.url(""));
        for part in ["plugin=\"fetch\"", "capability=\"http\"", &write] {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains("token"), "{line}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn a_grant_opens_its_server_and_no_other() {
    let receiver = Receiver::start(|_| Answer::with(200, &[], b"hello"));
    let other = Receiver::start(|_| Answer::with(200, &[], b"other"));
    let grant = format!("[allow.http]\nservers = [\"{}\"]\n", receiver.url(""));
    let (_server, tus) = fetching(&grant);
    // Another name of the same place is not what was written.
    let by_name = format!("http://localhost:{}/a", receiver.address().port());
    for way in WAYS {
        assert_eq!(fetch(&tus, way, &receiver.url("/a")), "200 hello");
        assert!(is_denied(&fetch(&tus, way, &other.url("/a"))));
        assert!(is_denied(&fetch(&tus, way, &by_name)));
    }

    receiver.tell({
        let (there, here) = (other.url("/b"), receiver.url("/b"));
        move |request| match request.path.as_str() {
            "/there" => Answer::redirect(302, &there),
            "/here" => Answer::redirect(302, &here),
            _ => Answer::with(200, &[], b"hello"),
        }
    });
    for way in WAYS {
        assert_eq!(fetch(&tus, way, &receiver.url("/here")), "200 hello");
        assert!(is_denied(&fetch(&tus, way, &receiver.url("/there"))));
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn a_network_and_any_port_are_grants_too() {
    let receiver = Receiver::start(|_| Answer::with(200, &[], b"hello"));
    let port = receiver.address().port();
    for (server, reached) in [
        (format!("http://127.0.0.0/8:{port}"), true),
        ("http://127.0.0.0/8:*".to_owned(), true),
        ("http://127.0.0.1:*".to_owned(), true),
        ("http://127.0.0.0/8".to_owned(), false),
        (format!("http://10.0.0.0/8:{port}"), false),
        (format!("https://127.0.0.0/8:{port}"), false),
    ] {
        let grant = format!("[allow.http]\nservers = [\"{server}\"]\n");
        let (_server, tus) = fetching(&grant);
        for way in WAYS {
            let said = fetch(&tus, way, &receiver.url("/"));
            assert_eq!(said == "200 hello", reached, "{server}: {said}");
        }
    }
}

/// A server that finds names in a file of its own; none where the kernel does not
/// let it.
fn with_hosts(setup: Setup, hosts: &str) -> Option<Setup> {
    let try_it = ["-rm", "mount", "--bind", "/etc/hosts", "/etc/hosts"];
    let tried = std::process::Command::new("unshare").args(try_it).status();
    let works = tried.is_ok_and(|status| status.success());
    if !installed("`unshare -rm mount --bind`", works) {
        return None;
    }
    let file = setup.path().join("hosts");
    std::fs::write(&file, hosts).unwrap();
    let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    let program = ["unshare", "-rm", "/bin/sh", "-c", script];
    let mut program: Vec<_> = program.map(str::to_owned).to_vec();
    program.push(file.to_str().unwrap().to_owned());
    Some(setup.under(program))
}

#[test]
fn a_name_that_a_wildcard_allows_may_not_lead_inside_unless_its_network_is_named() {
    let receiver = Receiver::start(|_| Answer::with(200, &[], b"hello"));
    let port = receiver.address().port();
    let url = format!("http://a.hooks.test:{port}/");
    for (networks, reached) in [("", false), ("networks = [\"127.0.0.0/8\"]\n", true)] {
        let grant = format!(
            "limits.wall-time-ms = 60000\n\
             [allow.http]\nservers = [\"http://*.hooks.test:{port}\"]\n{networks}"
        );
        let setup = Setup::new().with_hooks();
        let Some(setup) = with_hosts(setup, "127.0.0.1 a.hooks.test\n") else {
            return;
        };
        install(&setup.hooks_dir(), "fetch", "fetch");
        std::fs::write(setup.hooks_dir().join("fetch.toml"), grant).unwrap();
        let (server, tus) = start(&setup);
        for way in WAYS {
            let said = fetch(&tus, way, &url);
            assert_eq!(said == "200 hello", reached, "{said}");
            assert_eq!(is_denied(&said), !reached, "{said}");
        }
        if reached {
            continue;
        }
        let line = server.wait_for_log("a plugin was denied");
        for part in [
            "127.0.0.1",
            "into `networks` under [allow.http]",
            "capability=\"http\"",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(receiver.connections(), 0);
    }
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
    for (way, said) in WAYS
        .into_iter()
        .zip(["HttpResponseIncomplete", "too large"])
    {
        let whole = fetch(&tus, way, &receiver.url("/2048"));
        assert_eq!(whole.len(), 2048 + "200 ".len());
        let more = fetch(&tus, way, &receiver.url("/2049"));
        assert!(more.contains(said), "{more}");
    }
}

#[test]
fn what_is_no_request_is_said_to_the_plugin() {
    let (_server, tus) = fetching("[allow.http]\nservers = [\"http://127.0.0.1:*\"]\n");
    for url in [
        "",
        "/a",
        "127.0.0.1",
        "http://",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://a b/",
    ] {
        let said = fetch(&tus, "ask", url);
        let expected = "Invalid(\"the URL cannot be used; write such as `https://";
        assert!(said.contains(expected), "{url}: {said}");
    }
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
        ("server = \"http://a\"", "did you mean `servers`?"),
    ] {
        let (server, _) = fetching(&format!("[allow.http]\n{grant}\n"));
        let line = server.wait_for_log("plugin not loaded");
        assert!(line.contains(part), "{line}");
    }
}
