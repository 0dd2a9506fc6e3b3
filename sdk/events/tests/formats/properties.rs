//! What holds for any event: any metadata, any header fields, any times.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rustus_events::{
    Event, EventKind, Format, MetadataEntry, RequestState, UploadKind, UploadState, celery,
};
use serde_json::Value;

use crate::schemas;

/// How many inputs a property is tried with.
fn inputs() -> ProptestConfig {
    ProptestConfig {
        cases: match std::env::var_os("RUSTUS_SOAK") {
            Some(_) => 20_000,
            None => 500,
        },
        // A failing input is printed, and belongs into a test with a name.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn time() -> impl Strategy<Value = SystemTime> {
    let seconds = prop_oneof![0..4_000_000_000i64, any::<i64>()];
    (seconds, 0..1_000_000_000u64).prop_map(|(seconds, nanoseconds)| {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let second = if seconds < 0 {
            UNIX_EPOCH - whole
        } else {
            UNIX_EPOCH + whole
        };
        second + Duration::from_nanos(nanoseconds)
    })
}

fn metadata() -> impl Strategy<Value = Vec<MetadataEntry>> {
    let value = prop_oneof![
        Just(Vec::new()),
        vec(any::<u8>(), 0..40),
        any::<String>().prop_map(String::into_bytes),
    ];
    proptest::collection::btree_map("[!-+\\--~]{1,20}", value, 0..8).prop_map(|entries| {
        entries
            .into_iter()
            .map(|(key, value)| MetadataEntry { key, value })
            .collect()
    })
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        select(vec!["cookie", "x-repeated", "upload-metadata"]).prop_map(str::to_owned),
        "[!#$%&'*+.^_`|~0-9a-z-]{1,20}",
    ];
    vec((name, any::<String>()), 0..10)
}

fn kind() -> impl Strategy<Value = UploadKind> {
    prop_oneof![
        Just(UploadKind::Whole),
        Just(UploadKind::Partial),
        vec(any::<String>(), 0..4).prop_map(UploadKind::Final),
    ]
}

prop_compose! {
    fn upload()(
        id in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,30}",
        offset in any::<u64>(),
        length in option::of(any::<u64>()),
        metadata in metadata(),
        kind in kind(),
        storage in "[a-z0-9_]{1,20}",
        path in option::of(any::<String>()),
        created_at in time(),
    ) -> UploadState {
        UploadState { id, offset, length, metadata, kind, storage: storage.into(), path, created_at }
    }
}

prop_compose! {
    fn request()(
        method in prop_oneof!["(POST|PATCH|GET|DELETE)", any::<String>()],
        uri in prop_oneof!["/{0,2}[a-zA-Z0-9%:@/?#\\[\\]{}|\" -]{0,30}", any::<String>()],
        remote_address in option::of(select(vec!["127.0.0.1", "::1"]).prop_map(str::to_owned)),
        headers in headers(),
    ) -> RequestState {
        RequestState { method, uri, remote_address, headers }
    }
}

prop_compose! {
    fn event()(
        id in "[0-9a-f-]{36}",
        kind in select(EventKind::ALL.to_vec()),
        time in time(),
        upload in upload(),
        request in request(),
    ) -> Event {
        Event { id, kind, time, upload, request: Arc::new(request) }
    }
}

proptest! {
    #![proptest_config(inputs())]

    #[test]
    fn any_event_is_valid_in_every_format(event in event()) {
        for format in Format::ALL {
            let body = format.body(&event);
            let read = schemas::read(format, &body);
            prop_assert!(read.is_ok(), "{format}: {}: {body}", read.unwrap_err());
            prop_assert!(!body.contains('\n'));
            prop_assert_eq!(format.body(&event), body);
        }
    }

    #[test]
    fn no_metadata_and_no_header_field_is_lost(event in event()) {
        let read = |format: Format| serde_json::from_str::<Value>(&format.body(&event)).unwrap();
        let (v2, tusd) = (read(Format::V2), read(Format::TusdV2));
        let tusd = &tusd["Event"];
        for entry in &event.upload.metadata {
            prop_assert_eq!(&v2["upload"]["metadata"][&entry.key], &Value::from(entry.text()));
            prop_assert_eq!(&tusd["Upload"]["MetaData"][&entry.key], &Value::from(entry.text()));
        }
        for (name, _) in &event.request.headers {
            let values: Vec<&str> = event
                .request
                .headers
                .iter()
                .filter(|(other, _)| other == name)
                .map(|(_, value)| value.as_str())
                .collect();
            let separator = if name == "cookie" { "; " } else { ", " };
            prop_assert_eq!(&v2["request"]["headers"][name], &values.join(separator));
            prop_assert_eq!(&tusd["HTTPRequest"]["Header"][name], &Value::from(values));
        }
    }

    #[test]
    fn any_event_is_read_as_it_was_kept(event in event()) {
        let kept = serde_json::to_vec(&event).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Event>(&kept).unwrap(), event);
    }

    #[test]
    fn any_event_is_a_task_with_one_argument(event in event()) {
        for format in Format::ALL {
            let payload = format.body(&event);
            let task: Value = serde_json::from_str(&celery::body(&payload)).unwrap();
            prop_assert_eq!(&task[0], &Value::from(vec![
                serde_json::from_str::<Value>(&payload).unwrap()
            ]));
        }
        prop_assert_eq!(&celery::headers(&event)["id"], &event.id);
    }
}
