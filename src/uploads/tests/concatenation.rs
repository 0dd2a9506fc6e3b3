//! Parts become one upload, and crashes in between.

use super::*;
use crate::store::Stale;

fn removing_house() -> House {
    house_with(UploadsConfig {
        max_length: None,
        remove_parts: true,
        expiration: None,
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
    assert!(again.id == whole && again.offset == 3);
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
    house.unfinish(&whole);
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
