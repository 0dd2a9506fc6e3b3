//! What must hold for any bytes. Each function takes what a target is given.

use std::path::{Component, Path};
use std::time::{Duration, UNIX_EPOCH};

use crate::plugins::Manifest;
use crate::store::{DataPath, DirStructure, UploadId};
use crate::uploads::Metadata;

pub use crate::server::checks::{chunked, forwarded, framing};
pub use crate::tus::checks::{checksum, concat, conditional, disposition, headers, range};

/// `NAME.toml`: read, or refused with a message on one line.
pub fn manifest(text: &str) {
    if let Err(error) = Manifest::parse(text) {
        let message = error.to_string();
        assert!(
            !message.is_empty() && !message.contains('\n'),
            "{message:?}"
        );
    }
}

/// `Upload-Metadata`: kept as given, and what was read can be written.
pub fn metadata(raw: &str) {
    let Ok(metadata) = Metadata::parse(raw) else {
        return;
    };
    assert_eq!(metadata.raw(), raw);
    let entries = metadata.entries().to_vec();
    let written = Metadata::from_entries(entries.clone())
        .expect("the keys were good")
        .expect("there is an entry");
    let again = Metadata::parse(written.raw()).expect("it was written by us");
    assert_eq!(again.entries(), entries);
}

/// Ids, data paths and `--dir-structure`: what is accepted stays below its
/// directory.
pub fn paths(text: &str) {
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
        for hours in [0, 500_000, u64::from(u32::MAX)] {
            let time = UNIX_EPOCH + Duration::from_secs(hours * 3600);
            let path = DataPath::below(&structure.directory(time), &id)
                .expect("it was checked at the start");
            assert!(stays_below(path.as_ref()));
        }
    }
}

fn stays_below(path: &Path) -> bool {
    path.components()
        .all(|component| matches!(component, Component::Normal(_)))
}

/// The lines of an input, of which the last is the rest.
pub(crate) fn lines<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut parts = input.splitn(N, |byte| *byte == b'\n');
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
