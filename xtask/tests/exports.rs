//! What the built guests export is what their source says: no event more, none
//! fewer. Needs `./x guests`, which `./x test` runs before.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use wasmparser::{Parser, Payload};

const GUESTS: [(&str, &[&str]); 6] = [
    ("refuse-meme", &["pre-create"]),
    ("tag-upload", &["pre-create"]),
    ("log-events", &["notifications"]),
    ("rule-a", &["pre-create"]),
    ("rule-b", &["pre-create"]),
    (
        "hostile",
        &[
            "notifications",
            "pre-create",
            "pre-finish",
            "pre-get",
            "pre-terminate",
        ],
    ),
];

#[test]
fn a_guest_exports_the_events_that_it_answers_and_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
    for (name, events) in GUESTS {
        let file = folder.join(format!("{name}.wasm"));
        let component = fs::read(&file)
            .unwrap_or_else(|error| panic!("{}: {error}: run ./x guests first", file.display()));
        let interface = |event: &&str| format!("rustus:hooks/{event}@0.1.0");
        let expected: Vec<String> = events.iter().map(interface).collect();
        assert_eq!(exports(&component), expected, "{name}");
    }
}

/// The names that a component exports itself, not those of components inside it.
fn exports(component: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentExportSection(section) if depth == 1 => {
                names.extend(
                    section
                        .into_iter()
                        .map(|export| export.unwrap().name.name.to_owned()),
                );
            }
            _ => {}
        }
    }
    names.sort();
    names
}
