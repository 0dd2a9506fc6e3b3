//! Single calls of modules.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::json;

use super::{ended, json_of, plugin, run};
use crate::harness::guests::{built, built_if_there, bytes};

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
        // On a busy machine the other clock may run out first.
        (
            "pre-create",
            "behave=loop",
            4,
            &["-time-ms` under [limits]"],
        ),
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

#[test]
fn a_call_reaches_what_is_granted_and_says_what_would_grant_the_rest() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        assert!(connection.read(&mut asked).unwrap() > 0);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        connection.write_all(answer).unwrap();
    });
    let fetch = built("fetch");
    let metadata = format!("fetch={server}/");
    let call = [
        "run",
        fetch.to_str().unwrap(),
        "--event",
        "pre-create",
        "--metadata",
        &metadata,
    ];

    let (code, out, _) = run(&call);
    assert_eq!(code, Some(3), "{out}");
    let line = format!("servers = [\\\"{server}\\\"]` under [allow.http]");
    assert!(out.contains("was denied") && out.contains(&line), "{out}");

    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("c.toml");
    fs::write(&config, format!("[allow.http]\nservers = [\"{server}\"]\n")).unwrap();
    let (_, out, _) = run(&[&call[..], &["--config", config.to_str().unwrap()]].concat());
    assert!(out.contains("200 hi"), "{out}");
    answering.join().unwrap();
}
