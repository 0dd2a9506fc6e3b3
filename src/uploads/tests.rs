//! The rules of uploads, over a store in files and without hooks.

mod checksum;
mod concatenation;
mod expiration;
mod length;

use std::pin::pin;

use bytes::Bytes;
use futures_util::stream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;

use super::*;
use crate::hooks::RequestState;
use crate::store::{Durability, FileStore, FileStoreConfig};

struct House {
    uploads: Uploads,
    root: TempDir,
}

type Chunk = Result<&'static str, BodyError>;

fn house() -> House {
    house_with(UploadsConfig {
        max_length: Some(100),
        remove_parts: false,
        expiration: None,
        ..UploadsConfig::default()
    })
}

fn house_with(config: UploadsConfig) -> House {
    let root = TempDir::new().unwrap();
    let store = FileStore::open(FileStoreConfig {
        data_dir: root.path().join("data"),
        info_dir: root.path().join("info"),
        dir_structure: "".parse().unwrap(),
        durability: Durability::None,
    })
    .unwrap();
    House {
        uploads: Uploads::new(Arc::new(store), Arc::new(Hooks::none()), config),
        root,
    }
}

fn request() -> RequestState {
    RequestState::cut_off("/files/a".to_owned())
}

fn cause() -> Cause<'static> {
    Cause::new(request)
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
            partial: false,
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
        let content = download
            .content(0..download.upload.length.unwrap())
            .await
            .unwrap();
        content.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    /// How many uploads there are, by their records and by their bytes.
    fn counts(&self) -> (usize, usize) {
        let count = |name| {
            std::fs::read_dir(self.root.path().join(name))
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().file_name() != ".locks")
                .count()
        };
        (count("info"), count("data"))
    }
}

#[tokio::test]
async fn an_upload_grows_at_its_offset_until_it_is_finished() {
    let house = house();
    let created = house.create(8, None, &[Ok("ab")]).await.unwrap();
    assert_eq!(created.offset, Some(2));
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
    assert!(
        house
            .uploads
            .status(&cause(), &created.id)
            .await
            .unwrap()
            .finished
    );
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
        assert!(
            house
                .uploads
                .status(&cause(), &created.id)
                .await
                .unwrap()
                .finished
        );
    }
}

#[tokio::test]
async fn nothing_is_stored_past_the_end() {
    let house = house();
    let upload = house.create(5, None, &[]).await.unwrap().id;
    let announced = house.append(&upload, 0, Some(6), &[Ok("abcdef")]).await;
    assert!(matches!(announced, Err(UploadError::ExceedsLength)));
    assert_eq!(
        house
            .uploads
            .status(&cause(), &upload)
            .await
            .unwrap()
            .offset,
        0
    );

    let surplus = house
        .append(&upload, 0, None, &[Ok("abc"), Ok("defg")])
        .await;
    assert!(matches!(surplus, Err(UploadError::ExceedsLength)));
    let status = house.uploads.status(&cause(), &upload).await.unwrap();
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
    assert_eq!(
        house
            .uploads
            .status(&cause(), &upload)
            .await
            .unwrap()
            .offset,
        2
    );
    let broken = house.append(&upload, 2, None, &[Ok("cde"), cut]).await;
    assert!(broken.is_err());
    // The client will see that nothing is left to send, and never ask again.
    assert!(
        house
            .uploads
            .status(&cause(), &upload)
            .await
            .unwrap()
            .finished
    );

    let broken = house.create(5, Some(5), &[Ok("ab"), cut]).await;
    assert!(broken.is_err());
    assert_eq!(house.counts(), (2, 2));
}

#[tokio::test]
async fn a_body_that_broke_off_without_a_byte_finishes_nothing() {
    let house = house();
    let upload = house.create(3, None, &[]).await.unwrap().id;
    // Complete, and doubtful.
    let surplus = house.append(&upload, 0, None, &[Ok("abcd")]).await;
    assert!(matches!(surplus, Err(UploadError::ExceedsLength)));
    let cut = Err(BodyError::Disconnected);
    assert!(house.append(&upload, 3, None, &[cut]).await.is_err());
    let given = Expectation::Given(Checksum {
        algorithm: Algorithm::Crc32c,
        digest: vec![0; 4],
    });
    let checked = [cut];
    let checked = house.append_checked(&upload, (3, None), given, &checked);
    assert!(checked.await.is_err());
    assert!(
        !house
            .uploads
            .status(&cause(), &upload)
            .await
            .unwrap()
            .finished
    );
    house.append(&upload, 3, None, &[]).await.unwrap();
    assert!(
        house
            .uploads
            .status(&cause(), &upload)
            .await
            .unwrap()
            .finished
    );
}

#[tokio::test]
async fn what_does_not_fit_one_request_is_not_finished_by_it() {
    let house = house();
    let upload = house.create(3, None, &[]).await.unwrap().id;
    let more = [Ok("abc"), Err(BodyError::TooLarge)];
    assert!(house.append(&upload, 0, None, &more).await.is_err());
    let status = house.uploads.status(&cause(), &upload).await.unwrap();
    assert!(status.offset == 3 && !status.finished);
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
            house.uploads.status(&cause(), &id).await,
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
async fn who_asks_for_the_offset_is_told_of_every_byte_that_came() {
    let house = house();
    let upload = house.create(9, None, &[]).await.unwrap().id;
    let mut stalled = pin!(stream::iter([Ok(Bytes::from("abc"))]).chain(stream::pending()));
    let body = Body {
        length: Some(9),
        stream: stalled.as_mut(),
        checksum: None,
    };
    let cause = cause();
    let append = Append {
        offset: 0,
        length: None,
        body,
    };
    let appender = house.uploads.append(&cause, &upload, append);
    let (interrupted, status) = tokio::join!(appender, house.uploads.status(&cause, &upload));
    assert!(
        matches!(interrupted, Err(UploadError::Body(BodyError::TakenOver))),
        "{interrupted:?}"
    );
    assert_eq!(status.unwrap().offset, 3);
    house
        .append(&upload, 3, Some(6), &[Ok("defghi")])
        .await
        .unwrap();
    assert_eq!(house.content(&upload).await, b"abcdefghi");
}

#[tokio::test]
async fn of_many_appends_at_one_offset_one_is_stored() {
    let house = house();
    let upload = house.create(9, None, &[]).await.unwrap().id;
    let all = (0..8).map(|_| house.append(&upload, 0, None, &[Ok("abc")]));
    let results = futures_util::future::join_all(all).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(
        house
            .uploads
            .status(&cause(), &upload)
            .await
            .unwrap()
            .offset,
        3
    );
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
