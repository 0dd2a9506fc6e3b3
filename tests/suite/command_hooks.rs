//! WASI commands in the place of executable hook files: they get what those got,
//! and what they answer counts as it did there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::harness::eventually;
use crate::harness::guests::{built_if_there, bytes, install, replace};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header, metadata};

/// A server with the command that does what metadata says, as `pre-create`.
fn told(flags: &[&str], manifest: &str) -> (Server, Tus) {
    let setup = Setup::new().with_hooks().arguments(flags);
    install(&setup.hooks_dir(), "command", "pre-create");
    fs::write(setup.hooks_dir().join("pre-create.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// A server whose one module is called for all events.
fn alone(flags: &[&str]) -> (Server, Tus) {
    let setup = Setup::new().variable("RUSTUS_HOOKS_FILE", "one.wasm");
    install(setup.path(), "command", "one");
    let server = setup.arguments(flags).start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// A core module of WASI 0.1 that does this, with `proc_exit` at hand.
fn core(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "refused")
            (func (export "_start") {body}))"#
    );
    wat::parse_str(text).unwrap()
}

/// `refused` to stderr, and an exit code.
fn refusing(code: u8) -> Vec<u8> {
    core(&format!(
        "(i32.store (i32.const 0) (i32.const 16))
         (i32.store (i32.const 4) (i32.const 7))
         (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
         (call $exit (i32.const {code}))"
    ))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What the command was given when an upload was created.
fn given(tus: &Tus, pairs: &[(&str, &str)]) -> Value {
    let response = tus.create_with(5, &[&[("behave", "echo")], pairs].concat());
    assert_eq!(response.status(), 400);
    json(&response.text().unwrap())
}

#[test]
fn a_command_in_the_directory_gets_the_json_as_its_one_argument() {
    let setup = Setup::new().with_hooks().variable("SECRET", "x");
    install(&setup.hooks_dir(), "command", "pre-create");
    let server = setup.start();
    let given = given(&Tus::new(server.files()), &[("name", "ü.txt")]);
    let arguments = given["arguments"].as_array().unwrap();
    assert_eq!(arguments.len(), 2, "{given}");
    assert_eq!(arguments[0], "pre-create.wasm");
    let event = json(arguments[1].as_str().unwrap());
    assert_eq!(event["upload"]["metadata"]["name"], "ü.txt");
    assert_eq!(event["upload"]["length"], 5);
    assert_eq!(event["request"]["method"], "POST");
    assert_eq!(event["request"]["URI"], "/files");

    assert_eq!(given["stdin"], arguments[1]);
    assert_eq!(given["read"], true);
    assert_eq!(given["files"], false);
    let id = event["upload"]["id"].as_str().unwrap();
    let variables = serde_json::json!([["TUS_ID", id], ["TUS_SIZE", "5"], ["TUS_OFFSET", "0"]]);
    assert_eq!(given["variables"], variables);
}

#[test]
fn a_module_for_all_events_gets_the_event_before_the_json() {
    let (_server, tus) = alone(&[]);
    let given = given(&tus, &[]);
    let arguments = given["arguments"].as_array().unwrap();
    assert_eq!(arguments.len(), 3, "{given}");
    assert_eq!(arguments[0], "one.wasm");
    assert_eq!(arguments[1], "pre-create");
    assert_eq!(given["stdin"], arguments[2]);
}

#[test]
fn size_and_offset_are_those_of_the_moment() {
    let (_server, tus) = alone(&["--hooks", "pre-terminate"]);
    let url = tus.location(&tus.create_with(5, &[("behave-pre-terminate", "echo")]));
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    let refused = tus.delete(&url);
    assert_eq!(refused.status(), 400);
    let given = json(&refused.text().unwrap());
    let id = url.rsplit('/').next().unwrap();
    let variables = serde_json::json!([["TUS_ID", id], ["TUS_SIZE", "5"], ["TUS_OFFSET", "3"]]);
    assert_eq!(given["variables"], variables);
}

#[test]
fn a_json_beyond_what_an_executable_could_be_given_comes_whole() {
    let (_server, tus) = told(&[], "[limits]\noutput-kib = 1024");
    // The kernel has an end at 128 KiB for one argument.
    let long = "x".repeat(60 * 1024);
    let given = given(&tus, &[("long", &long)]);
    let text = given["arguments"][1].as_str().unwrap();
    assert!(text.len() > 128 * 1024, "{}", text.len());
    assert_eq!(json(text)["upload"]["metadata"]["long"], long);
    assert_eq!(given["stdin"], text);
}

#[test]
fn an_exit_code_refuses_with_what_was_written_to_stderr() {
    for (format, status) in [
        ("default", 400),
        ("v2", 400),
        ("cloudevents", 400),
        ("tusd", 500),
        ("tusd-v2", 500),
    ] {
        let (server, tus) = told(&["--hooks-format", format], "");
        let refused = tus.create_with(5, &[("behave", "exit:Not this one.\nNor that.")]);
        assert_eq!(refused.status(), status, "{format}");
        let kind = header(&refused, "content-type");
        assert_eq!(kind, "text/plain; charset=utf-8", "{format}");
        assert_eq!(
            refused.text().unwrap(),
            "Not this one.\nNor that.",
            "{format}"
        );
        assert!(server.stored_files().is_empty(), "{format}");
        server.wait_for_log("rejected by a plugin");

        assert_eq!(tus.create_with(5, &[]).status(), 201, "{format}");
    }
}

#[test]
fn core_modules_are_run_and_any_exit_code_but_0_refuses() {
    let server = Setup::new().with_hooks().start();
    let tus = Tus::new(server.files());
    let hook = server.hooks_dir().join("pre-create.wasm");
    for code in [1, 42, 125, 126, 255] {
        let mark = server.mark();
        replace(&hook, &refusing(code));
        server.wait_for_log_after(mark, "plugin loaded");
        let refused = tus.create_with(5, &[]);
        assert_eq!(refused.status(), 400, "{code}");
        assert_eq!(refused.text().unwrap(), "refused", "{code}");
    }
    for fine in [core(""), core("(call $exit (i32.const 0))")] {
        let mark = server.mark();
        replace(&hook, &fine);
        server.wait_for_log_after(mark, "plugin loaded");
        assert_eq!(tus.create_with(5, &[]).status(), 201);
    }
}

#[test]
fn what_misbehaves_fails_and_refuses_nothing_by_its_words() {
    let limits = "trial = false\n[limits]\ncpu-time-ms = 200\nwall-time-ms = 1000\nmemory-mib = 16";
    for (manifest, status) in [
        (limits.to_owned(), 503),
        (format!("on-error = \"allow\"\n{limits}"), 201),
    ] {
        let (server, tus) = told(&[], &manifest);
        for (behaviour, cause) in [
            ("loop", "cpu-time"),
            ("flood", "cpu-time"),
            ("allocate", "out-of-memory"),
            ("trap", "trap"),
            ("sleep", "wall-time"),
        ] {
            let mark = server.mark();
            let response = tus.create_with(0, &[("behave", behaviour)]);
            assert_eq!(response.status(), status, "{behaviour}");
            assert!(!response.text().unwrap().contains("told"), "{behaviour}");
            let line = server.wait_for_log_after(mark, "a plugin did not answer");
            assert!(line.contains(cause), "{behaviour}: {line}");
            assert!(line.contains("plugin=\"pre-create\""), "{line}");
            assert_eq!(tus.create_with(0, &[]).status(), 201);
        }
    }
}

#[test]
fn core_modules_have_the_same_limits() {
    let setup = Setup::new().with_hooks();
    let manifest = "trial = false\n[limits]\ncpu-time-ms = 200\nmemory-mib = 16";
    fs::write(setup.hooks_dir().join("pre-create.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    for (body, cause) in [
        ("(loop $l (br $l))", "cpu-time"),
        ("unreachable", "trap"),
        // A program that gets no memory ends itself, and has not refused.
        (
            "(drop (memory.grow (i32.const 1000))) (call $exit (i32.const 2))",
            "out-of-memory",
        ),
    ] {
        let mark = server.mark();
        replace(&server.hooks_dir().join("pre-create.wasm"), &core(body));
        server.wait_for_log_after(mark, "plugin loaded");
        let mark = server.mark();
        assert_eq!(tus.create_with(5, &[]).status(), 503, "{body}");
        let line = server.wait_for_log_after(mark, "a plugin did not answer");
        assert!(line.contains(cause), "{body}: {line}");
    }
}

#[test]
fn what_a_command_writes_goes_to_the_log_line_by_line() {
    let (server, tus) = told(&[], "");
    assert_eq!(tus.create_with(5, &[("behave", "lines")]).status(), 201);
    for line in [
        "stdout: one",
        "stdout: two",
        "stderr: three",
        "stderr: four",
    ] {
        let line = server.wait_for_log(line);
        assert!(line.contains("plugin=\"pre-create\""), "{line}");
    }

    let (server, tus) = told(&[], "[limits]\noutput-kib = 1\n");
    let long = format!("exit:{}", "x".repeat(5000));
    let refused = tus.create_with(5, &[("behave", &long)]);
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.text().unwrap().len(), 1024);
    server.wait_for_log("the plugin's output exceeds its limit");
}

#[test]
fn each_blocking_event_has_its_command() {
    let (server, tus) = alone(&["--hooks", "pre-create,pre-finish,pre-get,pre-terminate"]);
    let pairs = [
        ("behave-pre-finish", "exit:not finished"),
        ("behave-pre-terminate", "exit:not removed"),
    ];
    let url = tus.location(&tus.create_with(3, &pairs));
    let refused = tus.patch(&url, 0, "abc");
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.text().unwrap(), "not finished");
    assert_eq!(tus.offset(&url), 3);
    assert_eq!(tus.delete(&url).text().unwrap(), "not removed");
    assert_eq!(tus.offset(&url), 3);

    let url = tus.location(&tus.create_with(3, &[("behave-pre-get", "exit:not read")]));
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "not read");
    assert_eq!(tus.delete(&url).status(), 204);
    assert_eq!(
        server.stored_files().len(),
        2,
        "the one that was not removed is there"
    );
}

#[test]
fn by_default_a_module_for_all_events_hears_six_of_them() {
    let (server, tus) = alone(&[]);
    let usual = "pre-create, post-create, post-receive, post-finish, pre-terminate, post-terminate";
    let line = server.wait_for_log("plugin loaded");
    assert!(line.contains(&format!("events=\"{usual}\"")), "{line}");
    let pairs = [("behave-pre-finish", "exit:"), ("behave-pre-get", "exit:")];
    let url = tus.location(&tus.create_with(3, &pairs));
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.get(&url).status(), 200);
}

#[test]
fn a_file_for_an_event_that_is_off_by_default_turns_it_on_unless_hooks_says_no() {
    for (flags, status) in [(&[][..], 400), (&["--hooks", "pre-create"], 200)] {
        let setup = Setup::new().with_hooks().arguments(flags);
        install(&setup.hooks_dir(), "command", "pre-get");
        let server = setup.start();
        let tus = Tus::new(server.files());
        let response = tus.create_with(0, &[("behave-pre-get", "exit:no")]);
        let url = tus.location(&response);
        assert_eq!(tus.get(&url).status(), status, "{flags:?}");
    }
}

#[test]
fn an_event_that_is_told_in_vain_is_told_again_and_at_last_given_up() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "command", "post-create");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = tus.create_with(3, &[("behave-post-create", "exit:not now")]);
    assert_eq!(url.status(), 201);
    let line = server.wait_for_log("an event is a dead letter");
    assert!(line.contains("cause=\"exit\""), "{line}");
    assert!(line.contains("exit code 1: not now"), "{line}");
    let told = server.log().matches("stderr: not now").count();
    assert!(told > 1, "told {told} times");
}

#[test]
fn commands_and_plugins_are_asked_in_one_order_and_see_each_others_changes() {
    let setup = Setup::new()
        .with_hooks()
        .arguments(&["--hooks-format", "tusd-v2"]);
    let hooks = setup.hooks_dir();
    // The command puts `meme = pepe` there, and the plugin refuses that.
    install(&hooks, "command", "pre-create");
    install(&hooks, "refuse-meme", "refuse");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let change = r#"answer:{"ChangeFileInfo": {"MetaData": {"meme": "pepe"}}}"#;
    let refused = tus.create_with(3, &[("behave", change)]);
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.text().unwrap(), "Pepe is not welcome here.");

    // The other way round, the plugin has agreed before the command changes it.
    let mark = server.mark();
    replace(&hooks.join("refuse.toml"), b"order = -1");
    server.wait_for_log_after(mark, "plugin loaded");
    assert_eq!(tus.create_with(3, &[("behave", change)]).status(), 201);
}

#[test]
fn an_answer_of_tusd_changes_id_metadata_path_and_headers() {
    let (server, tus) = told(&["--hooks-format", "tusd-v2"], "");
    let answer = r#"answer:{
        "HTTPResponse": {"Header": {"X-Rule": "seven"}},
        "ChangeFileInfo": {
            "ID": "chosen", "MetaData": {"owner": "ann"}, "Storage": {"Path": "by/ann.bin"}
        }
    }"#;
    let response = tus.create_with(3, &[("behave", answer)]);
    assert_eq!(response.status(), 201);
    assert_eq!(header(&response, "x-rule"), "seven");
    let url = tus.location(&response);
    assert!(url.ends_with("/files/chosen"), "{url}");
    let kept = tus.head(&url);
    assert_eq!(
        header(&kept, "upload-metadata"),
        metadata(&[("owner", "ann")])
    );
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(
        fs::read(server.data_dir().join("by/ann.bin")).unwrap(),
        b"abc"
    );
}

#[test]
fn an_answer_of_tusd_rejects_with_its_status_body_and_headers() {
    let (server, tus) = told(&["--hooks-format", "tusd-v2"], "");
    let answer = r#"answer:{"RejectUpload": true, "HTTPResponse": {
        "StatusCode": 418, "Body": "{\"tea\": true}", "Header": {"Content-Type": "application/json"}
    }}"#;
    let refused = tus.create_with(3, &[("behave", answer)]);
    assert_eq!(refused.status(), 418);
    assert_eq!(header(&refused, "content-type"), "application/json");
    assert_eq!(refused.text().unwrap(), r#"{"tea": true}"#);

    let refused = tus.create_with(3, &[("behave", r#"answer:{"RejectUpload": true}"#)]);
    assert_eq!(refused.status(), 400);
    assert!(refused.text().unwrap().starts_with("ERR_UPLOAD_REJECTED"));

    // What is no answer is none, and the upload is not let through by it.
    let response = tus.create_with(3, &[("behave", "answer:looks good")]);
    assert_eq!(response.status(), 503);
    let line = server.wait_for_log("cause=\"invalid-answer\"");
    assert!(line.contains("does not begin with `{`"), "{line}");
    assert!(server.stored_files().is_empty());
}

#[test]
fn an_answer_of_tusd_shapes_the_end_of_an_upload_and_keeps_it_from_being_removed() {
    let (_server, tus) = alone(&[
        "--hooks-format",
        "tusd-v2",
        "--hooks",
        "pre-finish,pre-terminate",
    ]);
    let finish =
        r#"answer:{"HTTPResponse": {"StatusCode": 200, "Body": "done", "Header": {"X-Id": "7"}}}"#;
    let terminate = r#"answer:{"RejectTermination": true, "HTTPResponse": {"StatusCode": 403}}"#;
    let pairs = [
        ("behave-pre-finish", finish),
        ("behave-pre-terminate", terminate),
    ];
    let url = tus.location(&tus.create_with(3, &pairs));
    let finished = tus.patch(&url, 0, "abc");
    assert_eq!(finished.status(), 200);
    assert_eq!(header(&finished, "x-id"), "7");
    assert_eq!(finished.text().unwrap(), "done");
    assert_eq!(tus.delete(&url).status(), 403);
    assert_eq!(tus.offset(&url), 3);
}

#[test]
fn the_example_in_rust_refuses_the_one_and_lets_the_other_through() {
    refuses_the_meme(&bytes("refuse-meme-rust"));
}

#[test]
fn the_example_in_go_refuses_the_one_and_lets_the_other_through() {
    let Some(module) = built_if_there("refuse-meme-go") else {
        eprintln!("skipped: Go 1.21 or newer is not installed, so `./x guests` did not build it");
        return;
    };
    refuses_the_meme(&module);
}

/// The reference page's example, in the directory and as the module for all
/// events.
fn refuses_the_meme(module: &[u8]) {
    let in_directory = Setup::new().with_hooks();
    replace(&in_directory.hooks_dir().join("pre-create.wasm"), module);
    let alone = Setup::new().arguments(&["--hooks-file", "hook.wasm"]);
    replace(&alone.path().join("hook.wasm"), module);
    for setup in [in_directory, alone] {
        let server = setup.start();
        let tus = Tus::new(server.files());
        let refused = tus.create_with(5, &[("meme", "pepe")]);
        assert_eq!(refused.status(), 400);
        assert_eq!(refused.text().unwrap(), "This meme isn't allowed\n");
        assert_eq!(tus.create_with(5, &[("meme", "doge")]).status(), 201);
        assert_eq!(tus.create_with(5, &[]).status(), 201);
    }
}

#[test]
fn both_places_are_watched_and_may_be_used_together() {
    let setup = Setup::new()
        .with_hooks()
        .arguments(&["--hooks-file", "one.wasm"]);
    let one = setup.path().join("one.wasm");
    replace(&one, &core(""));
    let server = setup.start();
    let tus = Tus::new(server.files());
    assert_eq!(tus.create_with(0, &[]).status(), 201);

    let mark = server.mark();
    replace(&one, &refusing(1));
    server.wait_for_log_after(mark, "plugin loaded");
    assert_eq!(tus.create_with(0, &[]).status(), 400);

    let mark = server.mark();
    replace(&one.with_extension("toml"), b"events = [\"post-create\"]");
    server.wait_for_log_after(mark, "plugin loaded");
    assert_eq!(tus.create_with(0, &[]).status(), 201);

    let mark = server.mark();
    replace(&server.hooks_dir().join("pre-create.wasm"), &refusing(3));
    server.wait_for_log_after(mark, "plugin=\"pre-create\"");
    eventually("the directory's command is asked", || {
        tus.create_with(0, &[]).status() == 400
    });
    let mark = server.mark();
    fs::remove_file(server.hooks_dir().join("pre-create.wasm")).unwrap();
    server.wait_for_log_after(mark, "plugin removed");
    eventually("nobody objects", || tus.create_with(0, &[]).status() == 201);
}

#[test]
fn a_module_for_all_events_that_goes_keeps_serving() {
    let (server, tus) = alone(&[]);
    fs::remove_file(server.hooks_dir().with_file_name("one.wasm")).unwrap();
    server.wait_for_log("the module of --hooks-file is not there");
    assert_eq!(tus.create_with(0, &[("behave", "exit:no")]).status(), 400);
}

#[test]
fn the_module_for_all_events_may_be_a_plugin() {
    let setup = Setup::new().arguments(&["--hooks-file", "refuse.wasm"]);
    install(setup.path(), "refuse-meme", "refuse");
    fs::write(
        setup.path().join("refuse.toml"),
        "[config]\nmessage = \"no\"\n",
    )
    .unwrap();
    let server = setup.start();
    let refused = Tus::new(server.files()).create_with(5, &[("meme", "pepe")]);
    assert_eq!(refused.text().unwrap(), "no");
}

#[test]
fn a_broken_command_changes_nothing_and_is_compiled_once() {
    let setup = Setup::new().with_hooks();
    let cache = setup.path().join("cache");
    let setup = setup
        .argument("--compile-cache-dir")
        .argument(cache.to_str().unwrap());
    let hook = setup.hooks_dir().join("pre-create.wasm");
    replace(&hook, &refusing(1));
    let server = setup.start();
    let loaded = server.wait_for_log("plugin loaded");
    assert!(loaded.contains("compiled=true"), "{loaded}");
    let tus = Tus::new(server.files());
    for broken in [&refusing(1)[..40], b"\0asm\x01\0\0\0", b"#!/bin/sh\n"] {
        let mark = server.mark();
        replace(&hook, broken);
        server.wait_for_log_after(mark, "the generation before keeps serving");
        assert_eq!(tus.create_with(0, &[]).status(), 400);
    }
    server.kill();
    replace(&hook, &refusing(1));
    let loaded = setup.start().wait_for_log("plugin loaded");
    assert!(loaded.contains("compiled=false"), "{loaded}");
}

#[test]
fn a_command_without_an_event_or_to_be_kept_warm_is_refused_in_words() {
    let server = Setup::new().with_hooks().start();
    let hooks = server.hooks_dir();
    install(&hooks, "command", "precreate");
    let line = server.wait_for_log("plugin not loaded");
    for part in [
        "`precreate` is not an event",
        "pre-create, post-create",
        "--hooks-file",
    ] {
        assert!(line.contains(part), "without {part:?}: {line}");
    }
    let mark = server.mark();
    replace(&hooks.join("post-create.toml"), b"instances = \"reuse\"");
    install(&hooks, "command", "post-create");
    let line = server.wait_for_log_after(mark, "plugin not loaded");
    assert!(line.contains("runs once"), "{line}");
}

/// The beginning of the server itself.
fn native() -> Vec<u8> {
    fs::read(env!("CARGO_BIN_EXE_rustus")).unwrap()[..4096].to_vec()
}

fn executable(path: &Path, content: &[u8]) {
    replace(path, content);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Both ways to port a hook.
const WAYS: [&str; 3] = [
    "GOOS=wasip1 GOARCH=wasm go build",
    "cargo build --target wasm32-wasip2",
    "a plugin with the SDK",
];

#[test]
fn what_is_native_is_refused_at_start_and_later_and_never_run() {
    let setup = Setup::new().with_hooks();
    let hooks = setup.hooks_dir();
    let ran = setup.path().join("ran");
    let script = format!("#!/bin/sh\ntouch {}\nexit 1\n", ran.display());
    let files = [
        ("pre-create", script.as_bytes().to_vec()),
        ("post-finish.sh", script.as_bytes().to_vec()),
        ("pre-terminate.wasm", native()),
    ];
    for (name, content) in &files {
        executable(&hooks.join(name), content);
    }
    let server = setup.start();
    for (name, _) in &files {
        let name = name.trim_end_matches(".wasm");
        let log = server.log();
        let line = log
            .lines()
            .find(|line| line.contains("ERROR") && line.contains(name))
            .unwrap_or_else(|| panic!("{name} is not named: {log}"));
        for way in WAYS {
            assert!(line.contains(way), "without {way:?}: {line}");
        }
    }
    let mark = server.mark();
    executable(&hooks.join("post-receive"), &native());
    let line = server.wait_for_log_after(mark, "a native hook is refused");
    assert!(
        line.contains("post-receive") && line.contains(WAYS[2]),
        "{line}"
    );

    let tus = Tus::new(server.files());
    let url = tus.create(3);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.delete(&url).status(), 204);
    assert!(!ran.exists());
}

#[test]
fn a_file_that_is_named_and_can_not_serve_ends_the_start() {
    let setup = Setup::new();
    let at = |name: &str| setup.path().join(name);
    executable(&at("hook.sh"), b"#!/bin/sh\nexit 0\n");
    executable(&at("hook"), &native());
    fs::write(at("core.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
    fs::create_dir(at("folder")).unwrap();
    install(setup.path(), "command", "warm");
    fs::write(at("warm.toml"), "instances = \"reuse\"").unwrap();
    for (name, parts) in [
        ("hook.sh", &[WAYS[0], WAYS[1], WAYS[2], "a script"][..]),
        ("hook", &[WAYS[0], WAYS[1], WAYS[2], "a native executable"]),
        ("missing.wasm", &["No such file"]),
        ("core.wasm", &["`_start`"]),
        ("folder", &["--hooks-dir"]),
        ("warm.wasm", &["runs once"]),
    ] {
        let (status, said) = setup.clone().arguments(&["--hooks-file", name]).run();
        assert_eq!(status.code(), Some(2), "{name}: {said}");
        let line = said
            .lines()
            .find(|line| line.contains("--hooks-file: "))
            .unwrap_or_else(|| panic!("{name}: {said}"));
        for part in parts.iter().chain([&name]) {
            assert!(line.contains(part), "{name} without {part:?}: {line}");
        }
    }
}

#[test]
fn a_format_that_there_is_not_ends_the_start_with_those_that_there_are() {
    for setup in [
        Setup::new().arguments(&["--hooks-format", "v3"]),
        Setup::new().variable("RUSTUS_HOOKS_FORMAT", "v3"),
    ] {
        let (status, said) = setup.run();
        assert_eq!(status.code(), Some(2));
        let formats = "default, v2, tusd, tusd-v2, cloudevents";
        assert!(said.contains(formats), "{said}");
    }
}

#[test]
fn each_format_is_what_its_name_says() {
    for (format, place) in [
        ("default", "/request/URI"),
        ("v2", "/request/uri"),
        ("tusd", "/HTTPRequest/URI"),
        ("tusd-v2", "/Event/HTTPRequest/URI"),
        ("cloudevents", "/data/request/uri"),
    ] {
        let (_server, tus) = told(&["--hooks-format", format], "");
        let refused = tus.create_with(5, &[("behave", "echo")]);
        let given = json(&refused.text().unwrap());
        let event = json(given["arguments"][1].as_str().unwrap());
        let uri = event.pointer(place).and_then(Value::as_str);
        assert_eq!(uri, Some("/files"), "{format}: {event}");
    }
}
