//! The rules of uploads, over a store in files and without hooks.

use std::pin::pin;

use bytes::Bytes;
use futures_util::stream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::hooks::RequestState;
use crate::store::{FileStore, FileStoreConfig};

struct House {
    uploads: Uploads,
    root: TempDir,
}

type Chunk = Result<&'static str, BodyError>;

fn house() -> House {
    house_with(UploadsConfig {
        max_length: Some(100),
        expiration: None,
    })
}

fn house_with(config: UploadsConfig) -> House {
    let root = TempDir::new().unwrap();
    let store = FileStore::open(FileStoreConfig {
        data_dir: root.path().join("data"),
        info_dir: root.path().join("info"),
        dir_structure: "".parse().unwrap(),
        force_fsync: false,
    })
    .unwrap();
    House {
        uploads: Uploads::new(Arc::new(store), Arc::new(Hooks::none()), config),
        root,
    }
}

fn cause() -> Cause<'static> {
    Cause::new(|| RequestState {
        method: "POST".to_owned(),
        uri: "/files".to_owned(),
        remote_address: None,
        headers: Vec::new(),
    })
}

fn id(id: &str) -> UploadId {
    UploadId::new(id).unwrap()
}

impl House {
    async fn create(
        &self,
        length: u64,
        announced: Option<u64>,
        chunks: &[Chunk],
    ) -> Result<Created, UploadError> {
        self.create_of(Some(length), announced, chunks).await
    }

    async fn create_of(
        &self,
        length: Option<u64>,
        announced: Option<u64>,
        chunks: &[Chunk],
    ) -> Result<Created, UploadError> {
        let new = NewUpload {
            length,
            metadata: None,
        };
        let mut body = pin!(stream::iter(chunks.to_vec()).map(|chunk| chunk.map(Bytes::from)));
        let body = (!chunks.is_empty()).then_some(Body {
            length: announced,
            stream: body.as_mut(),
            checksum: None,
        });
        self.uploads.create(&cause(), new, body).await
    }

    async fn append(
        &self,
        id: &UploadId,
        offset: u64,
        announced: Option<u64>,
        chunks: &[Chunk],
    ) -> Result<Appended, UploadError> {
        self.append_with(id, offset, None, announced, chunks).await
    }

    async fn append_with(
        &self,
        id: &UploadId,
        offset: u64,
        length: Option<u64>,
        announced: Option<u64>,
        chunks: &[Chunk],
    ) -> Result<Appended, UploadError> {
        let mut body = pin!(stream::iter(chunks.to_vec()).map(|chunk| chunk.map(Bytes::from)));
        let body = Body {
            length: announced,
            stream: body.as_mut(),
            checksum: None,
        };
        let append = Append {
            offset,
            length,
            body,
        };
        self.uploads.append(&cause(), id, append).await
    }

    async fn append_checked(
        &self,
        id: &UploadId,
        append: (u64, Option<u64>),
        expected: Expectation<'_>,
        chunks: &[Chunk],
    ) -> Result<Appended, UploadError> {
        let mut body = pin!(stream::iter(chunks.to_vec()).map(|chunk| chunk.map(Bytes::from)));
        let append = Append {
            offset: append.0,
            length: append.1,
            body: Body {
                length: None,
                stream: body.as_mut(),
                checksum: Some(expected),
            },
        };
        self.uploads.append(&cause(), id, append).await
    }

    async fn content(&self, id: &UploadId) -> Vec<u8> {
        let download = self.uploads.read(&cause(), id).await.unwrap();
        download
            .content
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
            .concat()
    }

    /// How many uploads there are, by their records and by their bytes.
    fn counts(&self) -> (usize, usize) {
        let count = |name| {
            std::fs::read_dir(self.root.path().join(name))
                .unwrap()
                .count()
        };
        (count("info"), count("data"))
    }
}

#[tokio::test]
async fn an_upload_grows_at_its_offset_until_it_is_finished() {
    let house = house();
    let created = house.create(8, None, &[Ok("ab")]).await.unwrap();
    assert_eq!(created.offset, 2);
    assert!(created.finish.is_none());
    for offset in [0, 1, 3, 8] {
        let refused = house.append(&created.id, offset, Some(1), &[Ok("x")]).await;
        assert!(
            matches!(refused, Err(UploadError::OffsetMismatch { current: 2 })),
            "{refused:?}"
        );
    }
    let appended = house.append(&created.id, 2, Some(0), &[]).await.unwrap();
    assert_eq!(appended.offset, 2);
    let appended = house
        .append(&created.id, 2, Some(3), &[Ok("cd"), Ok("e")])
        .await
        .unwrap();
    assert_eq!(appended.offset, 5);
    let early = house.uploads.read(&cause(), &created.id).await;
    assert!(matches!(early, Err(UploadError::Unfinished)));
    let appended = house
        .append(&created.id, 5, None, &[Ok("fgh")])
        .await
        .unwrap();
    assert!(appended.finish.is_some());
    assert!(house.uploads.status(&created.id).await.unwrap().finished);
    assert_eq!(house.content(&created.id).await, b"abcdefgh");
    // Asked again by a client that missed the answer.
    let again = house.append(&created.id, 8, Some(0), &[]).await.unwrap();
    assert!(again.offset == 8 && again.finish.is_none());
}

#[tokio::test]
async fn an_upload_that_is_complete_at_its_creation_is_finished_at_once() {
    let house = house();
    for (length, chunks) in [(0, &[] as &[Chunk]), (2, &[Ok("ab")])] {
        let created = house.create(length, None, chunks).await.unwrap();
        assert!(created.finish.is_some());
        assert!(house.uploads.status(&created.id).await.unwrap().finished);
    }
}

#[tokio::test]
async fn nothing_is_stored_past_the_end() {
    let house = house();
    let upload = house.create(5, None, &[]).await.unwrap().id;
    let announced = house.append(&upload, 0, Some(6), &[Ok("abcdef")]).await;
    assert!(matches!(announced, Err(UploadError::ExceedsLength)));
    assert_eq!(house.uploads.status(&upload).await.unwrap().offset, 0);

    let surplus = house
        .append(&upload, 0, None, &[Ok("abc"), Ok("defg")])
        .await;
    assert!(matches!(surplus, Err(UploadError::ExceedsLength)));
    let status = house.uploads.status(&upload).await.unwrap();
    assert!(status.offset == 5 && !status.finished);

    house.append(&upload, 5, Some(0), &[]).await.unwrap();
    assert_eq!(house.content(&upload).await, b"abcde");
    let after = house.append(&upload, 5, None, &[Ok("x")]).await;
    assert!(matches!(after, Err(UploadError::ExceedsLength)));
}

#[tokio::test]
async fn what_came_before_a_body_broke_off_is_kept() {
    let house = house();
    let cut = Err(BodyError::Disconnected);
    let upload = house.create(5, None, &[]).await.unwrap().id;
    let broken = house.append(&upload, 0, Some(5), &[Ok("ab"), cut]).await;
    assert!(matches!(
        broken,
        Err(UploadError::Body(BodyError::Disconnected))
    ));
    assert_eq!(house.uploads.status(&upload).await.unwrap().offset, 2);
    let broken = house.append(&upload, 2, None, &[Ok("cde"), cut]).await;
    assert!(broken.is_err());
    // The client will see that nothing is left to send, and never ask again.
    assert!(house.uploads.status(&upload).await.unwrap().finished);

    let broken = house.create(5, Some(5), &[Ok("ab"), cut]).await;
    assert!(broken.is_err());
    assert_eq!(house.counts(), (2, 2));
}

#[tokio::test]
async fn a_creation_that_is_refused_leaves_nothing_behind() {
    let house = house();
    let too_large = Err(BodyError::TooLarge);
    for (length, announced, chunks) in [
        (101, None, &[] as &[Chunk]),
        (2, Some(3), &[Ok("abc")]),
        (2, None, &[Ok("abc")]),
        (9, None, &[Ok("abc"), too_large]),
    ] {
        assert!(house.create(length, announced, chunks).await.is_err());
        assert_eq!(house.counts(), (0, 0), "{length} {chunks:?}");
    }
}

#[tokio::test]
async fn a_removed_upload_is_not_found_by_anybody() {
    let house = house();
    let upload = house.create(2, None, &[Ok("ab")]).await.unwrap().id;
    house.uploads.terminate(&cause(), &upload).await.unwrap();
    assert_eq!(house.counts(), (0, 0));
    for id in [upload, id("never-was")] {
        assert!(matches!(
            house.uploads.status(&id).await,
            Err(UploadError::NotFound)
        ));
        assert!(matches!(
            house.append(&id, 0, None, &[]).await,
            Err(UploadError::NotFound)
        ));
        assert!(matches!(
            house.uploads.terminate(&cause(), &id).await,
            Err(UploadError::NotFound)
        ));
        assert!(matches!(
            house.uploads.read(&cause(), &id).await,
            Err(UploadError::NotFound)
        ));
    }
}

#[tokio::test]
async fn of_many_appends_at_one_offset_one_is_stored() {
    let house = house();
    let upload = house.create(9, None, &[]).await.unwrap().id;
    let all = (0..8).map(|_| house.append(&upload, 0, None, &[Ok("abc")]));
    let results = futures_util::future::join_all(all).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(house.uploads.status(&upload).await.unwrap().offset, 3);
}

#[tokio::test]
async fn a_termination_finishes_one_that_a_crash_cut_short() {
    let house = house();
    let upload = house.create(2, None, &[]).await.unwrap().id;
    std::fs::remove_file(house.root.path().join("data").join(upload.as_str())).unwrap();
    let gone = house.uploads.terminate(&cause(), &upload).await;
    assert!(matches!(gone, Err(UploadError::NotFound)));
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn a_length_that_comes_late_is_kept_and_never_changes() {
    let house = house();
    let upload = house.create_of(None, None, &[Ok("ab")]).await.unwrap();
    assert!(upload.finish.is_none());
    let id = upload.id;
    assert_eq!(house.uploads.status(&id).await.unwrap().length, None);
    let too_small = house.append_with(&id, 2, Some(1), None, &[Ok("c")]).await;
    assert!(matches!(
        too_small,
        Err(UploadError::LengthBelowOffset { offset: 2 })
    ));
    let too_large = house.append_with(&id, 2, Some(101), None, &[Ok("c")]).await;
    assert!(matches!(
        too_large,
        Err(UploadError::ExceedsMaximum { maximum: 100 })
    ));
    let status = house.uploads.status(&id).await.unwrap();
    assert!(status.length.is_none() && status.offset == 2);

    // Kept also when the bytes break off.
    let cut = Err(BodyError::Disconnected);
    let broken = house
        .append_with(&id, 2, Some(4), None, &[Ok("c"), cut])
        .await;
    assert!(broken.is_err());
    assert_eq!(house.uploads.status(&id).await.unwrap().length, Some(4));
    for other in [3, 5] {
        let changed = house.append_with(&id, 3, Some(other), None, &[]).await;
        assert!(matches!(
            changed,
            Err(UploadError::LengthIsFixed { current: 4 })
        ));
    }
    let last = house
        .append_with(&id, 3, Some(4), Some(1), &[Ok("d")])
        .await;
    assert!(last.unwrap().finish.is_some());
    assert_eq!(house.content(&id).await, b"abcd");
}

#[tokio::test]
async fn an_empty_append_with_the_length_finishes_an_upload() {
    let house = house();
    for stored in ["", "ab"] {
        let created = house.create_of(None, None, &[Ok(stored)]).await.unwrap();
        let end = stored.len() as u64;
        let last = house
            .append_with(&created.id, end, Some(end), Some(0), &[])
            .await;
        assert!(last.unwrap().finish.is_some());
        assert_eq!(house.content(&created.id).await, stored.as_bytes());
    }
}

#[tokio::test]
async fn without_a_length_nothing_is_stored_past_the_maximum() {
    let house = house();
    let large = "x".repeat(60).leak() as &str;
    let refused = house.create_of(None, Some(101), &[Ok(large)]).await;
    assert!(matches!(refused, Err(UploadError::ExceedsMaximum { .. })));
    let refused = house.create_of(None, None, &[Ok(large), Ok(large)]).await;
    assert!(matches!(refused, Err(UploadError::ExceedsMaximum { .. })));
    assert_eq!(house.counts(), (0, 0));

    let upload = house.create_of(None, None, &[Ok(large)]).await.unwrap().id;
    let announced = house.append(&upload, 60, Some(41), &[Ok(large)]).await;
    assert!(matches!(announced, Err(UploadError::ExceedsMaximum { .. })));
    assert_eq!(house.uploads.status(&upload).await.unwrap().offset, 60);
    let surplus = house.append(&upload, 60, None, &[Ok(large)]).await;
    assert!(matches!(surplus, Err(UploadError::ExceedsMaximum { .. })));
    let status = house.uploads.status(&upload).await.unwrap();
    assert!(status.offset == 100 && !status.finished && status.length.is_none());
}

fn sha1(bytes: &str) -> Checksum {
    use sha1::Digest as _;
    Checksum {
        algorithm: Algorithm::Sha1,
        digest: sha1::Sha1::digest(bytes).to_vec(),
    }
}

#[tokio::test]
async fn bytes_with_a_checksum_are_stored_all_together_or_not_at_all() {
    let house = house();
    let id = house.create(6, None, &[]).await.unwrap().id;
    let given = |bytes: &'static str| Expectation::Given(sha1(bytes));
    let late = |bytes: Option<&'static str>| Expectation::Late(Box::new(move || bytes.map(sha1)));
    let cut = Err(BodyError::Disconnected);
    for (expected, chunks) in [
        (given("abd"), &[Ok("ab"), Ok("c")] as &[Chunk]),
        (given("ab"), &[Ok("ab"), Ok("c")]),
        (given("a"), &[]),
        (given("abc"), &[Ok("abc"), cut]),
        (given("abcdef"), &[Ok("abcdef"), Ok("g")]),
        (late(Some("abd")), &[Ok("abc")]),
        (late(None), &[Ok("abc")]),
        (late(None), &[]),
        (late(Some("abc")), &[Ok("abc"), cut]),
    ] {
        let refused = house.append_checked(&id, (0, None), expected, chunks).await;
        assert!(refused.is_err(), "{chunks:?}");
        let status = house.uploads.status(&id).await.unwrap();
        assert!(status.offset == 0 && !status.finished, "{chunks:?}");
    }
    for (offset, expected, chunks) in [
        (0, given("abc"), &[Ok("abc")] as &[Chunk]),
        (3, given(""), &[]),
        (3, late(Some("")), &[]),
        (3, late(Some("def")), &[Ok("d"), Ok("ef")]),
    ] {
        let stored = house.append_checked(&id, (offset, None), expected, chunks);
        assert!(stored.await.is_ok());
    }
    assert_eq!(house.content(&id).await, b"abcdef");
}

#[tokio::test]
async fn a_late_checksum_is_asked_for_after_the_body() {
    let house = house();
    let id = house.create(3, None, &[]).await.unwrap().id;
    let ended = std::cell::Cell::new(false);
    let mut body = pin!(stream::poll_fn(|_| {
        let first = !ended.replace(true);
        std::task::Poll::Ready(first.then_some(Ok(Bytes::from("abc"))))
    }));
    let append = Append {
        offset: 0,
        length: None,
        body: Body {
            length: None,
            stream: body.as_mut(),
            checksum: Some(Expectation::Late(Box::new(|| {
                ended.get().then(|| sha1("abc"))
            }))),
        },
    };
    let appended = house.uploads.append(&cause(), &id, append).await.unwrap();
    assert!(appended.finish.is_some());
}

#[tokio::test]
async fn what_comes_with_a_wrong_checksum_does_not_set_the_length() {
    let house = house();
    let id = house.create_of(None, None, &[]).await.unwrap().id;
    let wrong = Expectation::Given(sha1("abd"));
    let refused = house.append_checked(&id, (0, Some(3)), wrong, &[Ok("abc")]);
    assert!(matches!(refused.await, Err(UploadError::ChecksumMismatch)));
    assert_eq!(house.uploads.status(&id).await.unwrap().length, None);
    let right = Expectation::Given(sha1("abc"));
    let stored = house.append_checked(&id, (0, Some(3)), right, &[Ok("abc")]);
    assert!(stored.await.unwrap().finish.is_some());
    assert_eq!(house.uploads.status(&id).await.unwrap().length, Some(3));
}

#[tokio::test]
async fn an_append_comes_after_what_a_crash_left_unverified() {
    let house = house();
    let id = house.create_of(None, None, &[Ok("ab")]).await.unwrap().id;
    let stored = house.uploads.store.load(&id).await.unwrap();
    let marked = Record {
        unverified: Some(2),
        ..stored.record
    };
    house.uploads.store.update(&marked).await.unwrap();
    let data = house.root.path().join("data").join(id.as_str());
    std::fs::write(&data, "abnot verified").unwrap();
    assert_eq!(house.uploads.status(&id).await.unwrap().offset, 2);
    // Longer than the length that comes with it.
    let last = house.append_with(&id, 2, Some(2), Some(0), &[]).await;
    assert!(last.unwrap().finish.is_some());
    assert_eq!(house.content(&id).await, b"ab");
}

fn expiring_house() -> House {
    house_with(UploadsConfig {
        max_length: None,
        expiration: Some(Duration::from_secs(3600)),
    })
}

impl House {
    /// As if nobody had touched the upload for two days.
    fn age(&self, id: &UploadId) {
        for file in [format!("data/{id}"), format!("info/{id}.info")] {
            let file = std::fs::File::options()
                .write(true)
                .open(self.root.path().join(file));
            let then = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
            file.unwrap().set_modified(then).unwrap();
        }
    }

    async fn clean(&self) {
        self.uploads.clean(&CancellationToken::new()).await;
    }

    async fn has_expired_for_all(&self, id: &UploadId) {
        let expired = |result: Result<(), UploadError>| {
            assert!(matches!(result, Err(UploadError::Expired)), "{result:?}");
        };
        expired(self.uploads.status(id).await.map(drop));
        expired(self.uploads.read(&cause(), id).await.map(drop));
        expired(self.append(id, 2, None, &[Ok("c")]).await.map(drop));
        expired(self.uploads.terminate(&cause(), id).await);
    }
}

#[tokio::test]
async fn an_upload_expires_some_time_after_its_last_byte() {
    let house = expiring_house();
    let before = SystemTime::now();
    let created = house.create(3, None, &[Ok("a")]).await.unwrap();
    let hour = Duration::from_secs(3600);
    // The file system's clock may lag behind by some milliseconds.
    let early = before + hour - Duration::from_secs(1);
    assert!(created.expires_at.unwrap() >= early);
    let id = created.id;
    house.age(&id);
    let file = house.root.path().join("data").join(id.as_str());
    let file = std::fs::File::options().write(true).open(file).unwrap();
    file.set_modified(SystemTime::now() - hour / 2).unwrap();
    let unchanged = house.append(&id, 1, Some(0), &[]).await.unwrap();
    assert!(unchanged.expires_at.unwrap() < early - hour / 4);
    let changed = house.append(&id, 1, None, &[Ok("b")]).await.unwrap();
    assert!(changed.expires_at.unwrap() >= early);
    let status = house.uploads.status(&id).await.unwrap();
    assert_eq!(status.expires_at, changed.expires_at);

    house.age(&id);
    house.has_expired_for_all(&id).await;
    assert_eq!(house.counts(), (1, 1));
    house.clean().await;
    assert_eq!(house.counts(), (0, 0));
    house.has_expired_for_all(&id).await;
}

#[tokio::test]
async fn a_finished_upload_never_expires() {
    let house = expiring_house();
    let created = house.create(2, None, &[Ok("ab")]).await.unwrap();
    assert_eq!(created.expires_at, None);
    house.age(&created.id);
    house.clean().await;
    assert_eq!(house.content(&created.id).await, b"ab");
    let status = house.uploads.status(&created.id).await.unwrap();
    assert_eq!(status.expires_at, None);
}

#[tokio::test]
async fn an_upload_in_use_has_not_expired() {
    let house = expiring_house();
    let id = house.create(3, None, &[Ok("ab")]).await.unwrap().id;
    house.age(&id);
    let lock = house.uploads.locks.acquire(&id).await.unwrap();
    house.clean().await;
    assert_eq!(house.uploads.status(&id).await.unwrap().offset, 2);
    drop(lock);
    house.has_expired_for_all(&id).await;
}

#[tokio::test]
async fn without_expiration_nothing_is_removed() {
    let house = house();
    let created = house.create(3, None, &[Ok("ab")]).await.unwrap();
    assert_eq!(created.expires_at, None);
    house.age(&created.id);
    house.clean().await;
    let cleaner = Cleaner::start(Arc::new(house.uploads), Duration::from_secs(1));
    cleaner.stop().await;
}

#[tokio::test]
async fn a_record_whose_bytes_are_gone_goes_too() {
    let house = expiring_house();
    let id = house.create(3, None, &[Ok("abc")]).await.unwrap().id;
    house.age(&id);
    house.create(3, None, &[Ok("abc")]).await.unwrap();
    std::fs::remove_file(house.root.path().join("data").join(id.as_str())).unwrap();
    house.clean().await;
    assert_eq!(house.counts(), (1, 1));
    let missing = house.uploads.status(&id).await;
    assert!(matches!(missing, Err(UploadError::NotFound)));
}
