//! What holds for all inputs of everything that is parsed: nothing panics, and
//! what was read can be written and read again.
//!
//! `./x soak` tries many more inputs than everyday runs do; `./x fuzz` goes on
//! from a corpus, led by coverage.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::{Component, Path};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rustus::hooks::MetadataEntry;
use rustus::plugins::{EventKind, Instances, Manifest, OnError};
use rustus::store::{
    DataPath, DirStructure, Durability, FileStore, FileStoreConfig, NewRecord, RecordKind,
    Store as _, StoreError, UploadId,
};
use rustus::tus::{BaseUrl, Headers, Target};
use rustus::uploads::Metadata;

/// How many inputs a property is tried with.
fn inputs(soak: u32, share: u32) -> ProptestConfig {
    ProptestConfig {
        cases: match std::env::var_os("RUSTUS_SOAK") {
            Some(_) => soak,
            None => share,
        },
        // A failing input is printed, and belongs into a test with a name.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Anything, and what is nearly right.
fn text(nearly: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), nearly]
}

fn key() -> impl Strategy<Value = String> {
    "[!-+\\--~]{1,20}"
}

fn entries() -> impl Strategy<Value = Vec<MetadataEntry>> {
    proptest::collection::btree_map(key(), vec(any::<u8>(), 0..50), 0..8).prop_map(|entries| {
        entries
            .into_iter()
            .map(|(key, value)| MetadataEntry { key, value })
            .collect()
    })
}

fn one_header(value: Vec<u8>) -> Headers {
    Headers::from_iter([("upload-offset".to_owned(), value)])
}

fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-][A-Za-z0-9._-]{0,50}[A-Za-z0-9_-]"
}

/// Whether following the path from a directory can only end below it.
fn stays_below(path: &Path) -> bool {
    path.components()
        .all(|component| matches!(component, Component::Normal(_)))
        && path.components().count() > 0
}

proptest! {
    #![proptest_config(inputs(200_000, 500))]

    #[test]
    fn metadata_is_kept_as_given_and_its_entries_read_back(raw in text("[ab ,=A/+Q\t\u{e9}]{0,30}")) {
        if let Ok(metadata) = Metadata::parse(&raw) {
            prop_assert_eq!(metadata.raw(), &raw);
            let entries = metadata.entries().to_vec();
            let written = Metadata::from_entries(entries.clone()).unwrap().unwrap();
            let again = Metadata::parse(written.raw()).unwrap();
            prop_assert_eq!(again.entries(), entries);
        }
    }

    #[test]
    fn metadata_of_a_hook_reads_back(entries in entries()) {
        match Metadata::from_entries(entries.clone()).unwrap() {
            Some(metadata) => {
                let again = Metadata::parse(metadata.raw()).unwrap();
                prop_assert_eq!(again.entries(), entries);
            }
            None => prop_assert!(entries.is_empty()),
        }
    }

    #[test]
    fn a_number_of_bytes_reads_back(number in any::<u64>(), zeros in 0..30_usize) {
        let written = format!("{}{number}", "0".repeat(zeros));
        prop_assert_eq!(one_header(written.into()).bytes("upload-offset"), Ok(Some(number)));
    }

    #[test]
    fn a_header_field_is_a_value_or_an_error(
        value in prop_oneof![vec(any::<u8>(), 0..40), "[0-9 +.-]{0,25}".prop_map(String::into_bytes)]
    ) {
        let headers = one_header(value.clone());
        if let Ok(Some(number)) = headers.bytes("upload-offset") {
            let text = String::from_utf8(value).unwrap();
            let digits = text.trim_matches(' ');
            prop_assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
            let digits = digits.trim_start_matches('0');
            prop_assert_eq!(digits, if number == 0 { String::new() } else { number.to_string() });
        }
        prop_assert_eq!(headers.to_text().len(), 1);
    }

    #[test]
    fn a_base_url_reads_back_and_finds_uploads(
        url in text("/{0,2}[a-z.?#%:\" ]{0,5}(/[a-z.]{0,5}){0,3}"), id in id(), path in any::<String>()
    ) {
        if let Ok(base) = url.parse::<BaseUrl>() {
            prop_assert_eq!(base.as_str().parse::<BaseUrl>().unwrap(), base.clone());
            for end in ["", "/"] {
                let target = base.target(&format!("{}/{id}{end}", base.as_str()));
                prop_assert_eq!(target, Some(Target::Upload(id.clone())));
            }
            for path in [path.clone(), format!("{}{path}", base.as_str())] {
                if let Some(Target::Upload(name)) = base.target(&path) {
                    prop_assert!(!name.is_empty() && !name.contains('/'));
                }
            }
        }
    }

    #[test]
    fn an_id_is_a_safe_file_name(text in text("[a-z./\\\\%_-]{0,12}(\\.info)?")) {
        if let Ok(id) = UploadId::new(text.clone()) {
            prop_assert_eq!(id.as_str(), &text);
            prop_assert!(stays_below(Path::new(id.as_str())));
            prop_assert_eq!(Path::new(id.as_str()).components().count(), 1);
            prop_assert!(id.as_str().len() <= 200);
            prop_assert!(DataPath::below("", &id).is_ok());
        }
    }

    #[test]
    fn well_formed_ids_are_accepted(text in id()) {
        prop_assume!(!text.ends_with(".info"));
        prop_assert!(UploadId::new(text).is_ok());
    }

    #[test]
    fn a_data_path_stays_below_its_directory(text in text("[a.]{0,3}(/[a.\\\\\u{0}]{0,3}){0,3}(\\.info)?")) {
        if let Ok(path) = DataPath::new(text.clone()) {
            prop_assert_eq!(path.as_str(), &text);
            prop_assert!(stays_below(path.as_ref()));
            prop_assert!(!text.ends_with(".info"));
        }
    }

    #[test]
    fn a_directory_by_date_is_a_path_at_any_time(
        template in text("/?(\\{(year|month|day|hour|minute|era)\\}|[a./{}-]){0,6}/?"),
        seconds in 0..1_u64 << 40, id in id()
    ) {
        if let Ok(structure) = template.parse::<DirStructure>() {
            let id = UploadId::new(id).unwrap();
            for time in [UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(seconds)] {
                prop_assert!(DataPath::below(&structure.directory(time), &id).is_ok());
            }
        }
    }

    #[test]
    fn no_text_makes_a_manifest_panic(
        text in text("((order|on-error|events|trial|limits|config)? ?(=|\\[|\\]\n)? ?([0-9-]{0,20}|\"[a-z-]{0,12}\"|true|\\{|\\})\n?){0,5}")
    ) {
        if let Err(error) = Manifest::parse(&text) {
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }

    #[test]
    fn a_manifest_says_what_was_written(
        order in any::<i32>(), allow in any::<bool>(), reuse in any::<bool>(), trial in any::<bool>(),
        events in proptest::sample::subsequence(EventKind::ALL.to_vec(), 0..8),
        memory in 0..2000_u64, message in any::<String>()
    ) {
        let names: Vec<String> = events.iter().map(|kind| format!("{:?}", kind.name())).collect();
        let text = format!(
            "order = {order}\non-error = {:?}\ninstances = {:?}\ntrial = {trial}\nevents = [{}]\n\
             [limits]\nmemory-mib = {memory}\n[config]\n{}\n",
            if allow { "allow" } else { "reject" },
            if reuse { "reuse" } else { "fresh" },
            names.join(", "),
            toml::to_string(&toml::Table::from_iter([("message".to_owned(), toml::Value::String(message.clone()))])).unwrap(),
        );
        let manifest = match Manifest::parse(&text) {
            Ok(manifest) => manifest,
            Err(error) => {
                prop_assert!(memory == 0 || memory > 1024, "{error}");
                return Ok(());
            }
        };
        prop_assert_eq!(manifest.order, order);
        prop_assert_eq!(manifest.on_error == OnError::Allow, allow);
        prop_assert_eq!(manifest.instances == Instances::Reuse, reuse);
        prop_assert_eq!(manifest.trial, trial);
        prop_assert_eq!(manifest.events.iter().collect::<Vec<_>>(), events);
        prop_assert_eq!(manifest.limits.memory as u64, memory << 20);
        prop_assert_eq!(manifest.config["message"].as_str(), Some(message.as_str()));
    }

    #[test]
    fn the_name_of_an_event_reads_back(text in text("(pre|post)-?(create|get|finish|receive)?")) {
        if let Ok(kind) = text.parse::<EventKind>() {
            prop_assert_eq!(kind.name(), text.trim());
        }
    }
}

/// A change of one place in a file.
#[derive(Debug, Clone)]
enum Damage {
    Cut(Index),
    Change(Index, u8),
    Insert(Index, Vec<u8>),
    Double(Index),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            any::<Index>().prop_map(Self::Cut),
            (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Self::Change(at, byte)),
            (any::<Index>(), vec(any::<u8>(), 0..5)).prop_map(|(at, new)| Self::Insert(at, new)),
            any::<Index>().prop_map(Self::Double),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Self::Change(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Change(..) => {}
            Self::Insert(at, new) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Double(at) => {
                let at = at.index(bytes.len() + 1);
                bytes.extend_from_within(at..);
            }
        }
    }
}

proptest! {
    #![proptest_config(inputs(5000, 100))]

    #[test]
    fn a_damaged_record_is_read_or_refused(damages in vec(Damage::any(), 1..4)) {
        let root = tempfile::tempdir().unwrap();
        let store = FileStore::open(FileStoreConfig {
            data_dir: root.path().to_owned(),
            info_dir: root.path().to_owned(),
            dir_structure: DirStructure::default(),
            durability: Durability::None,
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let id = UploadId::new("a").unwrap();
        let new = NewRecord {
            id: id.clone(),
            length: Some(5),
            metadata: Some("a YQ==".to_owned()),
            created_at: SystemTime::now(),
            path: None,
            kind: RecordKind::Whole,
        };
        runtime.block_on(store.create(new)).unwrap();
        let file = root.path().join("a.info");
        let mut bytes = std::fs::read(&file).unwrap();
        for damage in &damages {
            damage.apply(&mut bytes);
        }
        std::fs::write(&file, &bytes).unwrap();
        match runtime.block_on(store.load(&id)) {
            Ok(stored) => prop_assert_eq!(stored.record.id, id),
            // Another path is possible, at which there is nothing.
            Err(StoreError::DamagedRecord { .. } | StoreError::NotFound) => {}
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
