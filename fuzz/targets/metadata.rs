//! `Upload-Metadata`: kept as given, and what was read can be written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rustus::uploads::Metadata;

fuzz_target!(|raw: &str| {
    let Ok(metadata) = Metadata::parse(raw) else {
        return;
    };
    assert_eq!(metadata.raw(), raw);
    let entries = metadata.entries().to_vec();
    let written = Metadata::from_entries(entries.clone());
    let written = written
        .expect("the keys were good")
        .expect("there is an entry");
    let again = Metadata::parse(written.raw()).expect("it was written by us");
    assert_eq!(again.entries(), entries);
});
