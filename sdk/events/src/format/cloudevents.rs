//! CloudEvents 1.0, the JSON format in structured mode.

use serde::Serialize;

use super::rustus;
use crate::event::{Event, RequestState};
use crate::moment::Moment;

#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    data: rustus::V2<'a>,
    datacontenttype: &'static str,
    id: &'a str,
    source: String,
    specversion: &'static str,
    subject: &'a str,
    time: String,
    r#type: String,
}

impl<'a> Envelope<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        Self {
            data: rustus::V2::of(event),
            datacontenttype: "application/json",
            id: &event.id,
            source: source(&event.request),
            specversion: "1.0",
            subject: &event.upload.id,
            time: Moment::of(event.time).to_string(),
            r#type: format!("dev.rustus.upload.{}", event.kind),
        }
    }
}

/// Where the uploads are: the path to which a `POST` goes, and to whose children
/// everything else goes, without query and slash at its end. Never empty, and a
/// URI reference (RFC 3986, 4.1) for whatever a client wrote.
fn source(request: &RequestState) -> String {
    let path = request.uri.split(['?', '#']).next().unwrap_or_default();
    let path = path.trim_end_matches('/');
    let collection = match request.method.as_str() {
        "POST" => path,
        _ => path.rsplit_once('/').map_or("", |(parent, _)| parent),
    };
    // Two slashes at the beginning would begin a host.
    let names = collection.trim_matches('/');
    let mut source = String::with_capacity(names.len() + 1);
    source.push('/');
    push_path(&mut source, names.as_bytes());
    source
}

/// Writes what a path may have (RFC 3986, 3.3) as it is, the rest percent-encoded.
fn push_path(to: &mut String, mut path: &[u8]) {
    while let Some((&byte, rest)) = path.split_first() {
        let stands = match byte {
            b'%' => matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()),
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte),
        };
        if stands {
            to.push(char::from(byte));
        } else {
            to.push_str(&format!("%{byte:02X}"));
        }
        path = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_where_the_uploads_are() {
        for (method, uri, expected) in [
            ("POST", "/files", "/files"),
            ("POST", "/files/?token=1", "/files"),
            ("PATCH", "/files/abc", "/files"),
            ("DELETE", "/api/v1/files/abc/", "/api/v1/files"),
            ("GET", "/files/abc?download#top", "/files"),
            ("POST", "/", "/"),
            ("PATCH", "/abc", "/"),
            ("PATCH", "//host/files/abc", "/host/files"),
            ("POST", "", "/"),
            ("POST", "/a b/\u{e9}/100%/%2f", "/a%20b/%C3%A9/100%25/%2f"),
        ] {
            let request = RequestState {
                method: method.to_owned(),
                ..RequestState::cut_off(uri.to_owned())
            };
            assert_eq!(source(&request), expected, "{method} {uri}");
        }
    }
}
