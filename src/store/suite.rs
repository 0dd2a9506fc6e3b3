//! What every store guarantees. An implementation calls [`passes`] in a test.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use sha1::{Digest as _, Sha1};

use super::{
    Algorithm, CheckedWriter, Checksum, DataPath, NewRecord, Parts, Record, RecordKind, Stage,
    Store, StoreError, UploadId,
};

/// Runs the whole suite against an empty `store`.
pub(crate) async fn passes(store: &dyn Store) {
    a_new_upload_is_found_as_it_was_created(store).await;
    an_id_is_given_once(store).await;
    a_path_is_given_once(store).await;
    bytes_come_back_as_they_were_appended(store).await;
    an_append_at_another_offset_stores_nothing(store).await;
    checked_bytes_count_all_together_or_not_at_all(store).await;
    what_a_crash_left_of_checked_bytes_does_not_count(store).await;
    a_checked_append_at_another_offset_changes_nothing(store).await;
    a_changed_record_is_found_changed(store).await;
    an_upload_is_made_of_others(store).await;
    a_record_outlives_its_bytes(store).await;
    a_removed_upload_is_gone(store).await;
}

fn id(id: &str) -> UploadId {
    UploadId::new(id).unwrap()
}

fn new(name: &str, length: u64) -> NewRecord {
    NewRecord {
        id: id(name),
        length: Some(length),
        metadata: Some("filename YQ==,flag".to_owned()),
        created_at: UNIX_EPOCH + Duration::new(1_763_651_361, 123_456_789),
        path: None,
        kind: RecordKind::Whole,
    }
}

async fn append(store: &dyn Store, record: &Record, offset: u64, chunks: &[&[u8]]) -> u64 {
    let mut writer = store.append(record, offset).await.unwrap();
    for chunk in chunks {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    writer.finish().await.unwrap()
}

async fn content(store: &dyn Store, record: &Record, end: u64) -> Vec<u8> {
    let stream = store.read(record, 0..end).await.unwrap();
    stream.try_collect::<Vec<_>>().await.unwrap().concat()
}

async fn a_new_upload_is_found_as_it_was_created(store: &dyn Store) {
    let created = store.create(new("found", 5)).await.unwrap();
    let loaded = store.load(&id("found")).await.unwrap();
    assert_eq!(created.record, loaded.record);
    assert_eq!(loaded.offset, 0);
    assert_eq!(loaded.record.length, Some(5));
    assert_eq!(
        loaded.record.metadata.as_deref(),
        Some("filename YQ==,flag")
    );
    assert_eq!(loaded.record.created_at, new("found", 5).created_at);
    assert!(!loaded.record.finished);
    assert!(matches!(
        store.load(&id("unknown")).await,
        Err(StoreError::NotFound)
    ));
}

async fn an_id_is_given_once(store: &dyn Store) {
    store.create(new("once", 5)).await.unwrap();
    for path in [None, Some(DataPath::new("elsewhere/once").unwrap())] {
        let again = store
            .create(NewRecord {
                path,
                ..new("once", 7)
            })
            .await;
        assert!(matches!(again, Err(StoreError::IdTaken)), "{again:?}");
    }
    assert_eq!(
        store.load(&id("once")).await.unwrap().record.length,
        Some(5)
    );
    // The refused creation gave its path back.
    let path = Some(DataPath::new("elsewhere/once").unwrap());
    store
        .create(NewRecord {
            path,
            ..new("other", 1)
        })
        .await
        .unwrap();
}

async fn a_path_is_given_once(store: &dyn Store) {
    let path = || Some(DataPath::new("chosen/deep/file").unwrap());
    let first = store
        .create(NewRecord {
            path: path(),
            ..new("path1", 5)
        })
        .await
        .unwrap();
    assert_eq!(Some(&first.record.path), path().as_ref());
    let second = store
        .create(NewRecord {
            path: path(),
            ..new("path2", 5)
        })
        .await;
    assert!(
        matches!(second, Err(StoreError::PathTaken(_))),
        "{second:?}"
    );
    let below = Some(DataPath::new("chosen/deep/file/below").unwrap());
    let below = store
        .create(NewRecord {
            path: below,
            ..new("path3", 5)
        })
        .await;
    assert!(matches!(below, Err(StoreError::PathTaken(_))), "{below:?}");
    let above = Some(DataPath::new("chosen/deep").unwrap());
    let above = store
        .create(NewRecord {
            path: above,
            ..new("path4", 5)
        })
        .await;
    assert!(matches!(above, Err(StoreError::PathTaken(_))), "{above:?}");
    for refused in ["path2", "path3", "path4"] {
        assert!(matches!(
            store.load(&id(refused)).await,
            Err(StoreError::NotFound)
        ));
    }
}

async fn bytes_come_back_as_they_were_appended(store: &dyn Store) {
    let big: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    let length = big.len() as u64 + 8;
    let upload = store.create(new("bytes", length)).await.unwrap().record;
    assert_eq!(append(store, &upload, 0, &[b"hel", b"", b"lo"]).await, 5);
    assert_eq!(store.load(&id("bytes")).await.unwrap().offset, 5);
    assert_eq!(
        append(store, &upload, 5, &[&big]).await,
        5 + big.len() as u64
    );
    let tiny: Vec<&[u8]> = vec![b"x"; 3];
    assert_eq!(append(store, &upload, length - 3, &tiny).await, length);
    assert_eq!(append(store, &upload, length, &[]).await, length);
    let expected = [b"hello".as_slice(), &big, b"xxx"].concat();
    assert!(content(store, &upload, length).await == expected);
    assert!(content(store, &upload, 3).await == b"hel");
    for range in [1..4, 4..length - 1, 300_000..900_000, 2..2] {
        let part = store.read(&upload, range.clone()).await.unwrap();
        let part = part.try_collect::<Vec<_>>().await.unwrap().concat();
        let at = |offset| usize::try_from(offset).unwrap();
        assert!(
            part == expected[at(range.start)..at(range.end)],
            "{range:?}"
        );
    }
}

async fn an_append_at_another_offset_stores_nothing(store: &dyn Store) {
    let upload = store.create(new("offset", 10)).await.unwrap().record;
    append(store, &upload, 0, &[b"hello"]).await;
    for offset in [0, 3, 7] {
        let mut writer = store.append(&upload, offset).await.unwrap();
        writer.write(Bytes::from_static(b"x")).await.unwrap();
        let finished = writer.finish().await;
        assert!(
            matches!(finished, Err(StoreError::UnexpectedLength { found: 5, .. })),
            "{finished:?}"
        );
    }
    assert!(content(store, &upload, 5).await == b"hello");
    assert_eq!(store.load(&id("offset")).await.unwrap().offset, 5);
}

fn sha1(bytes: &[u8]) -> Checksum {
    Checksum {
        algorithm: Algorithm::Sha1,
        digest: Sha1::digest(bytes).to_vec(),
    }
}

/// Fewer bytes than a store may hold back, and more.
const FEW_AND_MANY: [usize; 2] = [100, 1_000_003];

async fn checked(
    store: &dyn Store,
    record: &Record,
    offset: u64,
    bytes: &[u8],
) -> Box<dyn CheckedWriter> {
    let algorithm = bytes.len().is_multiple_of(2).then_some(Algorithm::Sha1);
    let writer = store.append_checked(record, offset, algorithm).await;
    let mut writer = writer.unwrap();
    for chunk in bytes.chunks(9_000) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        assert_eq!(store.load(&record.id).await.unwrap().offset, offset);
    }
    writer
}

async fn checked_bytes_count_all_together_or_not_at_all(store: &dyn Store) {
    for count in FEW_AND_MANY {
        let name = format!("checked{count}");
        let bytes: Vec<u8> = (0..count).map(|n| (n % 251) as u8).collect();
        let upload = store.create(new(&name, count as u64 + 5)).await.unwrap();
        let upload = upload.record;
        append(store, &upload, 0, &[b"hello"]).await;

        let writer = checked(store, &upload, 5, &bytes).await;
        let refused = writer.verify(sha1(b"other bytes")).await;
        assert!(matches!(refused, Err(StoreError::ChecksumMismatch)));
        let writer = checked(store, &upload, 5, &bytes).await;
        writer.discard().await.unwrap();
        let stored = store.load(&id(&name)).await.unwrap();
        assert!(stored.offset == 5 && stored.record == upload);

        let writer = checked(store, &upload, 5, &bytes).await;
        let end = writer.verify(sha1(&bytes)).await.unwrap();
        assert_eq!(end, count as u64 + 5);
        let stored = store.load(&id(&name)).await.unwrap();
        assert!(stored.offset == end && stored.record == upload);
        let expected = [b"hello".as_slice(), &bytes].concat();
        assert!(content(store, &upload, end).await == expected);
    }
}

async fn what_a_crash_left_of_checked_bytes_does_not_count(store: &dyn Store) {
    for count in FEW_AND_MANY {
        let name = format!("crashed{count}");
        let upload = store.create(new(&name, 2_000_000)).await.unwrap().record;
        append(store, &upload, 0, &[b"hello"]).await;
        drop(checked(store, &upload, 5, &vec![b'x'; count]).await);
        let mut stored = store.load(&id(&name)).await.unwrap();
        assert_eq!(stored.offset, 5);
        if stored.record.unverified.is_some() {
            stored.record = store.discard_unverified(&stored.record).await.unwrap();
        }
        assert_eq!(stored.record, upload);
        let again = store.load(&id(&name)).await.unwrap();
        assert!(again.offset == 5 && again.record == upload);
        assert_eq!(append(store, &upload, 5, &[b" world"]).await, 11);
        assert!(content(store, &upload, 11).await == b"hello world");
    }
}

async fn a_checked_append_at_another_offset_changes_nothing(store: &dyn Store) {
    let upload = store.create(new("checked-at", 10)).await.unwrap().record;
    append(store, &upload, 0, &[b"hello"]).await;
    for offset in [0, 3, 7] {
        let writer = store.append_checked(&upload, offset, None).await;
        let mut writer = writer.unwrap();
        writer.write(Bytes::from_static(b"x")).await.unwrap();
        let refused = writer.verify(sha1(b"x")).await;
        assert!(
            matches!(refused, Err(StoreError::UnexpectedLength { found: 5, .. })),
            "{refused:?}"
        );
    }
    assert!(content(store, &upload, 5).await == b"hello");
    let stored = store.load(&id("checked-at")).await.unwrap();
    assert!(stored.offset == 5 && stored.record == upload);
}

async fn a_changed_record_is_found_changed(store: &dyn Store) {
    let mut upload = store.create(new("changed", 0)).await.unwrap().record;
    for (length, finished) in [(None, false), (Some(0), false), (Some(0), true)] {
        upload.length = length;
        upload.finished = finished;
        store.update(&upload).await.unwrap();
        assert_eq!(store.load(&id("changed")).await.unwrap().record, upload);
    }
}

async fn an_upload_is_made_of_others(store: &dyn Store) {
    let mut parts = Vec::new();
    for (name, bytes) in [("part1", "abc"), ("part2", ""), ("part3", "de")] {
        let part = store
            .create(NewRecord {
                kind: RecordKind::Partial { used_by: None },
                ..new(name, bytes.len() as u64)
            })
            .await
            .unwrap()
            .record;
        append(store, &part, 0, &[bytes.as_bytes()]).await;
        parts.push(part);
    }
    parts.push(parts[0].clone());
    let kind = RecordKind::Final(Parts {
        header: "final;/a /b".to_owned(),
        ids: parts.iter().map(|part| part.id.clone()).collect(),
        requested_metadata: Some("a YQ==".to_owned()),
        stage: Stage::Waiting,
    });
    let whole = store
        .create(NewRecord {
            kind: kind.clone(),
            ..new("whole", 8)
        })
        .await
        .unwrap()
        .record;
    for _ in ["once", "and again over what is there"] {
        let mut end = 0;
        for part in &parts {
            end = store.copy(&whole, end, part).await.unwrap();
        }
        assert_eq!(end, 8);
    }
    let gap = store.copy(&whole, 9, &parts[0]).await;
    assert!(
        matches!(gap, Err(StoreError::UnexpectedLength { found: 8, .. })),
        "{gap:?}"
    );
    store.sync(&whole).await.unwrap();
    assert!(content(store, &whole, 8).await == b"abcdeabc");
    let loaded = store.load(&id("whole")).await.unwrap();
    assert_eq!((loaded.record.kind, loaded.offset), (kind, 8));

    let short = Record {
        length: Some(9),
        ..parts[0].clone()
    };
    let other = store.create(new("other-whole", 9)).await.unwrap().record;
    let refused = store.copy(&other, 0, &short).await;
    assert!(
        matches!(refused, Err(StoreError::UnexpectedLength { found: 3, .. })),
        "{refused:?}"
    );
}

async fn a_record_outlives_its_bytes(store: &dyn Store) {
    let kind = RecordKind::Partial {
        used_by: Some(id("somebody")),
    };
    let upload = store
        .create(NewRecord {
            kind,
            ..new("outlived", 5)
        })
        .await
        .unwrap()
        .record;
    for _ in 0..2 {
        store.remove_bytes(&upload).await.unwrap();
        assert_eq!(store.record(&id("outlived")).await.unwrap(), upload);
        assert!(matches!(
            store.load(&id("outlived")).await,
            Err(StoreError::NotFound)
        ));
    }
    store.remove(&id("outlived")).await.unwrap();
    assert!(matches!(
        store.record(&id("outlived")).await,
        Err(StoreError::NotFound)
    ));
}

async fn a_removed_upload_is_gone(store: &dyn Store) {
    let upload = store.create(new("removed", 10)).await.unwrap().record;
    append(store, &upload, 0, &[b"hello"]).await;
    store.remove(&id("removed")).await.unwrap();
    assert!(matches!(
        store.load(&id("removed")).await,
        Err(StoreError::NotFound)
    ));
    assert!(matches!(
        store.remove(&id("removed")).await,
        Err(StoreError::NotFound)
    ));
    assert!(matches!(
        store.read(&upload, 0..5).await,
        Err(StoreError::NotFound)
    ));
    store.create(new("removed", 3)).await.unwrap();
}
