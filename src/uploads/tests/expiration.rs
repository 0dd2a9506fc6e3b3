//! Unfinished uploads expire.

use tokio_util::sync::CancellationToken;

use super::*;

fn expiring_house() -> House {
    house_with(UploadsConfig {
        max_length: None,
        remove_parts: false,
        expiration: Some(Duration::from_secs(3600)),
        ..UploadsConfig::default()
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
        expired(self.uploads.status(&cause(), id).await.map(drop));
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
    let status = house.uploads.status(&cause(), &id).await.unwrap();
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
    let status = house.uploads.status(&cause(), &created.id).await.unwrap();
    assert_eq!(status.expires_at, None);
}

#[tokio::test]
async fn an_upload_in_use_has_not_expired() {
    let house = expiring_house();
    let id = house.create(3, None, &[Ok("ab")]).await.unwrap().id;
    house.age(&id);
    let lock = house.uploads.locks.acquire(&id).await.unwrap();
    house.clean().await;
    // Who receives would be ended by the look.
    lock.settle();
    assert_eq!(house.uploads.status(&cause(), &id).await.unwrap().offset, 2);
    drop(lock);
    house.has_expired_for_all(&id).await;
}

#[tokio::test]
async fn what_the_cleaner_is_removing_is_not_in_use() {
    let house = expiring_house();
    let id = house.create(3, None, &[Ok("ab")]).await.unwrap().id;
    house.age(&id);
    let lock = house.uploads.locks.try_acquire(&id).unwrap().unwrap();
    let looked_at = house.uploads.look_at(&id).await;
    assert!(
        matches!(looked_at, Err(UploadError::Expired)),
        "{looked_at:?}"
    );
    drop(lock);
    let lock = house.uploads.locks.acquire(&id).await.unwrap();
    assert_eq!(house.uploads.look_at(&id).await.unwrap().offset, 2);
    drop(lock);
}

#[tokio::test]
async fn without_expiration_nothing_is_removed() {
    let house = house();
    let created = house.create(3, None, &[Ok("ab")]).await.unwrap();
    assert_eq!(created.expires_at, None);
    house.age(&created.id);
    house.clean().await;
    let cleaner = Upkeep::start(Arc::new(house.uploads), Duration::from_secs(1), |_| {
        request()
    });
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
    let missing = house.uploads.status(&cause(), &id).await;
    assert!(matches!(missing, Err(UploadError::NotFound)));
}
