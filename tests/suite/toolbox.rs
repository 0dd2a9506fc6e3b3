//! What authors of plugins have: projects, builds, checks, trial calls, cases. Tried
//! with the built binary, from the first command to a refused upload.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::guests::{built, built_if_there, bytes, install};
use crate::harness::markdown::{quoted, rows, section};
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

const BINARY: &str = env!("CARGO_BIN_EXE_rustus");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compile_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-cache")
}

/// `rustus plugin …`, in an environment of its own.
fn plugin(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .arg("plugin")
        .args(arguments)
        .env_clear()
        .env("RUSTUS_COMPILE_CACHE_DIR", compile_cache())
        .stdin(Stdio::null());
    command
}

/// How it ended, what it printed, and what it said on standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    ended(&plugin(arguments).output().unwrap())
}

fn ended(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn json_of(arguments: &[&str]) -> Value {
    let (_, out, err) = run(arguments);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

/// The variables with which cargo builds guests on this machine, set up by
/// `./x toolchain` where something is missing.
fn toolchain() -> BTreeMap<String, String> {
    let output = Command::new(root().join("x")).arg("toolchain").output();
    let (code, out, err) = ended(&output.unwrap());
    assert_eq!(code, Some(0), "{err}");
    let variables = out.lines().filter_map(|line| line.split_once('='));
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A project in Rust whose dependencies are compiled once for all tests.
fn project(into: &Path, name: &str) -> PathBuf {
    let into_text = into.to_str().unwrap();
    let (code, out, err) = run(&["new", name, "--lang", "rust", "--into", into_text]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("rustus plugin build"), "{out}");
    let project = into.join(name);
    share_target(&project);
    project
}

fn share_target(project: &Path) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
    fs::create_dir_all(&target).unwrap();
    symlink(target, project.join("target")).unwrap();
}

fn build(project: &Path) -> Output {
    Command::new(BINARY)
        .args(["plugin", "build"])
        .arg(project)
        .env("RUSTUS_COMPILE_CACHE_DIR", compile_cache())
        .env_remove("RUSTFLAGS")
        .envs(toolchain())
        .output()
        .unwrap()
}

#[test]
fn a_new_project_is_built_checked_tested_and_refuses_an_upload() {
    let setup = Setup::new().with_hooks();
    let begun = Instant::now();
    let project = project(setup.path(), "no-programs");
    let shown = project.to_str().unwrap();

    // Before it is built, its cases say what to do.
    let (code, _, err) = run(&["test", shown]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains(&format!("rustus plugin build {shown}")),
        "{err}"
    );

    let (code, out, err) = ended(&build(&project));
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("$ cargo build --release"), "{err}");
    assert!(out.contains("answers  pre-create"), "{out}");
    let module = project.join("no-programs.wasm");
    let module_text = module.to_str().unwrap();
    let (code, out, err) = run(&["check", module_text]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("ok: the server would load it"), "{out}");
    let (code, out, err) = run(&["test", shown]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("test refuses-programs ... ok"), "{out}");
    assert!(out.contains("2 passed; 0 failed"), "{out}");

    let server = setup.start();
    let tus = Tus::new(server.files());
    fs::copy(&module, server.hooks_dir().join("no-programs.wasm")).unwrap();
    server.wait_for_log("plugin loaded");
    let refused = tus.create_with(5, &[("filename", "run.exe")]);
    assert_eq!(refused.status(), 415);
    assert_eq!(refused.text().unwrap(), "No programs, please.");
    eprintln!("from `new` to a refused upload: {:?}", begun.elapsed());
    assert_eq!(tus.create_with(5, &[("filename", "a.txt")]).status(), 201);
}

#[test]
fn a_build_says_what_to_install() {
    let directory = tempfile::tempdir().unwrap();
    let project = project(directory.path(), "my-hook");
    let shown = project.to_str().unwrap();

    let empty = tempfile::tempdir().unwrap();
    let without = |path: &Path| {
        let output = plugin(&["build", shown]).env("PATH", path).output();
        let (code, _, err) = ended(&output.unwrap());
        assert_eq!(code, Some(1));
        err
    };
    let err = without(empty.path());
    assert!(
        err.contains("cargo is not installed: install Rust"),
        "{err}"
    );

    // A toolchain without the target: rustc knows where it would be.
    for (name, script) in [
        ("cargo", "exit 9"),
        ("rustc", "echo /no/such/folder"),
        ("sh", "exec /bin/sh \"$@\""),
    ] {
        let file = empty.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let err = without(empty.path());
    assert!(err.contains("rustup target add wasm32-wasip2"), "{err}");
    assert!(!err.contains("cargo is not"), "{err}");

    let (code, _, err) = run(&["build", directory.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no plugin.toml"), "{err}");
}

#[test]
fn a_name_or_a_place_that_does_not_do_is_one_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let into = directory.path().to_str().unwrap();
    fs::create_dir(directory.path().join("taken")).unwrap();
    fs::write(directory.path().join("taken/file"), "x").unwrap();
    for (name, code, part) in [
        ("My_Hook", 1, "such as my-hook"),
        ("../up", 1, "such as my-hook"),
        ("taken", 1, "nothing is overwritten"),
    ] {
        let (found, _, err) = run(&["new", name, "--lang", "rust", "--into", into]);
        assert_eq!(found, Some(code), "{name}");
        assert!(err.contains(part), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    let (code, _, err) = run(&["new", "a", "--lang", "cobol", "--into", into]);
    assert_eq!(code, Some(2));
    assert!(err.contains("rust"), "{err}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn grants_are_named_by_what_a_module_imports() {
    for (guest, capabilities) in [
        ("http", &["http"][..]),
        ("fetch", &["http"]),
        ("amqp", &["amqp"]),
        ("kafka", &["kafka"]),
        ("grpc", &["grpc"]),
        ("refuse-meme", &[]),
    ] {
        let file = built(guest);
        let found = json_of(&["check", file.to_str().unwrap(), "--json"]);
        let grants = found["grants"].as_array().unwrap().iter();
        let names: Vec<_> = grants
            .map(|it| it["capability"].as_str().unwrap())
            .collect();
        assert_eq!(names, capabilities, "{guest}");
        assert_eq!(found["state"], "loads", "{found}");
        assert_eq!(found["size"], bytes(guest).len(), "{guest}");
        assert!(found["memory_at_start"].as_u64().unwrap() > 0, "{guest}");
    }
}

#[test]
fn a_granted_capability_is_shown_as_granted_and_a_wrong_manifest_is_said() {
    let directory = tempfile::tempdir().unwrap();
    install(directory.path(), "fetch", "fetch");
    let module = directory.path().join("fetch.wasm");
    let module = module.to_str().unwrap();
    let (code, out, _) = run(&["check", module]);
    assert_eq!(code, Some(0));
    assert!(out.contains("[allow.http]\nservers = "), "{out}");

    let manifest = directory.path().join("fetch.toml");
    fs::write(
        &manifest,
        "[allow.http]\nservers = [\"http://127.0.0.1:1\"]\n",
    )
    .unwrap();
    let found = json_of(&["check", module, "--json"]);
    assert_eq!(found["grants"][0]["granted"], true, "{found}");
    let (_, out, _) = run(&["inspect", module]);
    assert!(out.contains("granted  http"), "{out}");

    let other = directory.path().join("other.toml");
    fs::write(&other, "odrer = 1\n").unwrap();
    let (code, _, err) = run(&["check", module, "--config", other.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(err.contains("odrer"), "{err}");
}

/// Files that are no modules, each with a part of what is said of it.
fn hostile_files(directory: &Path) -> Vec<(PathBuf, &'static str)> {
    let at = |name: &str| directory.join(name);
    let whole = bytes("refuse-meme");
    fs::write(at("truncated.wasm"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("empty.wasm"), "").unwrap();
    fs::write(at("script.wasm"), "#!/bin/sh\n").unwrap();
    fs::write(at("library.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
    let foreign = r#"(component (import "wasi:keyvalue/store@0.2.0" (instance))
        (instance $i) (export "rustus:hooks/pre-create@0.1.0" (instance $i)))"#;
    fs::write(at("foreign.wasm"), wat::parse_str(foreign).unwrap()).unwrap();
    let huge = fs::File::create(at("huge.wasm")).unwrap();
    huge.set_len(65 << 20).unwrap();
    fs::create_dir(at("directory.wasm")).unwrap();
    let made = Command::new("mkfifo").arg(at("pipe.wasm")).status();
    assert!(made.unwrap().success());
    symlink("/dev/zero", at("device.wasm")).unwrap();
    symlink("nowhere", at("dangling.wasm")).unwrap();
    vec![
        (at("truncated.wasm"), "no valid module"),
        (at("empty.wasm"), "empty"),
        (at("script.wasm"), "a script"),
        (at("library.wasm"), "without `_start`"),
        (at("foreign.wasm"), "wasi:keyvalue/store@0.2.0"),
        (at("huge.wasm"), "`module-mib`"),
        (at("directory.wasm"), "a directory"),
        (at("pipe.wasm"), "a pipe"),
        (at("device.wasm"), "a device"),
        (at("dangling.wasm"), "No such file"),
        (at("not-there.wasm"), "No such file"),
    ]
}

#[test]
fn whatever_a_file_holds_is_answered_in_words() {
    let directory = tempfile::tempdir().unwrap();
    for (file, part) in hostile_files(directory.path()) {
        let file = file.to_str().unwrap();
        for arguments in [
            &["check", file][..],
            &["check", file, "--json"],
            &["inspect", file],
            &["run", file, "--event", "pre-create"],
        ] {
            let (code, out, err) = run(arguments);
            assert_eq!(code, Some(1), "{arguments:?}: {out}{err}");
            assert!(format!("{out}{err}").contains(part), "{out}{err}");
            assert!(!err.contains("panicked"), "{err}");
        }
    }
    // The same in a directory of hooks, where none keeps the others from being
    // listed.
    install(directory.path(), "refuse-meme", "good");
    let (code, out, err) = run(&["list", "--hooks-dir", directory.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("good: loads, plugin"), "{out}");
    for part in [
        "truncated: refused",
        "pipe.wasm: ignored",
        "device.wasm: ignored",
    ] {
        assert!(out.contains(part), "{out}");
    }
}

#[test]
fn a_pipe_among_the_hooks_does_not_stop_the_server() {
    let setup = Setup::new().with_hooks();
    let pipe = setup.hooks_dir().join("pipe.wasm");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    install(&setup.hooks_dir(), "refuse-meme", "refuse-meme");
    let server = setup.start();
    server.wait_for_log("only files are read");
    let refused = Tus::new(server.files()).create_with(5, &[("meme", "pepe")]);
    assert_eq!(refused.status(), 400);
}

#[test]
fn a_call_prints_the_decision_and_its_exit_code_says_it() {
    let hostile = built("hostile");
    let file = hostile.to_str().unwrap();
    for (event, metadata, code, parts) in [
        ("pre-create", "behave=ok", 0, &["proceed"][..]),
        (
            "pre-create",
            "behave=reject",
            3,
            &["reject 403", "hostile says no"],
        ),
        ("pre-create", "behave=id:new", 0, &["proceed", "id new"]),
        ("pre-create", "behave=error-retry", 4, &["retry", "1500 ms"]),
        ("pre-create", "behave=error-permanent", 4, &["permanent"]),
        ("pre-create", "behave=trap", 4, &["failure", "trapped"]),
        ("pre-create", "behave=loop", 4, &["`cpu-time-ms`"]),
        ("pre-create", "behave=sleep", 4, &["`wall-time-ms`"]),
        ("pre-create", "behave=allocate", 4, &["`memory-mib`"]),
        (
            "pre-create",
            "behave=bad-status",
            4,
            &["must be 400 to 599"],
        ),
        (
            "pre-create",
            "behave=protocol-header",
            4,
            &["not for plugins to set"],
        ),
        (
            "pre-create",
            "behave=print",
            4,
            &["output exceeds its limit"],
        ),
        (
            "pre-finish",
            "behave-finish=body:done",
            0,
            &["proceed 200", "done"],
        ),
        ("pre-get", "behave-get=reject", 3, &["reject 403"]),
        ("pre-terminate", "behave-terminate=trap", 4, &["failure"]),
        ("post-receive", "behave-notify=stop", 3, &["stop"]),
        ("post-finish", "behave-notify=retry", 4, &["retry"]),
        ("post-create", "behave-notify=ok", 0, &["done"]),
    ] {
        let (found, out, err) = run(&["run", file, "--event", event, "--metadata", metadata]);
        assert_eq!(found, Some(code), "{metadata}: {out}{err}");
        for part in parts {
            assert!(out.contains(part), "{metadata}: {out}");
        }
        assert!(out.contains("of memory"), "{out}");
    }
}

#[test]
fn an_event_comes_from_flags_or_from_the_json_that_hooks_get() {
    let tag = built("tag-upload");
    let file = tag.to_str().unwrap();
    let header = "X-Owner: ann";
    let found = json_of(&[
        "run",
        file,
        "--event",
        "pre-create",
        "--header",
        header,
        "--metadata",
        "filename=../my file.txt",
        "--output",
        "json",
    ]);
    let tagged = json!({"owner": "ann", "filename": "my-file.txt"});
    assert_eq!(found["metadata"], tagged, "{found}");
    assert_eq!(found["decision"], "proceed");

    let directory = tempfile::tempdir().unwrap();
    let event = directory.path().join("event.json");
    let text = json!({
        "upload": {"id": "a", "offset": 0, "length": 10, "metadata": {"filename": "../my file.txt"},
            "is_partial": false, "is_final": false, "parts": null, "path": null,
            "storage": "file_storage", "created_at": 0, "deferred_size": false},
        "request": {"method": "POST", "URI": "/files", "remote_addr": null,
            "headers": {"x-owner": "ann"}},
    });
    fs::write(&event, text.to_string()).unwrap();
    let event = event.to_str().unwrap();
    let arguments = [
        "run",
        file,
        "--event",
        "pre-create",
        "--output",
        "json",
        "--json",
    ];
    let found = json_of(&[&arguments[..], &[event]].concat());
    assert_eq!(found["metadata"], tagged, "{found}");

    let mut piped = plugin(&arguments);
    piped.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.to_string().as_bytes())
        .unwrap();
    let (code, out, _) = ended(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0));
    assert!(out.contains("my-file.txt"), "{out}");

    for (arguments, code, part) in [
        (&["--json", "/no/such"][..], 1, "can't be read"),
        (&["--json", event, "--size", "1"], 2, "cannot be used with"),
        (&["--metadata", "x"], 2, "KEY=VALUE"),
        (&["--header", "x"], 2, "NAME: VALUE"),
        (&["--size", "many"], 2, "invalid"),
    ] {
        let arguments = [&["run", file, "--event", "pre-create"], arguments].concat();
        let (found, _, err) = run(&arguments);
        assert_eq!(found, Some(code), "{err}");
        assert!(err.contains(part), "{err}");
    }
    let (code, _, err) = run(&["run", file, "--event", "pre-get"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("hears of pre-create"), "{err}");
}

#[test]
fn a_call_has_the_configuration_and_the_grants_of_name_toml() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("c.toml");
    fs::write(&config, "[config]\nowner-header = \"x-user\"\n").unwrap();
    let tag = built("tag-upload");
    let found = json_of(&[
        "run",
        tag.to_str().unwrap(),
        "--event",
        "pre-create",
        "--header",
        "x-user: ann",
        "--config",
        config.to_str().unwrap(),
        "--output",
        "json",
    ]);
    assert_eq!(found["metadata"]["owner"], "ann", "{found}");

    fs::write(&config, "[limits]\ncpu-time-ms = 50\n").unwrap();
    let hostile = built("hostile");
    let (code, out, _) = run(&[
        "run",
        hostile.to_str().unwrap(),
        "--event",
        "pre-create",
        "--metadata",
        "behave=loop",
        "--config",
        config.to_str().unwrap(),
    ]);
    assert_eq!(code, Some(4));
    assert!(out.contains("CPU time of 50 ms"), "{out}");
}

#[test]
fn command_hooks_are_called_as_well() {
    let rust = bytes("refuse-meme-rust");
    for module in [Some(rust), built_if_there("refuse-meme-go")]
        .into_iter()
        .flatten()
    {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("any-name.wasm");
        fs::write(&file, module).unwrap();
        let file = file.to_str().unwrap();
        let (code, out, _) = run(&["check", file]);
        assert_eq!(code, Some(0), "{out}");
        assert!(out.contains("loads it as --hooks-file"), "{out}");
        let call = |meme: &str| {
            let meme = format!("meme={meme}");
            run(&["run", file, "--event", "pre-create", "--metadata", &meme])
        };
        assert_eq!(call("doge").0, Some(0));
        let (code, out, _) = call("pepe");
        assert_eq!(code, Some(3));
        assert!(out.contains("stderr: This meme isn't allowed"), "{out}");
    }
}

fn cases(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

#[test]
fn a_case_that_fails_says_what_was_expected_and_what_came() {
    let directory = cases(&[
        (
            "good.toml",
            "event = \"pre-create\"\n[expect]\ndecision = \"proceed\"\n",
        ),
        (
            "wrong.toml",
            "event = \"pre-create\"\n[upload]\nmetadata = { meme = \"pepe\" }\n[expect]\n\
             decision = \"reject\"\nstatus = 415\n",
        ),
        ("torn.toml", "event = \"pre-create\"\n[expect\n"),
        (
            "deaf.toml",
            "event = \"post-finish\"\n[expect]\ndecision = \"done\"\n",
        ),
        ("notes.txt", "no case"),
    ]);
    let place = directory.path().to_str().unwrap();
    let module = built("refuse-meme");
    let module = module.to_str().unwrap();
    let (code, out, err) = run(&["test", place, "--plugin", module]);
    assert_eq!(code, Some(1), "{out}{err}");
    for part in [
        "running 4 cases",
        "test good ... ok",
        "test wrong ... FAILED",
        "expected status 415, got 400",
        "torn.toml: line 2",
        "refuse-meme does not hear of post-finish",
        "1 passed; 3 failed",
    ] {
        assert!(out.contains(part), "{out}");
    }
    let (code, out, _) = run(&["test", place, "--plugin", module, "--json"]);
    assert_eq!(code, Some(1));
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[4]["failed"], 3);
    assert_eq!(lines[3]["problems"][0], "expected status 415, got 400");

    for (arguments, part) in [
        (&["test", place][..], "--plugin"),
        (&["test", "/no/such", "--plugin", module], "can't be read"),
        (
            &["test", place, "--plugin", "/no/such.wasm"],
            "can't be read",
        ),
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, Some(1));
        assert!(err.contains(part), "{err}");
    }
}

#[test]
fn a_case_may_bring_a_configuration_of_its_own() {
    let case = |config: &str, owner: &str| {
        format!(
            "event = \"pre-create\"\n[request]\nheaders = {{ x-user = \"ann\" }}\n{config}\
             [expect]\ndecision = \"proceed\"\nmetadata = {{ {owner} }}\n"
        )
    };
    let directory = cases(&[
        (
            "own.toml",
            &case("[config]\nowner-header = \"x-user\"\n", "owner = \"ann\""),
        ),
        ("none.toml", &case("", "")),
    ]);
    let module = built("tag-upload");
    let place = directory.path().to_str().unwrap();
    let (code, out, _) = run(&["test", place, "--plugin", module.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn the_list_shows_what_the_server_would_load_and_in_which_order() {
    let setup = Setup::new().with_hooks();
    let directory = setup.hooks_dir();
    install(&directory, "refuse-meme", "last");
    install(&directory, "tag-upload", "first");
    install(&directory, "refuse-meme-rust", "no-event");
    install(&directory, "refuse-meme-rust", "pre-terminate");
    install(&directory, "refuse-meme", "wrong");
    fs::write(
        directory.join("first.toml"),
        "order = -1\n[config]\nsecret = \"xyzzy\"\n",
    )
    .unwrap();
    fs::write(directory.join("wrong.toml"), "order = \"x\"\n").unwrap();
    fs::write(directory.join("pre-create"), "#!/bin/sh\n").unwrap();
    let place = directory.to_str().unwrap();
    let (code, out, err) = run(&["list", "--hooks-dir", place, "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let rows: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let states: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["name"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("first", "loads"),
            ("last", "loads"),
            ("no-event", "refused"),
            ("pre-terminate", "loads"),
            ("wrong", "refused"),
            ("pre-create", "ignored"),
        ]
    );
    assert_eq!(rows[0]["asked"], json!(["pre-create"]));
    assert_eq!(rows[3]["asked"], json!(["pre-terminate"]));

    // The server says the same.
    let server = setup.start();
    for name in ["first", "last", "pre-terminate"] {
        let digest = rows.iter().find(|row| row["name"] == name).unwrap();
        let digest = digest["digest"].as_str().unwrap();
        let log = server.log();
        let line = log.lines().find(|line| {
            line.contains("plugin loaded") && line.contains(&format!("plugin=\"{name}\""))
        });
        assert!(line.unwrap().contains(digest), "{log}");
    }
    for name in ["no-event", "wrong"] {
        let log = server.log();
        let refused = log.lines().any(|line| {
            line.contains("plugin not loaded") && line.contains(&format!("plugin=\"{name}\""))
        });
        assert!(refused, "{log}");
    }

    let inspect = |name: &str| run(&["inspect", name, "--hooks-dir", place]);
    let (code, out, _) = inspect("first");
    assert_eq!(code, Some(0));
    assert!(
        out.contains("order -1") && out.contains("config   secret"),
        "{out}"
    );
    assert!(!out.contains("xyzzy"), "{out}");
    assert_eq!(inspect("no-event").0, Some(1));
    let (code, _, err) = inspect("nobody");
    assert_eq!(code, Some(1));
    assert!(err.contains("there are: first, last"), "{err}");
    let (code, _, err) = run(&["inspect", "nobody"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("--hooks-dir"), "{err}");
}

#[test]
fn completions_know_the_commands_and_the_languages() {
    for (shell, sign) in [
        ("bash", "complete -F _rustus"),
        ("zsh", "#compdef rustus"),
        ("fish", "complete -c rustus"),
    ] {
        let output = Command::new(BINARY)
            .args(["completions", shell])
            .env_clear()
            .output();
        let (code, out, err) = ended(&output.unwrap());
        assert_eq!(code, Some(0), "{err}");
        for part in [sign, "inspect", "hooks-dir", "rust"] {
            assert!(out.contains(part), "{shell}: {part}");
        }
    }
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let script = Command::new(BINARY)
        .args(["completions", "bash"])
        .env_clear()
        .output();
    bash.stdin
        .take()
        .unwrap()
        .write_all(&script.unwrap().stdout)
        .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn what_nobody_reads_is_no_panic() {
    let module = built("refuse-meme");
    let mut command = plugin(&["check", module.to_str().unwrap()]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let (code, _, err) = ended(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(1));
    assert!(!err.contains("panicked"), "{err}");
}

/// Every command below `rustus COMMAND`, with its help.
fn commands(command: &[&str]) -> Vec<(String, String)> {
    let help = Command::new(BINARY)
        .args(command)
        .arg("--help")
        .env_clear()
        .output();
    let (code, help, err) = ended(&help.unwrap());
    assert_eq!(code, Some(0), "{err}");
    let list = help
        .split("Commands:\n")
        .nth(1)
        .map(|rest| rest.split("\n\n").next().unwrap());
    let names = list.unwrap_or_default().lines();
    let names = names.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let mut all = Vec::new();
    for name in names.filter(|name| *name != "help") {
        let below = [command, &[name]].concat();
        let help = Command::new(BINARY)
            .args(&below)
            .arg("--help")
            .env_clear()
            .output();
        let (_, help, _) = ended(&help.unwrap());
        match help.contains("\nCommands:\n") {
            true => all.extend(commands(&below)),
            false => all.push((below.join(" "), help)),
        }
    }
    all
}

#[test]
fn the_reference_has_every_command_and_no_other() {
    let reference = fs::read_to_string(root().join("docs/reference.md")).unwrap();
    let table = section(&reference, "## Commands");
    let documented: Vec<String> = rows(table)
        .map(|cells| quoted(cells[0]).next().unwrap())
        .map(|usage| {
            let words = usage.split(' ').skip(1);
            let is_name = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
            words.take_while(is_name).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let there = commands(&[]);
    let there: Vec<_> = there.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(documented, there);
}

#[test]
fn the_help_of_what_authors_do_has_examples() {
    for (name, help) in commands(&["plugin"]) {
        let own = ["new", "build", "check", "run", "test", "list", "inspect"];
        if own.iter().any(|own| name == format!("plugin {own}")) {
            assert!(help.contains(&format!("\n  rustus {name}")), "{help}");
        }
    }
}

/// The blocks of commands in a section of the guide.
fn blocks(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let guide = fs::read_to_string(root().join("docs/plugins.md")).unwrap();
    let setup = Setup::new().with_hooks();
    let server = setup.start();
    let bin = setup.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(BINARY, bin.join("rustus")).unwrap();
    let mut toolchain = toolchain();
    let path = toolchain
        .remove("PATH")
        .or_else(|| std::env::var("PATH").ok())
        .unwrap();
    let sh = |block: &str| {
        // The folder that the server of the guide watches is that of ours.
        let block = block.replace("HOOKS_DIR", server.hooks_dir().to_str().unwrap());
        let output = Command::new("/bin/sh")
            .args(["-e", "-c", &block])
            .current_dir(setup.path())
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("RUSTUS_COMPILE_CACHE_DIR", compile_cache())
            .env_remove("RUSTFLAGS")
            .envs(&toolchain)
            .output();
        let (code, out, err) = ended(&output.unwrap());
        (code, format!("{out}{err}"), block)
    };
    let mut all = blocks(section(&guide, "## First hook"));
    all.extend(blocks(section(&guide, "## Trying")));
    // What each block prints, in part, and how it ends.
    let expected = [
        ("Next:", 0),
        ("ok: the server would load it", 0),
        ("2 passed; 0 failed", 0),
        ("", 0),
        ("reject 415", 3),
        ("ok: the server would load it", 0),
        ("my-hook: loads", 0),
    ];
    assert_eq!(all.len(), expected.len(), "{all:#?}");
    for (block, (part, code)) in all.iter().zip(expected) {
        let (found, said, block) = sh(block);
        assert_eq!(found, Some(code), "{block}: {said}");
        assert!(said.contains(part), "{block}: {said}");
        if part == "Next:" {
            share_target(&setup.path().join("my-hook"));
        }
    }
    server.wait_for_log("plugin loaded");
    let refused = Tus::new(server.files()).create_with(5, &[("filename", "run.exe")]);
    assert_eq!(refused.status(), 415);
}

#[test]
fn a_hook_of_ones_own_is_made_as_the_readme_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let steps = section(&readme, "## Your first own hook in five minutes");
    let steps = blocks(steps.split("**5. Write your own.**").nth(1).unwrap());
    let [new, build] = &steps[..] else {
        panic!("{steps:#?}");
    };
    let setup = Setup::new().with_hooks();
    let server = setup.start();
    let checkout = setup.path().join("checkout");
    fs::create_dir(&checkout).unwrap();
    let sh = |block: &str| {
        let block = block
            .replace("target/debug/rustus", BINARY)
            .replace("target/demo/hooks", server.hooks_dir().to_str().unwrap());
        let output = Command::new("/bin/sh")
            .args(["-e", "-c", &block])
            .current_dir(&checkout)
            .env("RUSTUS_COMPILE_CACHE_DIR", compile_cache())
            .env_remove("RUSTFLAGS")
            .envs(toolchain())
            .output();
        let (code, out, err) = ended(&output.unwrap());
        assert_eq!(code, Some(0), "{block}: {out}{err}");
    };
    sh(new);
    share_target(&setup.path().join("my-hook"));
    sh(build);
    server.wait_for_log("plugin loaded");
    let refused = Tus::new(server.files()).create_with(5, &[("filename", "run.exe")]);
    assert_eq!(refused.status(), 415);
}

#[test]
fn a_case_as_the_guide_shows_it_is_one() {
    let guide = fs::read_to_string(root().join("docs/plugins.md")).unwrap();
    let shown = section(&guide, "## Testing");
    let shown = shown
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let directory = cases(&[("shown.toml", shown)]);
    let module = built("refuse-meme");
    let place = directory.path().to_str().unwrap();
    let found = run(&[
        "test",
        place,
        "--plugin",
        module.to_str().unwrap(),
        "--json",
    ]);
    let first: Value = serde_json::from_str(found.1.lines().next().unwrap()).unwrap();
    // It was read and put to a module, whatever that answered.
    assert!(first["decision"].is_string(), "{first}");
    assert!(found.2.is_empty(), "{}", found.2);
}

#[test]
fn a_cache_that_can_not_be_used_is_no_reason_to_fail() {
    let module = built("refuse-meme");
    let output = plugin(&["check", module.to_str().unwrap()])
        .env("RUSTUS_COMPILE_CACHE_DIR", "/proc/nowhere")
        .output();
    let (code, out, err) = ended(&output.unwrap());
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("compiled in"), "{out}");
}
