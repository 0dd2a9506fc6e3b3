//! From an event to what the service is asked.

use std::collections::BTreeMap;

use rustus_hook::grpc::MetadataField;
use rustus_hook::{Event, Header, Request, Upload, UploadKind, config};

use crate::messages::{self, FileInfo, HookRequest, HttpRequest};

pub(crate) fn request(kind: &str, event: &Event) -> HookRequest {
    HookRequest {
        r#type: kind.to_owned(),
        event: Some(messages::Event {
            upload: Some(upload(&event.upload)),
            http_request: Some(http_request(&event.request)),
        }),
    }
}

fn upload(upload: &Upload) -> FileInfo {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let parts = match &upload.kind {
        UploadKind::Final(parts) => Some(parts.clone()),
        UploadKind::Whole | UploadKind::Partial => None,
    };
    let metadata = upload.metadata.iter().map(|entry| {
        let value = String::from_utf8_lossy(&entry.value).into_owned();
        (entry.key.clone(), value)
    });
    let storage = upload.path.iter().flat_map(|path| {
        [("Type", &upload.storage), ("Path", path)]
            .map(|(key, value)| (key.to_owned(), value.clone()))
    });
    FileInfo {
        id: upload.id.clone(),
        size: upload.length.map(number).unwrap_or_default(),
        size_is_deferred: upload.length.is_none(),
        offset: number(upload.offset),
        meta_data: metadata.collect(),
        is_partial: matches!(upload.kind, UploadKind::Partial),
        is_final: parts.is_some(),
        partial_uploads: parts.unwrap_or_default(),
        storage: storage.collect(),
    }
}

fn http_request(request: &Request) -> HttpRequest {
    let mut header: BTreeMap<String, String> = BTreeMap::new();
    for Header { name, value } in request.headers() {
        // RFC 9110, 5.3; RFC 6265 has another sign for cookies.
        let between = if name == "cookie" { "; " } else { ", " };
        header
            .entry(name)
            .and_modify(|all| *all = format!("{all}{between}{value}"))
            .or_insert(value);
    }
    HttpRequest {
        method: request.method.clone(),
        uri: request.uri.clone(),
        remote_addr: request.remote_address.clone().unwrap_or_default(),
        header,
    }
}

/// What goes with a call beside its message: which event it is, and those of the
/// client's header fields that `forward-headers` names. A value that is not
/// printable ASCII cannot be metadata and is left out.
pub(crate) fn metadata(kind: &str, event: &Event) -> Vec<MetadataField> {
    let field = |name: &str, value: &str| MetadataField {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let mut fields = vec![field("hook-name", kind), field("event-id", &event.id)];
    let forwarded = config::get("forward-headers").unwrap_or_default();
    for name in forwarded.split(',').map(str::trim) {
        for value in event.request.header_values(name) {
            let is_printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            if is_printable {
                fields.push(field(&name.to_ascii_lowercase(), &value));
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use rustus_hook::testing;

    use super::*;

    #[test]
    fn all_of_an_event_is_in_the_request() {
        let mut event = testing::event(&[("filename", "a.txt"), ("empty", "")]);
        event.upload.path = Some("/data/x".to_owned());
        event.upload.kind = UploadKind::Final(vec!["p".to_owned()]);
        testing::headers(&[
            ("x-a", "1"),
            ("cookie", "a=b"),
            ("x-a", "2"),
            ("cookie", "c=d"),
        ]);
        let asked = request("post-finish", &event);
        assert_eq!(asked.r#type, "post-finish");
        let asked = asked.event.unwrap();
        let upload = asked.upload.unwrap();
        assert_eq!(upload.id, event.upload.id);
        assert_eq!((upload.size, upload.size_is_deferred), (5, false));
        assert_eq!(upload.meta_data["filename"], "a.txt");
        assert_eq!(upload.meta_data["empty"], "");
        assert!(upload.is_final && !upload.is_partial);
        assert_eq!(upload.partial_uploads, ["p"]);
        assert_eq!(upload.storage["Path"], "/data/x");
        assert_eq!(upload.storage["Type"], "file_storage");
        let http = asked.http_request.unwrap();
        assert_eq!(
            (http.method.as_str(), http.uri.as_str()),
            ("POST", "/files")
        );
        assert_eq!(http.remote_addr, "127.0.0.1");
        assert_eq!(http.header["x-a"], "1, 2");
        assert_eq!(http.header["cookie"], "a=b; c=d");
    }

    #[test]
    fn what_is_not_known_is_empty() {
        let mut event = testing::event(&[]);
        event.upload.length = None;
        let asked = request("pre-create", &event).event.unwrap();
        let upload = asked.upload.unwrap();
        assert_eq!((upload.size, upload.size_is_deferred), (0, true));
        assert!(upload.storage.is_empty());
    }

    #[test]
    fn only_header_fields_that_are_named_go_with_the_call() {
        testing::config(&[("forward-headers", "Authorization, x-b")]);
        let event = testing::event(&[]);
        testing::headers(&[("authorization", "Bearer t"), ("x-a", "1"), ("x-b", "ü")]);
        let fields = metadata("pre-get", &event);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|field| (field.name.as_str(), field.value.as_str()))
            .collect();
        let expected = [
            ("hook-name", "pre-get"),
            ("event-id", event.id.as_str()),
            ("authorization", "Bearer t"),
        ];
        assert_eq!(fields, expected);
    }
}
