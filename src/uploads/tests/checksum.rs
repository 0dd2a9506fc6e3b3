//! Bytes that have to have a checksum.

use super::*;

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
        let status = house.uploads.status(&cause(), &id).await.unwrap();
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
    assert_eq!(
        house.uploads.status(&cause(), &id).await.unwrap().length,
        None
    );
    let right = Expectation::Given(sha1("abc"));
    let stored = house.append_checked(&id, (0, Some(3)), right, &[Ok("abc")]);
    assert!(stored.await.unwrap().finish.is_some());
    assert_eq!(
        house.uploads.status(&cause(), &id).await.unwrap().length,
        Some(3)
    );
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
    assert_eq!(house.uploads.status(&cause(), &id).await.unwrap().offset, 2);
    // Longer than the length that comes with it.
    let last = house.append_with(&id, 2, Some(2), Some(0), &[]).await;
    assert!(last.unwrap().finish.is_some());
    assert_eq!(house.content(&id).await, b"ab");
}
