//! Hooks in Go are command hooks: what the template and the examples answer, and
//! what the server does where a command can't.

use serde_json::Value;

use crate::harness::guests::replace;
use crate::harness::project::Project;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header, metadata};

/// A server with this project's module as the hook of an event.
fn serving(project: &Project, event: &str, flags: &[&str]) -> (Server, Tus) {
    let setup = Setup::new().with_hooks().arguments(flags);
    let module = setup.hooks_dir().join(format!("{event}.wasm"));
    replace(&module, &project.component());
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

#[test]
fn the_template_refuses_and_accepts() {
    let Some(project) = Project::new("go") else {
        return;
    };
    let (_server, tus) = serving(&project, "pre-create", &[]);
    let refused = tus.create_with(5, &[("filename", "Setup.EXE")]);
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.text().unwrap(), "Programs are not accepted.");
    assert_eq!(tus.create_with(1_000_000_001, &[]).status(), 400);
    assert_eq!(tus.create_with(5, &[("filename", "a.txt")]).status(), 201);
}

#[test]
fn an_example_refuses_by_type_and_size() {
    let Some(project) = Project::of_example("go", "refuse-by-type") else {
        return;
    };
    let (_server, tus) = serving(&project, "pre-create", &[]);
    let refused = tus.create_with(5, &[("filetype", "application/x-msdownload")]);
    assert_eq!(refused.status(), 400);
    assert!(refused.text().unwrap().contains("text/plain"));
    assert_eq!(tus.create_with(5, &[]).status(), 400);
    let text = [("filetype", "text/plain")];
    let refused = tus.create_with(1_000_001, &text);
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.text().unwrap(), "At most 1000000 bytes.");
    assert_eq!(tus.create_with(5, &text).status(), 201);
}

#[test]
fn an_example_checks_a_token_and_sets_the_owner() {
    let Some(project) = Project::of_example("go", "check-token") else {
        return;
    };
    let (_server, tus) = serving(&project, "pre-create", &["--hooks-format", "tusd-v2"]);
    let refused = tus.create_with(5, &[]);
    assert_eq!(refused.status(), 401);
    assert_eq!(header(&refused, "www-authenticate"), "Bearer");

    let sent = metadata(&[("filename", "ü.txt"), ("owner", "root")]);
    let with_token = |tus: &Tus, token: &str| {
        tus.post(&[
            ("upload-length", "5"),
            ("upload-metadata", &sent),
            ("authorization", &format!("Bearer {token}")),
        ])
    };
    assert_eq!(with_token(&tus, "guessed").status(), 401);
    let created = with_token(&tus, "ann-secret");
    assert_eq!(created.status(), 201);
    let kept = tus.head(&tus.location(&created));
    let expected = metadata(&[("filename", "ü.txt"), ("owner", "ann")]);
    assert_eq!(header(&kept, "upload-metadata"), expected);

    // In another format it could not set the owner, and lets nobody through.
    let (_server, tus) = serving(&project, "pre-create", &[]);
    let refused = with_token(&tus, "ann-secret");
    assert_eq!(refused.status(), 400);
    assert!(refused.text().unwrap().contains("--hooks-format tusd-v2"));
}

#[test]
fn an_example_logs_what_is_finished_while_the_server_tells_a_web_service() {
    let Some(project) = Project::of_example("go", "log-finished") else {
        return;
    };
    let receiver = Receiver::start(|_| Answer::status(204));
    let flags = [
        "--hooks",
        "post-finish",
        "--hooks-http-urls",
        &receiver.url("/done"),
    ];
    let (server, tus) = serving(&project, "post-finish", &flags);
    let url = tus.location(&tus.create_with(5, &[("filename", "a \"b\".txt")]));
    assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
    let line = server.wait_for_log("stdout: {");
    let record = line.split("stdout: ").nth(1).unwrap();
    let mut values = serde_json::Deserializer::from_str(record).into_iter::<Value>();
    let record = values.next().unwrap().unwrap();
    assert_eq!(Value::from(url.rsplit('/').next()), record["id"]);
    assert_eq!(record["length"], 5);
    assert_eq!(record["metadata"]["filename"], "a \"b\".txt");

    let told = &receiver.wait_for(1)[0];
    assert_eq!(told.header("hook-name"), Some("post-finish"));
    assert_eq!(told.json()["upload"]["id"], record["id"]);
}

#[test]
fn the_cases_and_the_tests_of_the_examples_pass() {
    for (example, format, passed) in [
        ("refuse-by-type", "default", 2),
        ("check-token", "tusd-v2", 2),
        ("log-finished", "v2", 1),
    ] {
        let Some(project) = Project::of_example("go", example) else {
            return;
        };
        project.component();
        let said = project.rustus(&["test", "--hooks-format", format]);
        let expected = format!("{passed} passed; 0 failed");
        assert!(said.contains(&expected), "{example}: {said}");
        project.shell("go test .");
    }
}
