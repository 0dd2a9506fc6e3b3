//! Hooks in other languages than Rust: each template and each example is built
//! by the language's own compiler and asked by the real server, under its default
//! limits.

mod bindings;
mod go;
mod headers;
mod passing_on;

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::guests::replace;
use crate::harness::project::{NAME, Project};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header, metadata};

/// The same tests for every language that has the same examples.
macro_rules! languages {
    ($($language:ident)+) => {$(
        mod $language {
            #[test]
            fn the_template_refuses_and_accepts() {
                super::the_template_refuses_and_accepts(stringify!($language));
            }

            #[test]
            fn an_instance_that_is_reused_answers_a_thousand_times() {
                super::an_instance_that_is_reused_answers_a_thousand_times(stringify!($language));
            }

            #[test]
            fn an_example_refuses_by_type_and_size() {
                super::an_example_refuses_by_type_and_size(stringify!($language));
            }

            #[test]
            fn an_example_checks_a_token_and_sets_the_owner() {
                super::an_example_checks_a_token_and_sets_the_owner(stringify!($language));
            }

            #[test]
            fn a_secret_is_read_where_it_is_listed_and_denied_where_it_is_not() {
                super::a_secret_is_read_where_it_is_listed_and_denied_where_it_is_not(
                    stringify!($language),
                );
            }

            #[test]
            fn a_hook_reads_the_fields_of_its_own_request_and_of_no_other() {
                super::headers::a_hook_reads_the_fields_of_its_own_request_and_of_no_other(
                    stringify!($language),
                );
            }

            #[test]
            fn an_example_tells_a_web_service_until_it_was_heard() {
                super::an_example_tells_a_web_service_until_it_was_heard(stringify!($language));
            }

            #[test]
            fn the_cases_of_the_examples_pass() {
                super::the_cases_of_the_examples_pass(stringify!($language));
            }
        }
    )+};
}

languages!(python javascript c);

#[test]
fn typescript_is_checked_built_and_asked() {
    the_template_refuses_and_accepts("typescript");
}

#[test]
fn a_wrong_type_in_typescript_is_no_component() {
    let Some(project) = Project::new("typescript") else {
        return;
    };
    let wrong = project.read("src/hook.ts").replace("415", "\"415\"");
    fs::write(project.path().join("src/hook.ts"), wrong).unwrap();
    let output = Command::new(project.path().join("node_modules/.bin/tsc"))
        .current_dir(project.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("src/hook.ts") && said.contains("'number'"),
        "{said}"
    );
}

/// A server with this project's component, and `NAME.toml` beside it.
fn serving(project: &Project, manifest: &str) -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    let hooks = setup.hooks_dir();
    replace(&hooks.join(format!("{NAME}.wasm")), &project.component());
    replace(&hooks.join(format!("{NAME}.toml")), manifest.as_bytes());
    let server = setup.start();
    server.wait_for_log("plugin loaded");
    let tus = Tus::new(server.files());
    (server, tus)
}

fn the_template_refuses_and_accepts(language: &str) {
    let Some(project) = Project::new(language) else {
        return;
    };
    let (server, tus) = serving(&project, "[config]\nmax-size = 1000\n");
    let refused = tus.create_with(5, &[("filename", "Setup.EXE")]);
    assert_eq!(refused.status(), 415);
    assert_eq!(refused.text().unwrap(), "Programs are not accepted.");
    assert_eq!(
        tus.create_with(1001, &[("filename", "a.txt")]).status(),
        413
    );
    assert!(server.stored_files().is_empty());

    let url = tus.location(&tus.create_with(5, &[("filename", "a.txt")]));
    assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "hello");
}

/// Often enough that languages with a garbage collector have run it.
fn an_instance_that_is_reused_answers_a_thousand_times(language: &str) {
    let Some(project) = Project::new(language) else {
        return;
    };
    let (server, tus) = serving(&project, "instances = \"reuse\"\n");
    let long = "x".repeat(4000);
    for _ in 0..1000 {
        let refused = tus.create_with(5, &[("filename", "a.exe"), ("note", &long)]);
        assert_eq!(refused.status(), 415);
    }
    assert!(!server.log().contains("cause="), "an instance was lost");
}

fn the_cases_of_the_examples_pass(language: &str) {
    for example in ["refuse-by-type", "check-token"] {
        let Some(project) = Project::of_example(language, example) else {
            return;
        };
        project.component();
        let said = project.rustus(&["test"]);
        assert!(said.contains("2 passed; 0 failed"), "{said}");
    }
}

fn an_example_refuses_by_type_and_size(language: &str) {
    let Some(project) = Project::of_example(language, "refuse-by-type") else {
        return;
    };
    let (_server, tus) = serving(&project, &project.read("NAME.toml"));
    let refused = tus.create_with(5, &[("filetype", "application/x-msdownload")]);
    assert_eq!(refused.status(), 415);
    assert!(refused.text().unwrap().contains("text/plain"));
    assert_eq!(tus.create_with(5, &[]).status(), 415);
    assert_eq!(
        tus.create_with(1_000_001, &[("filetype", "text/plain")])
            .status(),
        413
    );
    assert_eq!(
        tus.create_with(5, &[("filetype", "text/plain")]).status(),
        201
    );
}

fn an_example_checks_a_token_and_sets_the_owner(language: &str) {
    let Some(project) = Project::of_example(language, "check-token") else {
        return;
    };
    let (_server, tus) = serving(&project, &project.read("NAME.toml"));
    let refused = tus.create_with(5, &[]);
    assert_eq!(refused.status(), 401);
    assert_eq!(header(&refused, "www-authenticate"), "Bearer");

    let sent = metadata(&[("filename", "ü.txt"), ("owner", "root")]);
    let with_token = |token: &str| {
        tus.post(&[
            ("upload-length", "5"),
            ("upload-metadata", &sent),
            ("authorization", &format!("Bearer {token}")),
        ])
    };
    assert_eq!(with_token("guessed").status(), 401);
    let created = with_token("ann-secret");
    assert_eq!(created.status(), 201);
    let kept = tus.head(&tus.location(&created));
    let expected = metadata(&[("filename", "ü.txt"), ("owner", "ann")]);
    assert_eq!(header(&kept, "upload-metadata"), expected);
}

/// The file of a hook that gives a secret away, and its text.
fn telltale(language: &str) -> (&'static str, &'static str) {
    match language {
        "python" => (
            "app.py",
            "from rustus_hook import pre_create, reject, secret\n\n\n\
             @pre_create\ndef tell(event):\n    return reject(403, secret(\"token\"))\n",
        ),
        "javascript" => (
            "src/hook.js",
            "import * as rustus from \"rustus-hook\";\n\
             export const preCreate = rustus.preCreate(() => \
             rustus.reject(403, rustus.secret(\"token\")));\n",
        ),
        _ => (
            "hook.c",
            "#include \"rustus_hook/rustus_hook.h\"\n\
             rustus_answer_t rustus_pre_create(const rustus_event_t *event) {\n\
             (void)event;\n\
             const char *token = rustus_secret(\"token\");\n\
             if (token == NULL) { return rustus_reject(503, \"denied\"); }\n\
             return rustus_reject(403, token);\n}\n",
        ),
    }
}

fn a_secret_is_read_where_it_is_listed_and_denied_where_it_is_not(language: &str) {
    let Some(project) = Project::new(language) else {
        return;
    };
    let (file, text) = telltale(language);
    fs::write(project.path().join(file), text).unwrap();
    let secret = project.path().join("token");
    fs::write(&secret, "geheim").unwrap();
    let listed = format!("trial = false\n[secrets]\ntoken = {{ file = {secret:?} }}\n");
    let (_server, tus) = serving(&project, &listed);
    let refused = tus.create_with(5, &[]);
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.text().unwrap(), "geheim");

    let (server, tus) = serving(&project, "trial = false\n");
    assert_eq!(tus.create_with(5, &[]).status(), 503);
    let line = server.wait_for_log("a plugin was denied");
    assert!(line.contains("under [secrets]"), "{line}");
}

fn an_example_tells_a_web_service_until_it_was_heard(language: &str) {
    let Some(project) = Project::of_example(language, "notify-service") else {
        return;
    };
    let receiver = Receiver::start(|_| Answer::status(500));
    let manifest = project
        .read("NAME.toml")
        .replace("http://127.0.0.1:8000", receiver.url("").as_str());
    let (server, tus) = serving(&project, &manifest);
    let url = tus.location(&tus.create_with(5, &[("filename", "a \"b\".txt")]));
    assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
    receiver.wait_for(1);
    receiver.tell(|_| Answer::status(204));

    let requests = receiver.wait_for(2);
    let (first, second) = (&requests[0], &requests[1]);
    assert_eq!(
        (second.method.as_str(), second.path.as_str()),
        ("POST", "/done")
    );
    assert_eq!(second.header("content-type"), Some("application/json"));
    assert_eq!(
        first.header("idempotency-key"),
        second.header("idempotency-key")
    );
    let news = second.json();
    assert_eq!(Value::from(url.rsplit('/').next()), news["id"]);
    assert_eq!(news["size"], 5);
    assert_eq!(news["metadata"]["filename"], "a \"b\".txt");

    // Nobody there: it is tried again.
    drop(receiver);
    let mark = server.mark();
    let upload = || {
        let url = tus.location(&tus.create_with(5, &[("filename", "a.txt")]));
        assert_eq!(tus.patch(&url, 0, "hello").status(), 204);
    };
    upload();
    server.wait_for_log_after(mark, "no answer");

    // Without the grant no request leaves, and the plugin hears of it.
    let mark = server.mark();
    let manifest = manifest.split("[allow.http]").next().unwrap();
    let file = server.hooks_dir().join(format!("{NAME}.toml"));
    replace(&file, manifest.as_bytes());
    server.wait_for_log_after(mark, "plugin loaded");
    let mark = server.mark();
    upload();
    server.wait_for_log_after(
        mark,
        "a plugin was denied what its NAME.toml does not allow",
    );
    server.wait_for_log_after(mark, "no answer");
}

#[test]
fn an_exception_in_python_is_a_crash_with_its_traceback_in_the_log() {
    let Some(project) = Project::of_example("python", "check-token") else {
        return;
    };
    let (server, tus) = serving(&project, "[config]\nowners = 5\n");
    let sent = [("upload-length", "5"), ("authorization", "Bearer x")];
    let response = tus.post(&sent);
    assert_eq!(response.status(), 503);
    assert!(!response.text().unwrap().contains("items"));
    server.wait_for_log("AttributeError: 'int' object has no attribute 'items'");
    server.wait_for_log("cause=\"trap\"");
}

#[test]
fn a_decorator_for_what_the_world_does_not_export_stops_the_build() {
    let Some(project) = Project::new("python") else {
        return;
    };
    let app = project.read("app.py").replace("pre_create", "pre_get");
    fs::write(project.path().join("app.py"), app).unwrap();
    let output = Command::new(project.path().join(".venv/bin/componentize-py"))
        .args(["-d", "wit", "-w", "plugin", "componentize", "app"])
        .current_dir(project.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("export rustus:hooks/pre-get@0.1.0;"),
        "{said}"
    );
}
