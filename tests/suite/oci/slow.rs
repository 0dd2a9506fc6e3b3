//! Registries that take slowly what is put there: a slow line is no reason to
//! give up, and one on which nothing moves is.

use std::fs;
use std::time::Duration;

use super::Author;
use crate::harness::receiver::{Answer, Reading, Receiver, Request};

const MIB: usize = 1024 * 1024;

/// A module with so many MiB: more than the system takes in before anybody reads,
/// so that the registry alone decides how fast it goes.
fn module(mib: usize) -> Vec<u8> {
    let section = mib * MIB;
    let mut module = b"\0asm\x01\0\0\0\0".to_vec();
    let mut left = section;
    while left > 127 {
        module.push((left % 128) as u8 | 128);
        left /= 128;
    }
    module.push(left as u8);
    // A section with a name of no letters.
    module.resize(module.len() + section, 0);
    module
}

/// A registry that takes everything, and a module in this way.
fn registry(reading: Reading) -> Receiver {
    let registry = Receiver::start(|request| match request.method.as_str() {
        "HEAD" => Answer::status(404),
        "POST" => Answer::with(202, &[("Location", "/v2/a/b/blobs/uploads/1")], b""),
        _ => Answer::status(201),
    });
    let is_module = |request: &Request| {
        let length = request.header("content-length").unwrap_or_default();
        length.len() > 6
    };
    registry.read(move |request| match is_module(request) {
        true => reading,
        false => Reading::AtOnce,
    });
    registry
}

/// What `rustus plugin push` comes to, and how often the module was begun.
fn pushed(mib: usize, reading: Reading, patience: &str) -> (std::process::Output, usize) {
    let registry = registry(reading);
    let author = Author::new();
    fs::write(author.path("large.wasm"), module(mib)).unwrap();
    let host = registry.address().to_string();
    let output = author.plugin(&[
        "push",
        "large.wasm",
        &format!("{host}/a/b:1"),
        "--oci-insecure",
        &host,
        "--oci-timeout",
        patience,
    ]);
    let begun = registry.requests();
    let begun = begun.iter().filter(|it| it.method == "POST").count();
    (output, begun)
}

/// The one line that a push which fails says.
fn said(output: &std::process::Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn a_module_that_takes_longer_than_a_registry_may_be_silent_is_pushed() {
    // At least 5 s, since the registry takes its time before each part.
    let slowly = Reading::Slowly(50, Duration::from_millis(100));
    let (output, begun) = pushed(16, slowly, "3s");
    assert!(output.status.success(), "{output:?}");
    // The configuration and the module.
    assert_eq!(begun, 2);
}

#[test]
fn a_registry_that_takes_no_more_is_given_up_and_one_that_takes_too_little_too() {
    // Both at the same time: each takes all the time that it is allowed.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (output, begun) = pushed(16, Reading::Never, "1s");
            let said = said(&output);
            assert!(said.contains("took no more of a blob for 1 s"), "{said}");
            assert!(said.contains("of 167772"), "{said}");
            assert_eq!(begun, 4);
        });
        scope.spawn(|| {
            let slowly = Reading::Slowly(64, Duration::from_millis(200));
            let (output, begun) = pushed(64, slowly, "1s");
            let said = said(&output);
            let expected = "took a blob too slowly: not all of it was taken within 10 s";
            assert!(said.contains(expected), "{said}");
            // It is not sent again.
            assert_eq!(begun, 2);
        });
    });
}
