//! Unfinished uploads expire (tus 1.0.0, extension expiration). Tests carry the
//! ids of the checklist.

use std::time::{Duration, SystemTime};

use super::{client, setup, start};
use crate::harness::eventually;
use crate::harness::tus::{OFFSET_TYPE, Tus, header};

const HOUR: Duration = Duration::from_secs(3600);

fn statuses(tus: &Tus, url: &str) -> [u16; 4] {
    [
        tus.head(url),
        tus.patch(url, 1, "b"),
        tus.get(url),
        tus.delete(url),
    ]
    .map(|response| response.status().as_u16())
}

#[test]
fn exp_1_the_extension_is_told_if_uploads_expire() {
    for (arguments, expected) in [(&[] as &[&str], false), (&["--expiration", "7d"], true)] {
        let (_server, tus) = start(arguments);
        let response = tus.send("OPTIONS", tus.files(), &[], "");
        let extensions = header(&response, "tus-extension");
        let told = extensions.split(',').any(|name| name == "expiration");
        assert_eq!(told, expected, "{extensions}");
    }
}

#[test]
fn exp_2_3_and_5_answers_say_when_an_unfinished_upload_expires() {
    let (_server, tus) = start(&["--expiration", "1h"]);
    let in_an_hour = |text: &str| {
        assert!(text.ends_with(" GMT"), "{text}");
        let time = httpdate::parse_http_date(text).unwrap();
        let left = time.duration_since(SystemTime::now()).unwrap();
        assert!(left <= HOUR && left > HOUR - Duration::from_secs(100));
    };
    let created = tus.create_with(3, &[]);
    in_an_hour(header(&created, "upload-expires"));
    let url = tus.location(&created);
    in_an_hour(header(&tus.patch(&url, 0, "a"), "upload-expires"));
    in_an_hour(header(&tus.patch(&url, 1, ""), "upload-expires"));
    in_an_hour(header(&tus.head(&url), "upload-expires"));
    let last = tus.patch(&url, 1, "bc");
    assert_eq!(header(&last, "upload-expires"), "");
    assert_eq!(header(&tus.head(&url), "upload-expires"), "");
    let headers = [("Upload-Length", "3"), ("Content-Type", OFFSET_TYPE)];
    let whole = tus.send("POST", tus.files(), &headers, "abc");
    assert_eq!(header(&whole, "upload-expires"), "");

    let (_server, tus) = start(&[]);
    let created = tus.create_with(3, &[]);
    assert_eq!(header(&created, "upload-expires"), "");
    let url = tus.location(&created);
    assert_eq!(header(&tus.patch(&url, 0, "a"), "upload-expires"), "");
}

#[test]
fn exp_4_an_expired_upload_is_gone_before_and_after_it_is_removed() {
    let setup = setup()
        .arguments(&["--expiration", "1h"])
        .argument("--expiration-interval");
    let setup = setup.argument("1s");
    let server = setup.start();
    let tus = client(&server);
    let expired = tus.create(3);
    let deferred = tus.location(&tus.post(&[("Upload-Defer-Length", "1")]));
    let complete = tus.create(3);
    let alive = tus.create(3);
    for url in [&expired, &deferred, &alive] {
        assert_eq!(tus.patch(url, 0, "a").status(), 204);
    }
    assert_eq!(tus.patch(&complete, 0, "abc").status(), 204);
    for url in [&expired, &deferred, &complete] {
        server.age(url, 2 * HOUR);
    }
    assert_eq!(statuses(&tus, &expired), [410; 4]);
    let head = tus.head(&expired);
    assert_eq!(header(&head, "upload-offset"), "");
    assert_eq!(header(&head, "cache-control"), "no-store");
    eventually("the expired ones are removed", || {
        server.stored_files().len() == 4
    });
    for url in [&expired, &deferred] {
        assert_eq!(statuses(&tus, url), [410; 4]);
    }
    assert_eq!(tus.get(&complete).text().unwrap(), "abc");
    assert_eq!(tus.patch(&alive, 1, "bc").status(), 204);

    // Another process does not remember.
    let id = expired.rsplit('/').next().unwrap().to_owned();
    assert_eq!(server.terminate().code(), Some(0));
    let server = setup.start();
    let tus = client(&server);
    assert_eq!(
        statuses(&tus, &format!("{}/{id}", server.files())),
        [404; 4]
    );
}
