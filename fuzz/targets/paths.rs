//! Ids, data paths and `--dir-structure`: what is accepted stays below its
//! directory.

#![no_main]

use std::path::{Component, Path};
use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use rustus::store::{DataPath, DirStructure, UploadId};

fuzz_target!(|input: (&str, u32)| {
    let (text, hours) = input;
    if let Ok(id) = UploadId::new(text) {
        assert_eq!(id.as_str(), text);
        assert_eq!(Path::new(text).components().count(), 1);
        assert!(DataPath::new(text).is_ok());
    }
    if let Ok(path) = DataPath::new(text) {
        assert_eq!(path.as_str(), text);
        assert!(stays_below(path.as_ref()));
    }
    if let Ok(structure) = text.parse::<DirStructure>() {
        let id = UploadId::new("id").expect("it is an id");
        let time = UNIX_EPOCH + Duration::from_secs(u64::from(hours) * 3600);
        let path = DataPath::below(&structure.directory(time), &id);
        assert!(stays_below(
            path.expect("it was checked at the start").as_ref()
        ));
    }
});

fn stays_below(path: &Path) -> bool {
    path.components()
        .all(|component| matches!(component, Component::Normal(_)))
}
