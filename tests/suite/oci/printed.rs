//! What the commands print: `--json` for programs, and on a terminal how far a
//! transfer is.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::signatures::key_pair;
use super::{Author, digest};
use crate::harness::docker_registry::DockerRegistry;
use crate::harness::guests::{built, bytes};
use crate::harness::programs::installed;

impl Author {
    /// The object that a command prints, and its exit code.
    fn prints(&self, arguments: &[&str]) -> (Value, Option<i32>) {
        let output = self.plugin(&[arguments, &["--json"]].concat());
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        (serde_json::from_str(&text).unwrap(), output.status.code())
    }
}

#[test]
fn every_command_prints_one_object_with_all_that_it_says() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new().with("RUSTUS_OCI_INSECURE", &registry.host());
    key_pair(&author, "mine");
    let module = bytes("refuse-meme");
    let file = built("refuse-meme");
    let to = registry.reference("hooks/refuse:1");

    let push = ["push", file.to_str().unwrap(), &to, "--sign", "mine.key"];
    let (pushed, code) = author.prints(&push);
    assert_eq!(code, Some(0));
    let at = pushed["digest"].as_str().unwrap();
    let pinned = format!("{}@{at}", registry.reference("hooks/refuse"));
    let mut expected = json!({
        "reference": to,
        "pinned": pinned,
        "digest": at,
        "module_digest": digest(&module),
        "size": module.len(),
        "media_types": {
            "manifest": "application/vnd.oci.image.manifest.v1+json",
            "config": "application/vnd.wasm.config.v0+json",
            "module": "application/wasm",
        },
        "signed_with": "mine.key",
    });
    assert_eq!(pushed, expected);

    expected.as_object_mut().unwrap().remove("signed_with");
    expected["signed_by"] = json!(["key mine.pub"]);
    let saved = expected.clone();
    let key = ["--oci-key", "mine.pub"];
    for (arguments, file) in [
        (["pull", &to, "-o", "a.wasm"], "a.wasm"),
        (["install", &to, "--into", "hooks"], "hooks/refuse.wasm"),
    ] {
        expected["file"] = json!(file);
        let (printed, code) = author.prints(&[&arguments[..], &key].concat());
        assert_eq!((printed, code), (expected.clone(), Some(0)));
        assert!(fs::read(author.path(file)).unwrap() == module);
    }

    let save = ["save", &to, "-o", "set.tar", "--oci-key", "mine.pub"];
    let (printed, code) = author.prints(&save);
    assert_eq!(printed, json!({ "file": "set.tar", "modules": [saved] }));
    assert_eq!(code, Some(0));

    let load = ["load", "set.tar", "--oci-cache-dir", "cache"];
    let (printed, code) = author.prints(&load);
    let contained = json!({ "reference": to, "pinned": pinned, "digest": at });
    let loaded = json!({
        "file": "set.tar",
        "modules": [contained],
        "cache_dir": "cache",
        "lock": "cache/plugins.lock",
    });
    assert_eq!((printed, code), (loaded, Some(0)));
}

#[test]
fn a_signature_that_does_not_do_is_part_of_the_object_and_of_the_exit_code() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new().with("RUSTUS_OCI_INSECURE", &registry.host());
    key_pair(&author, "mine");
    let [one, two] = ["a/one:1", "a/two:1"].map(|name| registry.reference(name));
    for (guest, to, more) in [
        ("refuse-meme", &one, &[][..]),
        ("log-events", &two, &["--sign", "mine.key"]),
    ] {
        let file = built(guest);
        author.does(&[&["push", file.to_str().unwrap(), to][..], more].concat());
    }
    let verify = |what: &str| author.prints(&["verify", what, "--oci-key", "mine.pub"]);
    let (good, code) = verify(&two);
    assert_eq!((good["state"].as_str(), code), (Some("signed"), Some(0)));
    assert_eq!(good["signed_by"], json!(["key mine.pub"]));
    assert_eq!(good["reference"], two.as_str());
    assert_eq!(good["problem"], Value::Null);
    let (bad, code) = verify(&one);
    assert_eq!((bad["state"].as_str(), code), (Some("refused"), Some(1)));
    let problem = bad["problem"].as_str().unwrap();
    assert!(problem.contains("it is not signed"), "{problem}");

    // All of an archive is looked at, whichever is refused.
    author.does(&["save", &one, &two, "-o", "set.tar"]);
    let (all, code) = verify("set.tar");
    assert_eq!(all, json!({ "file": "set.tar", "modules": [bad, good] }));
    assert_eq!(code, Some(1));
    let output = author.plugin(&["verify", "set.tar", "--oci-key", "mine.pub"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.ends_with("is signed by key mine.pub\n"), "{said}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("it is not signed"), "{said}");

    // What could not be looked at is no outcome.
    let missing = registry.reference("a/none:1");
    let said = author.fails(&["verify", &missing, "--oci-key", "mine.pub", "--json"]);
    assert!(said.contains("has no a/none"), "{said}");
}

#[test]
fn how_far_a_transfer_is_stands_on_a_terminal_without_colours_and_nowhere_else() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let there = Command::new("script").arg("--version").output().is_ok();
    if !installed("script", there) {
        return;
    }
    let author = Author::new()
        .with("RUSTUS_OCI_INSECURE", &registry.host())
        .with("TERM", "xterm");
    let file = built("refuse-meme");
    let to = registry.reference("a/b:1");
    for (command, sign) in [
        (format!("push {} {to}", file.display()), "sending ["),
        (format!("pull {to}"), "fetching the module ["),
    ] {
        let line = format!("{} plugin {command}", env!("CARGO_BIN_EXE_rustus"));
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .current_dir(author.home.path())
            .env_clear()
            .env("PATH", author.search_path())
            .env("HOME", author.home.path())
            .envs(author.variables.iter().cloned())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert!(said.contains(sign), "{said:?}");
        // Colours are codes that end so; the others move and clear.
        let codes = said.split("\x1b[").skip(1);
        let ends =
            codes.map(|code| code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
        for end in ends {
            assert!(!end.starts_with('m'), "{said:?}");
        }
    }
    // On a pipe, with a cache that has nothing yet.
    let output = author.plugin(&["pull", &to, "--oci-cache-dir", "cache"]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
