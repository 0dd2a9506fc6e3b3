//! The bindings for C that stand in the repository are those that `wit/` gives.
//! Those of the other languages are made at each build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::directory::files_below;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sdk() -> PathBuf {
    root().join("sdk")
}

#[test]
fn the_bindings_for_c_are_those_of_wit() {
    let fresh = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(sdk().join("bindings/Cargo.toml"))
        .arg("--target-dir")
        .arg(root().join("target/bindings"))
        .arg("--")
        .arg(fresh.path())
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let folder = "c/rustus_hook/generated";
    let (stored, made) = (sdk().join(folder), fresh.path().join(folder));
    assert_eq!(files_below(&stored), files_below(&made));
    for file in files_below(&made) {
        let same = fs::read(stored.join(&file)).unwrap() == fs::read(made.join(&file)).unwrap();
        assert!(
            same,
            "{folder}/{file} is not what wit/ gives: run `cargo run --manifest-path \
             sdk/bindings/Cargo.toml -- sdk`"
        );
    }
}

/// The names of record fields of `wit/types.wit`, in camelCase, stand in the
/// declarations for TypeScript, whose layer is written by hand.
#[test]
fn the_declarations_for_typescript_have_every_field_of_an_event() {
    let wit = fs::read_to_string(sdk().join("../wit/types.wit")).unwrap();
    let declared = fs::read_to_string(sdk().join("javascript/rustus-hook/index.d.ts")).unwrap();
    let mut checked = 0;
    for record in ["upload", "request", "event"] {
        let body = wit.split(&format!("record {record} {{")).nth(1).unwrap();
        for line in body.split("\n    }").next().unwrap().lines() {
            let Some((name, _)) = line.trim().split_once(": ") else {
                continue;
            };
            // Asked for as `isPartial` and `parts`.
            if line.trim().starts_with("///") || name == "kind" {
                continue;
            }
            let mut words = name.split('-');
            let mut camel = words.next().unwrap().to_owned();
            for word in words {
                camel += &word[..1].to_uppercase();
                camel += &word[1..];
            }
            assert!(declared.contains(&format!("readonly {camel}: ")), "{camel}");
            checked += 1;
        }
    }
    assert!(checked > 12, "{checked}");
}
