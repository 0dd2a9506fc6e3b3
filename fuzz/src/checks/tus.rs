//! Header fields and request paths.

use std::time::{Duration, UNIX_EPOCH};

use super::checksum_field::{announced, parse};
use super::concatenation::Concat;
use super::conditional::{Validators, Verdict};
use super::disposition::{content_disposition, media_type};
use super::range::{Part, part};
use super::{BaseUrl, Headers, Target};
use crate::checks::lines;
use crate::uploads::{Upload, UploadId};

fn one(name: &str, value: &[u8]) -> Headers {
    Headers::from_iter([(name.to_owned(), value.to_vec())])
}

/// Numbers, `--url` and paths. The first line is a base URL, the second a path,
/// the rest a field's value.
pub fn headers(input: &[u8]) {
    const NAME: &str = "upload-offset";
    let [url, path, value] = lines(input);
    let headers = one(NAME, value);
    if let Ok(Some(number)) = headers.bytes(NAME) {
        let digits = headers.text(NAME).unwrap().unwrap();
        assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(digits.parse(), Ok(number));
    }
    assert_eq!(headers.to_text().len(), 1);

    let Ok(base) = String::from_utf8_lossy(url).parse::<BaseUrl>() else {
        return;
    };
    assert_eq!(base.as_str().parse().as_ref(), Ok(&base));
    let path = String::from_utf8_lossy(path);
    for path in [path.to_string(), format!("{}{path}", base.as_str())] {
        if let Some(Target::Upload(name)) = base.target(&path) {
            assert!(!name.is_empty() && !name.contains('/'));
        }
    }
}

/// `Upload-Concat`. The first line is what stands before paths on this server.
pub fn concat(input: &[u8]) {
    let [site, value] = lines(input);
    let site = String::from_utf8_lossy(site);
    let base: BaseUrl = "/files".parse().unwrap();
    let headers = one("upload-concat", value);
    match Concat::read(&headers, &site, &base) {
        Ok(Some(Concat::Final { header, parts })) => {
            assert!(!parts.is_empty());
            // Every part is named, by what can be no other upload.
            let urls: Vec<_> = header["final;".len()..]
                .split(' ')
                .filter(|url| !url.is_empty())
                .collect();
            assert_eq!(urls.len(), parts.len());
            for (url, id) in urls.iter().zip(&parts) {
                let end = format!("/files/{id}");
                assert!(url.strip_suffix('/').unwrap_or(url).ends_with(&end));
            }
            // What was read is read again when it stands by itself.
            let again: Vec<_> = parts.iter().map(|id| format!("/files/{id}")).collect();
            let again = one("upload-concat", format!("final;{}", again.join(" ")).as_bytes());
            let Ok(Some(Concat::Final { parts: same, .. })) = Concat::read(&again, "", &base)
            else {
                panic!("{again:?}");
            };
            assert_eq!(same, parts);
        }
        Ok(Some(Concat::Partial)) => assert_eq!(value.trim_ascii(), b"partial"),
        Ok(None) => panic!("the field is there"),
        Err(_) => {}
    }
}

/// `Upload-Checksum`, and `Trailer`.
pub fn checksum(input: &[u8]) {
    let headers = one("trailer", input);
    let names = String::from_utf8_lossy(input).to_ascii_lowercase();
    if announced(&headers) == Ok(true) {
        assert!(names.contains("upload-checksum"));
    }
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    if let Ok(checksum) = parse(text) {
        assert!(!checksum.digest.is_empty());
        let name = checksum.algorithm.name();
        assert!(text.starts_with(&format!("{name} ")));
    }
}

/// `Range`. The first line is the length of an upload.
pub fn range(input: &[u8]) {
    let [length, value] = lines(input);
    let length = String::from_utf8_lossy(length).parse().unwrap_or(10);
    match part(&String::from_utf8_lossy(value), length) {
        Part::Some(range) => assert!(range.start < range.end && range.end <= length),
        Part::Whole | Part::Unsatisfiable => {}
    }
}

/// Conditions. The lines are the values of the fields, in this order.
pub fn conditional(input: &[u8]) {
    let upload = Upload {
        id: UploadId::new("a").unwrap(),
        offset: 16,
        created_at: UNIX_EPOCH + Duration::new(784_111_777, 5),
    };
    let validators = Validators::of(&upload);
    let [matches, none_match, modified, unmodified, range] = lines(input);
    let fields = [
        ("if-match", matches),
        ("if-none-match", none_match),
        ("if-modified-since", modified),
        ("if-unmodified-since", unmodified),
        ("if-range", range),
    ];
    let headers: Headers = fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    let has = |value: &[u8]| String::from_utf8_lossy(value).contains(&validators.etag);
    match validators.weigh(&headers) {
        // Only who names it, or anything, or a date, can have it.
        Verdict::NotModified if modified.is_empty() => {
            assert!(has(none_match) || none_match.contains(&b'*'));
        }
        Verdict::Failed => assert!(!matches.is_empty() || !unmodified.is_empty()),
        Verdict::Proceed | Verdict::NotModified => {}
    }
    if validators.allow_part(&headers) {
        assert!(range.is_empty() || has(range) || range.len() >= 20);
    }
}

/// What a browser is told of a file. The first line is its type, the rest its
/// name.
pub fn disposition(input: &[u8]) {
    let [given, name] = lines(input);
    let (given, name) = (String::from_utf8_lossy(given), String::from_utf8_lossy(name));
    let media_type = media_type(Some(&given), Some(&name));
    let value = content_disposition(&media_type, Some(&name));
    let visible = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    assert!(visible(&media_type) && visible(&value), "{value:?}");
    // The name stands between two quotes, and does not get out.
    assert!(matches!(value.matches('"').count(), 0 | 2), "{value:?}");
    if media_type.contains("html") || media_type.contains("svg") || media_type.contains("xml") {
        assert!(value.starts_with("attachment"));
    }
}
