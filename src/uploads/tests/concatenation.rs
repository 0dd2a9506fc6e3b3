//! Parts become one upload, and crashes in between.

use super::*;
use crate::store::{Stale, StoreError};

fn removing_house() -> House {
    house_with(UploadsConfig {
        max_length: None,
        remove_parts: true,
        expiration: None,
        ..UploadsConfig::default()
    })
}

impl House {
    async fn part(&self, bytes: &'static str) -> UploadId {
        let new = NewUpload {
            length: Some(bytes.len() as u64),
            metadata: None,
            partial: true,
        };
        let mut body = pin!(stream::iter([Ok(Bytes::from(bytes))]));
        let body = Body {
            length: None,
            stream: body.as_mut(),
            checksum: None,
        };
        let created = self.uploads.create(&cause(), new, Some(body)).await;
        created.unwrap().id
    }

    async fn join(&self, parts: &[&UploadId]) -> Result<Created, UploadError> {
        let new = NewFinal {
            header: "final;".to_owned(),
            parts: parts.iter().map(|id| (*id).clone()).collect(),
            metadata: None,
            may_wait: false,
        };
        self.uploads.concatenate(&cause(), new).await
    }

    fn record(&self, id: &UploadId) -> std::path::PathBuf {
        self.root.path().join(format!("info/{id}.info"))
    }

    /// Puts a record back as it was before `finished`.
    fn unfinish(&self, id: &UploadId) {
        let text = std::fs::read_to_string(self.record(id)).unwrap();
        let unfinished = text.replace("\"finished\":true", "\"finished\":false");
        assert_ne!(unfinished, text);
        std::fs::write(self.record(id), unfinished).unwrap();
    }

    /// Puts the record of a final upload back as it was before its parts were
    /// moved.
    fn unmove(&self, id: &UploadId) {
        self.unfinish(id);
        let text = std::fs::read_to_string(self.record(id)).unwrap();
        let begun = text.replace("\"moving\"", "\"begun\"");
        assert_ne!(begun, text);
        std::fs::write(self.record(id), begun).unwrap();
    }

    fn data(&self, id: &UploadId) -> std::path::PathBuf {
        self.root.path().join("data").join(id.as_str())
    }
}

#[tokio::test]
async fn the_records_of_used_parts_stay_as_long_as_the_whole() {
    let house = removing_house();
    let (a, b) = (house.part("ab").await, house.part("c").await);
    let whole = house.join(&[&a, &b]).await.unwrap().id;
    assert_eq!(house.content(&whole).await, b"abc");
    assert_eq!(house.counts(), (3, 1));
    // Neither the cleaner nor a client removes them.
    let stale = Stale::WithoutBytes(a.clone());
    house.uploads.remove_stale(&stale).await.unwrap();
    let gone = house.uploads.terminate(&cause(), &b).await;
    assert!(matches!(gone, Err(UploadError::NotFound)));
    let again = house.join(&[&a, &b]).await.unwrap();
    assert!(again.id == whole && again.offset == Some(3));
    house.uploads.terminate(&cause(), &whole).await.unwrap();
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn a_crash_before_the_whole_is_finished_leaves_the_parts() {
    let house = removing_house();
    let (a, b) = (house.part("ab").await, house.part("c").await);
    let contents = [&a, &b].map(|id| std::fs::read(house.data(id)).unwrap());
    let whole = house.join(&[&a, &b]).await.unwrap().id;
    // Back to the moment before: the parts name an unfinished upload.
    for (id, bytes) in [&a, &b].into_iter().zip(contents) {
        std::fs::write(house.data(id), bytes).unwrap();
    }
    house.unmove(&whole);
    std::fs::write(house.data(&whole), "a").unwrap();

    // Another request with one of the parts is not disturbed.
    let other = house.join(&[&b, &a]).await.unwrap().id;
    assert_eq!(house.content(&other).await, b"cab");
    assert!(!house.data(&a).exists());
}

#[tokio::test]
async fn the_same_request_removes_what_a_crash_left_of_it() {
    let house = removing_house();
    let a = house.part("ab").await;
    let whole = house.join(&[&a, &a]).await.unwrap().id;
    std::fs::write(house.data(&a), "ab").unwrap();
    house.unfinish(&whole);
    let again = house.join(&[&a, &a]).await.unwrap().id;
    assert_ne!(again, whole);
    assert_eq!(house.content(&again).await, b"abab");
    assert_eq!(house.counts(), (2, 1));
}

#[tokio::test]
async fn a_crash_after_the_whole_is_finished_leaves_no_part_to_be_used_again() {
    let house = removing_house();
    let a = house.part("ab").await;
    let whole = house.join(&[&a]).await.unwrap().id;
    // Back to the moment before the bytes went.
    std::fs::write(house.data(&a), "ab").unwrap();
    let other = house.join(&[&a, &a]).await;
    assert!(matches!(
        other,
        Err(UploadError::Part(UnusablePart::Missing))
    ));
    let again = house.join(&[&a]).await.unwrap();
    assert_eq!(again.id, whole);
    assert_eq!(house.counts(), (2, 1));
    // Or they go with the whole.
    std::fs::write(house.data(&a), "ab").unwrap();
    house.uploads.terminate(&cause(), &whole).await.unwrap();
    assert_eq!(house.counts(), (0, 0));
}

/// How the moving of `ab` and `cde` can be cut short: the bytes of both and of
/// the whole; `None` if they are removed.
const MOVING: [(Option<&str>, Option<&str>, &str); 6] = [
    (Some("ab"), Some("cde"), ""),
    (Some("ab"), Some("cde"), "a"),
    (Some("ab"), Some("cde"), "ab"),
    (None, Some("cde"), "ab"),
    (None, Some("cde"), "abc"),
    (None, None, "abcde"),
];

/// A house in one of these states, its parts and the whole.
async fn while_moving(state: usize) -> (House, [UploadId; 2], UploadId) {
    let house = removing_house();
    let parts = [house.part("ab").await, house.part("cde").await];
    let whole = house.join(&[&parts[0], &parts[1]]).await.unwrap().id;
    house.unfinish(&whole);
    let (a, b, bytes) = MOVING[state];
    for (id, bytes) in [(&parts[0], a), (&parts[1], b), (&whole, Some(bytes))] {
        match bytes {
            Some(bytes) => std::fs::write(house.data(id), bytes).unwrap(),
            None => assert!(!house.data(id).exists()),
        }
    }
    (house, parts, whole)
}

#[tokio::test]
async fn what_cut_the_moving_of_parts_short_does_not_matter() {
    for state in 0..MOVING.len() {
        // The same request, sent again.
        let (house, [a, b], whole) = while_moving(state).await;
        let again = house.join(&[&a, &b]).await.unwrap();
        assert!(again.id == whole && again.offset == Some(5), "{state}");
        assert_eq!(house.content(&whole).await, b"abcde", "{state}");
        assert_eq!(house.counts(), (3, 1), "{state}");
        // The next start.
        let (house, _, whole) = while_moving(state).await;
        house.uploads.recover(&cause(), &whole).await.unwrap();
        assert_eq!(house.content(&whole).await, b"abcde", "{state}");
        assert_eq!(house.counts(), (3, 1), "{state}");
        // Somebody looks at it.
        let (house, _, whole) = while_moving(state).await;
        let status = house.uploads.status(&cause(), &whole).await.unwrap();
        assert!(status.finished && status.offset == 5, "{state}");
    }
}

#[tokio::test]
async fn parts_that_are_moved_are_nobodys_else() {
    for state in 0..MOVING.len() {
        let (house, [a, b], whole) = while_moving(state).await;
        for part in [&a, &b] {
            let gone = house.uploads.terminate(&cause(), part).await;
            assert!(matches!(gone, Err(UploadError::NotFound)), "{state}");
            let gone = house.uploads.status(&cause(), part).await;
            assert!(matches!(gone, Err(UploadError::NotFound)), "{state}");
            let other = house.join(&[part]).await;
            let missing = UnusablePart::Missing;
            assert!(
                matches!(other, Err(UploadError::Part(part)) if part == missing),
                "{state}"
            );
        }
        house.uploads.terminate(&cause(), &whole).await.unwrap();
        assert_eq!(house.counts(), (0, 0), "{state}");
    }
}

#[tokio::test]
async fn bytes_that_are_nowhere_are_not_made_up_while_parts_are_moved() {
    let (house, [a, b], whole) = while_moving(3).await;
    std::fs::write(house.data(&whole), "a").unwrap();
    let lost = house.join(&[&a, &b]).await;
    assert!(
        matches!(
            lost,
            Err(UploadError::Storage(StoreError::UnexpectedLength {
                expected: 2,
                found: 1,
                ..
            }))
        ),
        "{lost:?}"
    );
    assert_eq!(std::fs::read(house.data(&b)).unwrap(), b"cde");
}
