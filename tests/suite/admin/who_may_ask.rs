//! The admin address is for operators: not for clients, and not for web pages
//! that have a browser ask.

use std::net::TcpListener;

use super::{start, with_a_rule};
use crate::harness::admin::Admin;
use crate::harness::server::Setup;

const PATHS: [&str; 4] = ["/metrics", "/plugins", "/outbox", "/openapi.json"];

#[test]
fn nothing_of_it_is_at_the_address_of_uploads() {
    for base in ["/files", "/"] {
        let setup = Setup::new().with_admin().arguments(&["--url", base]);
        let (server, tus, _admin) = start(&setup);
        for path in PATHS {
            let answer = tus.get(&format!("{}{path}", server.origin()));
            assert_eq!(answer.status(), 404, "{base} {path}");
            assert!(!answer.text().unwrap().contains("rustus_"), "{path}");
        }
        let disable = format!("{}/plugins/rule/disable", server.origin());
        assert_ne!(tus.send("POST", &disable, &[], "").status(), 200);
    }
}

#[test]
fn uploads_are_not_at_the_admin_address() {
    let (_server, tus, admin) = start(&Setup::new().with_admin());
    let answer = tus.send("POST", &admin.url("/files"), &[("Upload-Length", "3")], "");
    assert_eq!(answer.status(), 404);
}

#[test]
fn what_a_web_page_had_sent_is_refused_and_changes_nothing() {
    let (_server, _tus, admin) = with_a_rule();
    for headers in [
        &[("Origin", "https://evil.example")][..],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Host", "evil.example")],
        &[("Host", "127.0.0.1.evil.example:1082")],
    ] {
        for (method, path) in [
            ("POST", "/plugins/rule/disable"),
            ("GET", "/plugins"),
            ("GET", "/metrics"),
            ("OPTIONS", "/plugins"),
        ] {
            let answer = admin.send(method, path, headers);
            assert_eq!(answer.status(), 403, "{method} {path} {headers:?}");
            let allowed = answer.headers().contains_key("access-control-allow-origin");
            assert!(!allowed, "{headers:?}");
        }
    }
    assert_eq!(admin.plugin("rule")["state"], "serving");
}

#[test]
fn names_that_an_operator_chose_may_be_used() {
    let setup = Setup::new().with_admin();
    let setup = setup.arguments(&["--admin-hosts", "rustus, metrics.internal"]);
    let (_server, _tus, admin) = start(&setup);
    for (host, status) in [
        ("rustus:1082", 200),
        ("metrics.internal", 200),
        ("localhost", 200),
        ("other.internal", 403),
    ] {
        let answer = admin.send("GET", "/metrics", &[("Host", host)]);
        assert_eq!(answer.status(), status, "{host}");
    }
}

#[test]
fn what_is_not_there_and_what_is_not_allowed_is_an_error_in_json() {
    let (_server, _tus, admin) = with_a_rule();
    for (method, path, status, code) in [
        ("GET", "/", 404, "no-such-path"),
        ("GET", "/plugins/", 404, "no-such-path"),
        ("GET", "/plugins/rule/secrets", 404, "no-such-path"),
        ("GET", "/plugins/nobody", 404, "no-such-plugin"),
        (
            "GET",
            "/plugins/..%2F..%2Fetc%2Fpasswd",
            404,
            "no-such-plugin",
        ),
        ("GET", "/plugins/%00%ff%0a", 404, "no-such-plugin"),
        ("POST", "/plugins/nobody/disable", 404, "no-such-plugin"),
        ("POST", "/plugins/nobody/reload", 404, "no-such-plugin"),
        ("POST", "/plugins/rule/explode", 404, "no-such-path"),
        ("DELETE", "/plugins/rule", 405, "method-not-allowed"),
        ("GET", "/plugins/rule/disable", 405, "method-not-allowed"),
        ("POST", "/metrics", 405, "method-not-allowed"),
        ("BREW", "/outbox", 405, "method-not-allowed"),
    ] {
        let (got, answer) = admin.json(method, path);
        assert_eq!(got, status, "{method} {path}: {answer}");
        assert_eq!(answer["error"]["code"], code, "{method} {path}: {answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().len() > 10,
            "{answer}"
        );
    }
    let allowed = admin.send("GET", "/plugins/rule/disable", &[]);
    assert_eq!(crate::harness::tus::header(&allowed, "allow"), "POST");
    assert_eq!(admin.plugin("rule")["state"], "serving");
}

#[test]
fn without_plugins_there_is_no_plugin_and_no_outbox() {
    let (_server, _tus, admin) = start(&Setup::new().with_admin());
    assert_eq!(
        admin.json("GET", "/plugins").1["plugins"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert!(admin.json("GET", "/outbox").1["outbox"].is_null());
    assert_eq!(admin.json("POST", "/plugins/rule/disable").0, 404);
}

#[test]
fn an_address_that_was_chosen_and_is_taken_ends_the_start_and_the_default_does_not() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, log) = Setup::new().arguments(&["--admin-addr", &address]).run();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(
        log.contains(&address) && log.contains("--admin-addr"),
        "{log}"
    );

    let (status, log) = Setup::new().arguments(&["--admin-addr", "1082"]).run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("127.0.0.1:1082"), "{log}");

    // Whoever has the default port, this test or another program.
    let held = TcpListener::bind("127.0.0.1:1082");
    let server = Setup::new()
        .variable("RUSTUS_ADMIN_HOSTS", "")
        .with_admin_by_default()
        .start();
    server.wait_for_log("the admin address cannot be had");
    drop(held);
}

#[test]
fn it_is_off_when_it_is_switched_off() {
    let setup = Setup::new()
        .with_admin()
        .variable("RUSTUS_ADMIN_ADDR", "127.0.0.1:0");
    let server = setup.arguments(&["--admin-addr", "off"]).start();
    assert!(!server.log().contains("admin address"), "{}", server.log());
}

#[test]
fn it_ends_with_the_server_also_while_it_is_asked() {
    let (server, _tus, admin) = start(&Setup::new().with_admin());
    // A connection that is kept must not keep the server.
    assert_eq!(admin.send("GET", "/metrics", &[]).status(), 200);
    let address = admin.url("").replace("http://", "");
    assert_eq!(server.terminate().code(), Some(0));
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn metrics_are_there_while_the_server_stops() {
    let (server, tus, admin) = start(&Setup::new().with_admin());
    let url = tus.create(10);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let head = crate::harness::wire::Wire::patch_head(path, 0, 10);
    let _wire = crate::harness::wire::Wire::open(server.address(), &head, b"abcd");
    let again = Admin::of(&server);
    let under_way = || again.metrics().sum("rustus_requests_in_flight", &[]) == 1.0;
    crate::harness::eventually("it is under way", under_way);
    server.send_sigterm();
    server.wait_for_log("stopping");
    assert_eq!(admin.send("GET", "/metrics", &[]).status(), 200);
}
