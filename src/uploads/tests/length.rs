//! An upload whose length comes later.

use super::*;

#[tokio::test]
async fn a_length_that_comes_late_is_kept_and_never_changes() {
    let house = house();
    let upload = house.create_of(None, None, &[Ok("ab")]).await.unwrap();
    assert!(upload.finish.is_none());
    let id = upload.id;
    assert_eq!(
        house.uploads.status(&cause(), &id).await.unwrap().length,
        None
    );
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
    let status = house.uploads.status(&cause(), &id).await.unwrap();
    assert!(status.length.is_none() && status.offset == 2);

    // Kept also when the bytes break off.
    let cut = Err(BodyError::Disconnected);
    let broken = house
        .append_with(&id, 2, Some(4), None, &[Ok("c"), cut])
        .await;
    assert!(broken.is_err());
    assert_eq!(
        house.uploads.status(&cause(), &id).await.unwrap().length,
        Some(4)
    );
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
    assert_eq!(
        house
            .uploads
            .status(&cause(), &upload)
            .await
            .unwrap()
            .offset,
        60
    );
    let surplus = house.append(&upload, 60, None, &[Ok(large)]).await;
    assert!(matches!(surplus, Err(UploadError::ExceedsMaximum { .. })));
    let status = house.uploads.status(&cause(), &upload).await.unwrap();
    assert!(status.offset == 100 && !status.finished && status.length.is_none());
}
