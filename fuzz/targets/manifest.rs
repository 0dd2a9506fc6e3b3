//! `NAME.toml`: read or refused with a message on one line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rustus::plugins::Manifest;

fuzz_target!(|text: &str| {
    if let Err(error) = Manifest::parse(text) {
        let message = error.to_string();
        assert!(
            !message.is_empty() && !message.contains('\n'),
            "{message:?}"
        );
    }
});
