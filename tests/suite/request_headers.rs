//! Header fields of a request: a plugin that asks for them gets those of the
//! request that it answers. The other languages are in `languages/headers.rs`.

use std::fs;

use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header, metadata};

/// A guest that tells what it reads when it is asked to.
fn hostile(instances: &str) -> (Server, Tus) {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let manifest = format!("instances = \"{instances}\"\n");
    fs::write(setup.hooks_dir().join("hostile.toml"), manifest).unwrap();
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

/// What the guest reads of a request with these fields.
fn read(tus: &Tus, behave: &str, fields: &[(&str, &str)]) -> String {
    let pairs = metadata(&[("behave", behave)]);
    let always = [("upload-length", "5"), ("upload-metadata", pairs.as_str())];
    let response = tus.post(&[&always, fields].concat());
    assert_eq!(response.status(), 201);
    header(&response, "x-fields").to_owned()
}

const OF_ANN: [(&str, &str); 4] = [
    ("authorization", "Bearer ann"),
    ("x-tag", "one"),
    ("x-other", "three"),
    ("X-Tag", "two"),
];

#[test]
fn a_field_that_is_sent_twice_has_both_values_in_order() {
    let (_server, tus) = hostile("fresh");
    assert_eq!(read(&tus, "headers:X-TAG", &OF_ANN), "one,two");
    assert_eq!(read(&tus, "headers:x-absent", &OF_ANN), "");
    let names = read(&tus, "all-headers", &OF_ANN);
    let names: Vec<&str> = names.split(',').collect();
    let tags = names.iter().filter(|name| **name == "x-tag").count();
    assert_eq!(tags, 2, "{names:?}");
    for name in ["authorization", "host", "upload-length"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn a_reused_instance_never_sees_the_fields_of_the_request_before() {
    let (_server, tus) = hostile("reuse");
    for _ in 0..3 {
        let token = "headers:authorization";
        assert_eq!(read(&tus, token, &OF_ANN), "Bearer ann");
        assert_eq!(read(&tus, token, &[]), "");
        let names = read(&tus, "all-headers", &[]);
        assert!(!names.contains("authorization"), "{names}");
        assert!(!names.contains("x-tag"), "{names}");
    }
}
