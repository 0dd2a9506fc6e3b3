//! `[secrets]`: a plugin gets those that its operator lists, and nobody reads them
//! in the log.

use std::fs;
use std::path::Path;

use crate::harness::guests::{install, replace};
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header};

/// In the environment.
const TOKEN: &str = "geheim-aus-der-umgebung";

/// A guest that tells secrets when it is asked to.
fn hostile(manifest: impl Fn(&Path) -> String) -> (Server, Tus) {
    let setup = Setup::new().with_hooks().variable("TOKEN", TOKEN);
    install(&setup.hooks_dir(), "hostile", "hostile");
    fs::write(
        setup.hooks_dir().join("hostile.toml"),
        manifest(setup.path()),
    )
    .unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// What the guest reads under a name; empty if it is denied.
fn secret(tus: &Tus, name: &str) -> String {
    let response = tus.create_with(0, &[("behave", &format!("secret:{name}"))]);
    header(&response, "x-secret").to_owned()
}

#[test]
fn secrets_come_from_variables_and_files_and_follow_the_file() {
    let elsewhere = tempfile::tempdir().unwrap();
    let key = elsewhere.path().join("key");
    fs::write(&key, "geheim-eins\n").unwrap();
    let (server, tus) = hostile(|_| {
        let key = key.display();
        format!("[secrets]\ntoken = {{ env = \"TOKEN\" }}\nkey = {{ file = \"{key}\" }}\n")
    });
    assert_eq!(secret(&tus, "token"), TOKEN);
    assert_eq!(secret(&tus, "key"), "geheim-eins");

    let mark = server.mark();
    replace(&key, b"geheim-zwei\n");
    server.wait_for_log_after(mark, "plugin loaded");
    assert_eq!(secret(&tus, "key"), "geheim-zwei");

    // One that goes leaves the generation that has it, until it is back.
    let mark = server.mark();
    fs::remove_file(&key).unwrap();
    let line = server.wait_for_log_after(mark, "the generation before keeps serving");
    assert!(
        line.contains("`key`") && line.contains("can't be read"),
        "{line}"
    );
    assert_eq!(secret(&tus, "key"), "geheim-zwei");
    let mark = server.mark();
    replace(&key, b"geheim-drei");
    server.wait_for_log_after(mark, "plugin loaded");
    assert_eq!(secret(&tus, "key"), "geheim-drei");
    assert!(!server.log().contains("geheim"), "{}", server.log());
}

#[test]
fn a_plugin_that_says_its_secret_is_not_repeated() {
    for instances in ["fresh", "reuse"] {
        let (server, tus) = hostile(|_| {
            format!("instances = \"{instances}\"\n[secrets]\ntoken = {{ env = \"TOKEN\" }}\n")
        });
        let mark = server.mark();
        let said = tus.create_with(0, &[("behave", "log-secret:token")]);
        assert_eq!(said.status(), 201);
        let line = server.wait_for_log_after(mark, "stderr: stderr");
        assert!(line.contains("stderr ***"), "{line}");
        server.wait_for_log_after(mark, "stdout: stdout ***");
        let failed = tus.create_with(0, &[("behave", "fail-secret:token")]);
        assert_eq!(failed.status(), 503);
        let line = server.wait_for_log_after(mark, "a plugin did not answer");
        assert!(line.contains("an error: ***"), "{line}");
        assert!(!server.log().contains(TOKEN), "{}", server.log());
        // Each of: the message, two fields, a line on each stream, one in pieces.
        assert!(server.log().matches("***").count() >= 7);
    }
}

#[test]
fn a_secret_that_is_not_listed_is_denied_to_the_plugin_and_told_to_the_operator() {
    let (server, tus) = hostile(|_| "[secrets]\ntoken = { env = \"TOKEN\" }\n".to_owned());
    for (name, write) in [
        ("PATH", "`PATH = { env = \\\"NAME\\\" }` under [secrets]"),
        ("TOKEN", "`TOKEN = { env = \\\"NAME\\\" }` under [secrets]"),
        ("a b", "`\\\"a b\\\" = { env"),
        ("../../etc/passwd", "`\\\"../../etc/passwd\\\" = { env"),
        ("", "`\\\"\\\" = { env"),
    ] {
        for _ in 0..2 {
            let mark = server.mark();
            let behave = format!("secret:{name}");
            let denied = tus.create_with(0, &[("behave", &behave)]);
            assert_eq!(denied.status(), 503, "{name}");
            let line = server.wait_for_log_after(mark, "a plugin was denied");
            for part in ["plugin=\"hostile\"", "capability=\"secrets\"", write] {
                assert!(line.contains(part), "{line}");
            }
            let line = server.wait_for_log_after(mark, "a plugin did not answer");
            assert!(line.contains("a permanent error: the secret"), "{line}");
        }
    }
    assert_eq!(secret(&tus, "token"), TOKEN);
}

#[test]
fn a_plugin_whose_secret_is_missing_is_not_loaded_until_it_is_there() {
    let (server, tus) =
        hostile(|path| format!("[secrets]\nkey = {{ file = \"{}/key\" }}\n", path.display()));
    let line = server.wait_for_log("plugin not loaded; nothing answers in its place");
    assert!(
        line.contains("`key`") && line.contains("can't be read"),
        "{line}"
    );
    fs::write(server.hooks_dir().with_file_name("key"), "geheim-da").unwrap();
    server.wait_for_log("plugin loaded");
    assert_eq!(secret(&tus, "key"), "geheim-da");

    let (server, _) = hostile(|_| "secrets.token = { env = \"NOT_THERE\" }\n".to_owned());
    let line = server.wait_for_log("plugin not loaded");
    assert!(
        line.contains("the environment variable NOT_THERE is not set"),
        "{line}"
    );
}

#[test]
fn a_secret_written_into_the_manifest_is_refused_without_being_shown() {
    let (server, _) = hostile(|_| "[secrets]\ntoken = \"geheim\"\n".to_owned());
    let line = server.wait_for_log("plugin not loaded");
    assert!(line.contains("{ env = \\\"NAME\\\" }"), "{line}");
    assert!(!server.log().contains("geheim"), "{}", server.log());
}
