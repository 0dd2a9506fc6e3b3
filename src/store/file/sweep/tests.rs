//! What a walk finds and removes, and what it leaves alone.

use std::fs::File;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::store::{Durability, FileStore, FileStoreConfig, NewRecord, RecordKind, Store as _};

const RANDOM: &str = "f995ac50-3c4e-478f-95c3-5bc2c5ca08aa";
const OTHER: &str = "84df0d3f-7d0b-4a0c-8a43-5ef9a2c8b3c1";

struct House {
    root: TempDir,
    store: FileStore,
}

fn house(structure: &str) -> House {
    let root = TempDir::new().unwrap();
    let store = FileStore::open(FileStoreConfig {
        data_dir: root.path().join("data"),
        info_dir: root.path().join("info"),
        dir_structure: structure.parse().unwrap(),
        durability: Durability::None,
    });
    House {
        store: store.unwrap(),
        root,
    }
}

impl House {
    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Makes a file that is two days old.
    fn put(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        age(&path);
    }

    async fn create(&self, id: &str) -> crate::store::Record {
        let new = NewRecord {
            id: UploadId::new(id).unwrap(),
            length: Some(5),
            metadata: None,
            created_at: SystemTime::now(),
            path: None,
            kind: RecordKind::Whole,
        };
        self.store.create(new).await.unwrap().record
    }

    async fn sweep(&self) -> Vec<Stale> {
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        let mut sweep = self.store.sweep(hour_ago);
        let mut all = Vec::new();
        while let Some(found) = sweep.step().await.unwrap() {
            all.extend(found);
        }
        all
    }
}

fn age(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(2 * 24 * 3600))
        .unwrap();
}

#[tokio::test]
async fn unfinished_uploads_that_have_not_changed_are_found() {
    let house = house("y{year}");
    let mut records = Vec::new();
    for id in ["old", "finished", "continued", "young", "touched"] {
        records.push(house.create(id).await);
    }
    records[1].finished = true;
    house.store.update(&records[1]).await.unwrap();
    for (index, record) in records.iter().enumerate() {
        if index < 3 {
            age(&house.path(&format!("info/{}.info", record.id)));
        }
        if index != 2 && index != 3 {
            age(&house.path("data").join(&record.path));
        }
    }
    let old = UploadId::new("old").unwrap();
    assert_eq!(house.sweep().await, [Stale::Unfinished(old)]);
}

#[tokio::test]
async fn every_upload_is_seen_however_many_there_are() {
    let house = house("");
    for n in 0..STEP_ENTRIES * 2 + 50 {
        let id = n.to_string();
        house.create(&id).await;
        age(&house.path("data").join(&id));
        age(&house.path(&format!("info/{id}.info")));
    }
    assert_eq!(house.sweep().await.len(), STEP_ENTRIES * 2 + 50);
}

#[tokio::test]
async fn only_what_a_crash_of_ours_left_is_removed() {
    for (structure, directory) in [("", ""), ("a{year}/{month}", "a2026/2/")] {
        let house = house(structure);
        house.create("present").await;
        let ours = [
            "info/.rustus-abc123".to_owned(),
            "data/.rustus-abc123".to_owned(),
            format!("data/{directory}{RANDOM}"),
        ];
        let foreign = [
            ("info/.rustus-notes", ""),
            ("info/.rustus-abc1234", ""),
            ("info/foreign.info", "{}"),
            ("info/a.b.info", ""),
            ("data/notes", ""),
            ("data/.rustus-", ""),
            ("data/empty", ""),
            ("data/F995AC50-3C4E-478F-95C3-5BC2C5CA08AA", ""),
            (
                "data/deep/deeper/still/84df0d3f-7d0b-4a0c-8a43-5ef9a2c8b3c1",
                "",
            ),
            ("data/.hidden/2/84df0d3f-7d0b-4a0c-8a43-5ef9a2c8b3c1", ""),
        ];
        for path in &ours {
            house.put(path, "");
        }
        for (path, content) in foreign {
            house.put(path, content);
        }
        let with_bytes = format!("data/{directory}{OTHER}");
        house.put(&with_bytes, "x");
        let young = format!("data/{directory}0a0f2a2e-54a5-4c0e-9a51-95a1d2d40c11");
        fs::write(house.path(&young), "").unwrap();
        symlink(house.path("data"), house.path("data/link")).unwrap();

        assert_eq!(house.sweep().await, []);
        for path in &ours {
            assert!(!house.path(path).exists(), "{path}");
        }
        for path in [with_bytes.as_str(), &young, "data/link"] {
            assert!(house.path(path).exists(), "{path}");
        }
        for (path, _) in foreign {
            assert!(house.path(path).exists(), "{path}");
        }
    }
}

#[tokio::test]
async fn the_data_file_of_an_upload_is_not_an_orphan() {
    let house = house("");
    house.create(RANDOM).await;
    age(&house.path("data").join(RANDOM));
    house.put(&format!("info/{OTHER}.info"), "not a record at all");
    house.put(&format!("data/{OTHER}"), "");
    house.sweep().await;
    assert!(house.path("data").join(RANDOM).exists());
    assert!(house.path("data").join(OTHER).exists());
}

#[tokio::test]
async fn a_lost_mount_is_not_taken_for_lost_files() {
    let house = house("");
    house.put(&format!("data/{RANDOM}"), "");
    assert_eq!(house.sweep().await, []);
    assert!(house.path("data").join(RANDOM).exists());

    let house = self::house("");
    house.create("a").await;
    age(&house.path("info/a.info"));
    fs::remove_file(house.path("data/a")).unwrap();
    assert_eq!(house.sweep().await, []);
    house.put("data/another", "x");
    let a = UploadId::new("a").unwrap();
    assert_eq!(house.sweep().await, [Stale::WithoutBytes(a)]);
}
