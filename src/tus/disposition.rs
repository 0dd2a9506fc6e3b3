//! How a browser is to treat a file that a stranger uploaded: what it is, what
//! it is called, and whether it may be shown on the spot.

use std::fmt::Write as _;

use mime_guess::Mime;

/// Types that a browser shows without running anything in them. HTML, SVG and
/// XML are not among them: shown from here, their scripts would run with the
/// rights of this origin.
const SHOWN: [&str; 16] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/mp4",
    "video/mp4",
    "video/ogg",
    "video/webm",
    "application/pdf",
    "text/plain",
];

/// The type that the client gave, or else the one that the name suggests.
pub(super) fn media_type(given: Option<&str>, name: Option<&str>) -> String {
    given
        .and_then(|given| given.parse::<Mime>().ok())
        // Without parameters, which would have to be checked too.
        .map(|given| given.essence_str().to_owned())
        .or_else(|| {
            Some(
                mime_guess::from_path(name?)
                    .first()?
                    .essence_str()
                    .to_owned(),
            )
        })
        .unwrap_or_else(|| "application/octet-stream".to_owned())
}

/// The value of `Content-Disposition` (RFC 6266).
pub(super) fn content_disposition(media_type: &str, name: Option<&str>) -> String {
    let mut value = if SHOWN.contains(&media_type) {
        "inline".to_owned()
    } else {
        "attachment".to_owned()
    };
    let Some(name) = name.and_then(last_name) else {
        return value;
    };
    let plain: String = name
        .chars()
        .map(|character| match character {
            '"' | '\\' | '%' => '_',
            ' '..='~' => character,
            _ => '_',
        })
        .collect();
    value.push_str("; filename=\"");
    value.push_str(&plain);
    value.push('"');
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        push_encoded(&mut value, name);
    }
    value
}

/// The name without the directories that some clients put before it.
fn last_name(name: &str) -> Option<&str> {
    name.rsplit(['/', '\\'])
        .next()
        .filter(|name| !name.is_empty())
}

/// Percent-encodes all but `attr-char` (RFC 8187, 3.2.1).
fn push_encoded(value: &mut String, name: &str) {
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            value.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            write!(value, "%{byte:02X}").unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_taken_from_the_client_or_from_the_name() {
        for (given, name, expected) in [
            (Some("image/png"), Some("a.txt"), "image/png"),
            (Some("text/plain; charset=utf-8"), None, "text/plain"),
            (Some("nonsense"), Some("a.txt"), "text/plain"),
            (Some("a/b\r\nX: y"), None, "application/octet-stream"),
            (None, Some("x.html"), "text/html"),
            (None, Some("x"), "application/octet-stream"),
            (None, None, "application/octet-stream"),
        ] {
            assert_eq!(media_type(given, name), expected, "{given:?} {name:?}");
        }
    }

    #[test]
    fn only_what_cannot_run_is_shown_and_names_cannot_break_out() {
        for (media_type, name, expected) in [
            ("image/png", None, "inline"),
            ("text/html", None, "attachment"),
            (
                "image/svg+xml",
                Some("a.svg"),
                "attachment; filename=\"a.svg\"",
            ),
            (
                "text/plain",
                Some("../../etc/a.txt"),
                "inline; filename=\"a.txt\"",
            ),
            (
                "text/plain",
                Some("C:\\a.txt"),
                "inline; filename=\"a.txt\"",
            ),
            ("text/plain", Some("/"), "inline"),
            (
                "a/b",
                Some("a\"b\r\nc.txt"),
                "attachment; filename=\"a_b__c.txt\"; filename*=UTF-8''a%22b%0D%0Ac.txt",
            ),
            (
                "a/b",
                Some("ä 1.txt"),
                "attachment; filename=\"_ 1.txt\"; filename*=UTF-8''%C3%A4%201.txt",
            ),
        ] {
            assert_eq!(content_disposition(media_type, name), expected);
        }
    }
}
