//! What holds for files besides what holds for every store.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempDir;

use super::*;
use crate::store::{DataPath, RecordKind, suite};

fn config(root: &Path) -> FileStoreConfig {
    FileStoreConfig {
        data_dir: root.join("data"),
        info_dir: root.join("info"),
        dir_structure: DirStructure::default(),
        durability: Durability::None,
    }
}

fn new(id: &str, path: Option<&str>) -> NewRecord {
    NewRecord {
        id: UploadId::new(id).unwrap(),
        length: Some(5),
        metadata: None,
        created_at: SystemTime::now(),
        path: path.map(|path| DataPath::new(path).unwrap()),
        kind: RecordKind::Whole,
    }
}

#[test]
fn files_pass_the_suite_however_they_are_laid_out() {
    // One blocking thread does one thing after the other. So a write whose writer
    // was dropped is over before the next operation begins, as it is after a crash
    // and a start.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(all_layouts_pass());
}

async fn all_layouts_pass() {
    for (one_directory, structure, durability) in [
        (false, "", Durability::None),
        (true, "", Durability::Finish),
        (true, "{year}/{month}/{day}", Durability::Finish),
        (false, "{year}/{minute}", Durability::Append),
    ] {
        let root = TempDir::new().unwrap();
        let mut config = config(root.path());
        if one_directory {
            config.info_dir = config.data_dir.clone();
        }
        config.dir_structure = structure.parse().unwrap();
        config.durability = durability;
        suite::passes(&FileStore::open(config).unwrap()).await;
    }
}

#[tokio::test]
async fn a_link_does_not_lead_out_of_the_data_directory() {
    let root = TempDir::new().unwrap();
    let store = FileStore::open(config(root.path())).unwrap();
    let outside = root.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let data = root.path().join("data");
    symlink(&outside, data.join("link")).unwrap();
    symlink(root.path().join("nowhere"), data.join("dangling")).unwrap();
    fs::create_dir(data.join("inside")).unwrap();
    symlink(data.join("inside"), data.join("inner")).unwrap();
    symlink(outside.join("file"), data.join("filelink")).unwrap();

    for path in ["link/x", "link/deep/x", "dangling/x"] {
        let refused = store.create(new("a", Some(path))).await;
        assert!(refused.is_err(), "{path}");
    }
    assert!(matches!(
        store.create(new("a", Some("filelink"))).await,
        Err(StoreError::PathTaken(_))
    ));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    store.create(new("a", Some("inner/x"))).await.unwrap();
    assert!(data.join("inside/x").exists());
}

#[tokio::test]
async fn a_removal_that_a_crash_cut_short_can_be_asked_for_again() {
    let root = TempDir::new().unwrap();
    let store = FileStore::open(config(root.path())).unwrap();
    let id = UploadId::new("a").unwrap();
    store.create(new("a", None)).await.unwrap();
    fs::remove_file(root.path().join("data/a")).unwrap();
    assert!(matches!(store.load(&id).await, Err(StoreError::NotFound)));
    store.remove(&id).await.unwrap();
    assert!(!root.path().join("info/a.info").exists());
}

#[tokio::test]
async fn a_torn_record_is_an_error_that_names_its_file() {
    let root = TempDir::new().unwrap();
    let store = FileStore::open(config(root.path())).unwrap();
    store.create(new("a", None)).await.unwrap();
    fs::write(root.path().join("info/a.info"), b"{\"version\":1,").unwrap();
    let error = store.load(&UploadId::new("a").unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("a.info"), "{error}");
}

#[tokio::test]
async fn uploads_survive_a_change_of_the_directory_structure() {
    let root = TempDir::new().unwrap();
    let store = FileStore::open(config(root.path())).unwrap();
    store.create(new("a", None)).await.unwrap();
    let mut changed = config(root.path());
    changed.dir_structure = "{year}".parse().unwrap();
    let store = FileStore::open(changed).unwrap();
    assert!(store.load(&UploadId::new("a").unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_directory_by_date_that_was_tidied_away_is_made_again() {
    let root = TempDir::new().unwrap();
    let mut by_year = config(root.path());
    by_year.dir_structure = "y{year}".parse().unwrap();
    let store = FileStore::open(by_year).unwrap();
    let first = store.create(new("a", None)).await.unwrap();
    store.remove(&first.record.id).await.unwrap();
    let directory = fs::read_dir(root.path().join("data")).unwrap().next();
    fs::remove_dir(directory.unwrap().unwrap().path()).unwrap();
    store.create(new("b", None)).await.unwrap();
}

#[tokio::test]
async fn no_temporary_file_stays_behind() {
    let root = TempDir::new().unwrap();
    let store = FileStore::open(config(root.path())).unwrap();
    let record = store.create(new("a", None)).await.unwrap().record;
    store.update(&record).await.unwrap();
    assert!(store.create(new("a", Some("other"))).await.is_err());
    let names: Vec<_> = fs::read_dir(root.path().join("info"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != ".locks")
        .collect();
    assert_eq!(names, ["a.info"]);
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error_at_start() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("data"), b"").unwrap();
    let error = FileStore::open(config(root.path())).unwrap_err();
    assert!(matches!(error, OpenError::DataDir { .. }), "{error}");
}
