//! The bindings for C and Go that stand in the repository are those that wit/
//! gives. Those of the other languages are made at each build.
//!
//! `RUSTUS_WRITE_BINDINGS=1` writes them in place of comparing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

use crate::harness::directory::files_below;

/// What the generator calls the package that ours stands in the place of, so that
/// a project needs nothing from elsewhere.
const THEIR_TYPES: &str = "go.bytecodealliance.org/pkg/wit";

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

fn generated(mut generator: Box<dyn WorldGenerator>) -> BTreeMap<String, String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(sdk().join("c/wit")).unwrap();
    let world = resolve.select_world(&[package], Some("rustus")).unwrap();
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    files
        .iter()
        .map(|(name, bytes)| (name.to_owned(), text(bytes)))
        .collect()
}

fn compare(folder: &Path, files: &BTreeMap<String, String>) {
    if std::env::var_os("RUSTUS_WRITE_BINDINGS").is_some() {
        fs::remove_dir_all(folder).unwrap();
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let names: Vec<&String> = files.keys().collect();
    let stored = files_below(folder);
    assert_eq!(stored.iter().collect::<Vec<_>>(), names);
    for (name, text) in files {
        let stored = fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            stored == *text,
            "{name} is not what wit/ gives: run this test with RUSTUS_WRITE_BINDINGS=1"
        );
    }
}

#[test]
fn the_bindings_for_c_are_those_of_wit() {
    let options = wit_bindgen_c::Opts {
        no_object_file: true,
        ..Default::default()
    };
    let files = generated(options.build());
    compare(&sdk().join("c/rustus_hook/generated"), &files);
}

#[test]
fn the_bindings_for_go_are_those_of_wit() {
    let options = wit_bindgen_go::Opts {
        // gofmt is not there where Go is not.
        format: wit_bindgen_go::Format::False,
        pkg_name: Some("rustus/hook/internal/generated".to_owned()),
        export_pkg_name: Some("rustus/hook/internal/answers".to_owned()),
        ..Default::default()
    };
    let mut files = generated(options.build());
    for text in files.values_mut() {
        *text = text.replace(THEIR_TYPES, "rustus/hook/internal/wit");
    }
    compare(&sdk().join("go/rustus/internal/generated"), &files);
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
