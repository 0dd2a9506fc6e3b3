//! What a plugin may answer. Everything it returns is checked here before it
//! means anything: a wrong answer is a failure of the plugin, never a header, a
//! path or an id.

use crate::plugins::types;

use super::decision::Rejection;
use super::event::MetadataEntry;

/// What is wrong with an answer, in words for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Invalid(String);

fn invalid<T>(text: String) -> Result<T, Invalid> {
    Err(Invalid(text))
}

/// The longest id. It becomes a file name with a suffix, and file systems
/// allow 255 bytes.
const MAX_ID: usize = 128;

/// The longest path below the data directory.
const MAX_PATH: usize = 1024;

/// All names and values of `Upload-Metadata` together. What is larger does not
/// come back through the header limits of common clients and proxies.
const MAX_METADATA: usize = 32 * 1024;

/// Header fields that HTTP or tus keep for themselves. Beside them all that
/// start with `tus-`, `upload-` or `access-control-`.
const RESERVED: [&str; 13] = [
    "connection",
    "content-length",
    "content-range",
    "date",
    "host",
    "keep-alive",
    "location",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method-override",
];

const RESERVED_PREFIXES: [&str; 3] = ["tus-", "upload-", "access-control-"];

/// A rejection with a status of an error and headers that may be sent.
pub(super) fn rejection(rejection: types::Rejection) -> Result<Rejection, Invalid> {
    let status = rejection.status;
    if !(400..=599).contains(&status) {
        return invalid(format!(
            "a rejection has status {status}, but it must be 400 to 599"
        ));
    }
    Ok(Rejection {
        status,
        headers: headers(rejection.headers)?,
        body: rejection.body,
    })
}

/// The status of a response that finishes an upload.
pub(super) fn success_status(status: Option<u16>) -> Result<Option<u16>, Invalid> {
    match status {
        Some(status) if !(200..=299).contains(&status) => invalid(format!(
            "the status of a finished upload is {status}, but it must be 200 to 299; \
             reject the upload to answer an error"
        )),
        _ => Ok(status),
    }
}

/// Header fields that may be added to a response.
pub(super) fn headers(headers: Vec<types::Header>) -> Result<Vec<(String, String)>, Invalid> {
    headers
        .into_iter()
        .map(|types::Header { name, value }| {
            let lower = name.to_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(is_token) {
                return invalid(format!("{name:?} is no name of a header field"));
            }
            if RESERVED.contains(&lower.as_str())
                || RESERVED_PREFIXES
                    .iter()
                    .any(|prefix| lower.starts_with(prefix))
            {
                return invalid(format!(
                    "the header field {name:?} is not for plugins to set"
                ));
            }
            if !value
                .bytes()
                .all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
            {
                return invalid(format!(
                    "the value of the header field {name:?} is not printable ASCII"
                ));
            }
            Ok((lower, value))
        })
        .collect()
}

/// A character of a header field's name (RFC 9110, section 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// An id that is safe as a segment of a URL and as a file's name.
pub(super) fn id(id: String) -> Result<String, Invalid> {
    let fits = (1..=MAX_ID).contains(&id.len())
        && !id.starts_with('.')
        // The bytes of such an upload would be in the place of another's record.
        && !id.ends_with(".info")
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if fits {
        return Ok(id);
    }
    invalid(format!(
        "the id {id:?} is not 1 to {MAX_ID} of ASCII letters, digits, `-`, `_` and `.`, \
         the first no dot, the end not .info"
    ))
}

/// A path that stays below the data directory.
pub(super) fn path(path: String) -> Result<String, Invalid> {
    let good_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && !name.chars().any(|c| c.is_control() || c == '\\')
    };
    let fits = path.len() <= MAX_PATH
        && path
            .split('/')
            .all(|name| good_name(name) && name.len() <= 255)
        && !path.ends_with(".info");
    if fits {
        return Ok(path);
    }
    invalid(format!(
        "the path {path:?} is not a path below the data directory: names separated by `/`, none \
         empty or starting with a dot, the last not ending in .info, \
         no control characters, at most {MAX_PATH} bytes"
    ))
}

/// Metadata that `Upload-Metadata` can carry (tus 1.0, Creation).
pub(super) fn metadata(entries: Vec<types::MetadataEntry>) -> Result<Vec<MetadataEntry>, Invalid> {
    let mut checked: Vec<MetadataEntry> = Vec::with_capacity(entries.len());
    let mut size = 0;
    for types::MetadataEntry { key, value } in entries {
        if key.is_empty()
            || !key
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b',')
        {
            return invalid(format!(
                "the metadata key {key:?} is not printable ASCII without space and comma"
            ));
        }
        if checked.iter().any(|entry| entry.key == key) {
            return invalid(format!("the metadata key {key:?} is there twice"));
        }
        size += key.len() + value.len();
        checked.push(MetadataEntry { key, value });
    }
    if size > MAX_METADATA {
        return invalid(format!(
            "the metadata has {size} bytes, and may have {MAX_METADATA}"
        ));
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_the_data_directory() {
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            ".hidden",
            "a/.b",
            "a\0b",
            "a\nb",
            "a\\b",
            "x.info",
            "a/x.info",
        ] {
            assert!(path(bad.to_owned()).is_err(), "{bad:?}");
        }
        assert!(path("x".repeat(300)).is_err());
        for good in ["a", "a/b/c.txt", "2024/ü/x y", "info", "a.info/b"] {
            assert!(path(good.to_owned()).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn an_id_is_a_safe_name() {
        for bad in [
            "", ".", "..", ".a", "a/b", "a b", "ä", "a\n", "%2e", "a.info",
        ] {
            assert!(id(bad.to_owned()).is_err(), "{bad:?}");
        }
        assert!(id("x".repeat(129)).is_err());
        for good in ["a", "A-1_b.c", "0"] {
            assert!(id(good.to_owned()).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn headers_can_neither_smuggle_nor_change_the_protocol() {
        let with = |name: &str, value: &str| {
            headers(vec![types::Header {
                name: name.to_owned(),
                value: value.to_owned(),
            }])
        };
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("a:", "x"),
            ("bad\nname", "x"),
            ("x-a", "1\r\nx-b: 2"),
            ("x-a", "\0"),
            ("x-a", "ü"),
            ("Content-Length", "5"),
            ("Upload-Offset", "5"),
            ("TUS-Resumable", "2"),
            ("location", "/"),
            ("transfer-encoding", "chunked"),
        ] {
            assert!(with(name, value).is_err(), "{name:?}: {value:?}");
        }
        assert_eq!(
            with("X-Rule", "a b\t~").unwrap(),
            [("x-rule".to_owned(), "a b\t~".to_owned())]
        );
    }

    #[test]
    fn a_status_says_what_kind_of_answer_it_is() {
        for status in [0, 99, 200, 204, 302, 399, 600, 999] {
            let answer = types::Rejection {
                status,
                headers: vec![],
                body: String::new(),
            };
            assert!(rejection(answer).is_err(), "{status}");
        }
        for status in [100, 300, 404] {
            assert!(success_status(Some(status)).is_err(), "{status}");
        }
        assert_eq!(success_status(Some(204)).unwrap(), Some(204));
        assert_eq!(success_status(None).unwrap(), None);
    }

    #[test]
    fn metadata_has_keys_that_the_header_can_carry() {
        let with = |keys: &[&str]| {
            metadata(
                keys.iter()
                    .map(|key| types::MetadataEntry {
                        key: (*key).to_owned(),
                        value: vec![0, 255],
                    })
                    .collect(),
            )
        };
        for bad in [
            &[""][..],
            &["a b"],
            &["a,b"],
            &["ü"],
            &["a\n"],
            &["a", "b", "a"],
        ] {
            assert!(with(bad).is_err(), "{bad:?}");
        }
        assert_eq!(with(&["a", "b"]).unwrap().len(), 2);
    }
}
