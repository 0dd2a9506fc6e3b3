//! The log in JSON: one object a line, with the ids of what it is about.

use serde_json::Value;

use crate::harness::collector::Collector;
use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{OFFSET_TYPE, Tus};

fn in_json() -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.arguments(&["--log-format", "json"]).start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// All lines; every one has to be JSON.
fn lines(server: &Server) -> Vec<Value> {
    let log = server.log();
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn line(server: &Server, message: &str) -> Value {
    server.wait_for_log(message);
    let mut lines = lines(server).into_iter();
    lines.find(|line| line["message"] == message).unwrap()
}

#[test]
fn every_line_is_an_object_and_those_of_a_request_have_its_ids() {
    let (server, tus) = in_json();
    let url = tus.create(3);
    let id = url.rsplit('/').next().unwrap();
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.create_with(3, &[("behave", "reject")]).status(), 403);
    let rejected = line(&server, "rejected by a plugin");
    assert_eq!(rejected["level"], "INFO");
    assert_eq!(rejected["status"], 403);
    assert_eq!(rejected["plugin"], "hostile");
    assert!(
        rejected["event"].as_str().unwrap().len() == 36,
        "{rejected}"
    );
    let told = line(&server, "hostile: notified");
    assert_eq!(told["upload"], id);
    let lines = lines(&server);
    for line in &lines {
        for key in ["time", "level", "target", "message"] {
            assert!(line[key].is_string(), "{key}: {line}");
        }
    }
    let requests = lines.iter().filter(|line| line["message"] == "request");
    let ids: Vec<&str> = requests
        .map(|line| line["request"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
    let patched = lines.iter().find(|line| line["method"] == "PATCH").unwrap();
    assert_eq!(patched["upload"], id);
    // What a plugin was asked during a request is found by the request's id.
    let asked = lines
        .iter()
        .find(|line| line["message"] == "asked about an event");
    assert_eq!(asked.unwrap()["request"], ids[0]);
}

#[test]
fn what_clients_and_plugins_write_breaks_no_line() {
    let (server, tus) = in_json();
    let evil = "a\"}\n{\"level\":\"ERROR\"}\u{1b}[31m";
    assert_eq!(tus.create_with(3, &[("filename", evil)]).status(), 201);
    let trap = tus.create_with(3, &[("behave", "trap")]);
    assert_eq!(trap.status(), 503);
    let path = format!("{}/x%22%7D%0A", server.files());
    assert_eq!(tus.get(&path).status(), 404);
    let failed = line(&server, "a plugin did not answer");
    assert_eq!(failed["cause"], "trap");
    assert!(!lines(&server).is_empty());
}

#[test]
fn lines_and_traces_have_the_trace_in_common() {
    let collector = Collector::start();
    let setup = collector
        .told_by(Setup::new())
        .arguments(&["--log-format", "JSON"]);
    let server = setup.start();
    let tus = Tus::new(server.files());
    let headers = [("Upload-Offset", "0"), ("Content-Type", OFFSET_TYPE)];
    let nowhere = format!("{}/nowhere", server.files());
    assert_eq!(tus.send("PATCH", &nowhere, &headers, "").status(), 404);
    let span = collector.wait_for("PATCH uploads/{id}");
    let request = line(&server, "request");
    assert_eq!(request["trace"], span.trace.as_str());
    assert_eq!(request["request"], span.attributes["request"].as_str());
}

#[test]
fn text_is_as_it_was_and_another_word_ends_the_start() {
    let server = Setup::new().arguments(&["--log-format", "text"]).start();
    Tus::new(server.files()).create(3);
    let line = server.wait_for_log("request method=POST");
    assert!(
        !line.contains("request{") && !line.contains("otel"),
        "{line}"
    );
    let (status, log) = Setup::new().arguments(&["--log-format", "xml"]).run();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("expected text or json"), "{log}");
}

#[test]
fn with_the_level_off_nothing_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let setup = Setup::new().with_port(&port);
    let setup = setup.arguments(&["--log-format", "json", "--log-level", "off"]);
    let (status, log) = setup.run();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(!log.contains("\"level\""), "{log}");
}
