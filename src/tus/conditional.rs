//! Conditional requests (RFC 9110, 13): a client that has the bytes already
//! does not get them again, and one that has a part does not get a part of
//! something else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Headers;
use crate::uploads::Upload;

/// What tells one state of an upload's URL from another. A finished upload never
/// changes, but an id that a hook chose may be given again after a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validators {
    /// The strong entity tag, with its quotes.
    pub(super) etag: String,
    /// Whole seconds.
    modified: SystemTime,
}

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request is answered.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client thinks.
    Failed,
}

impl Validators {
    pub(super) fn of(upload: &Upload) -> Self {
        let created = upload
            .created_at
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            // An id has no quotes.
            etag: format!(
                "\"{}-{:x}-{:x}\"",
                upload.id,
                upload.offset,
                created.as_nanos()
            ),
            modified: UNIX_EPOCH + Duration::from_secs(created.as_secs()),
        }
    }

    /// `Last-Modified`: when the upload was created, the only time that is kept.
    /// Its bytes came later, but nobody could read them before they were whole.
    pub(super) fn last_modified(&self) -> String {
        httpdate::fmt_http_date(self.modified)
    }

    /// Weighs the conditions of a GET in the order of RFC 9110, 13.2.2.
    pub(super) fn weigh(&self, headers: &Headers) -> Verdict {
        match headers.joined("if-match") {
            Some(tags) if !self.is_among(&tags, false) => return Verdict::Failed,
            Some(_) => {}
            None => {
                if date(headers, "if-unmodified-since").is_some_and(|date| self.modified > date) {
                    return Verdict::Failed;
                }
            }
        }
        let has_it = match headers.joined("if-none-match") {
            Some(tags) => self.is_among(&tags, true),
            None => date(headers, "if-modified-since").is_some_and(|date| self.modified <= date),
        };
        if has_it {
            Verdict::NotModified
        } else {
            Verdict::Proceed
        }
    }

    /// Whether a part may be sent (`If-Range`): the client's part is of this.
    pub(super) fn allow_part(&self, headers: &Headers) -> bool {
        match headers.joined("if-range") {
            None => true,
            // A tag compares strongly, a date exactly.
            Some(value) => {
                value == self.etag
                    || httpdate::parse_http_date(&value).is_ok_and(|date| date == self.modified)
            }
        }
    }

    /// Whether the list of tags has this one, or is `*`. Tags that are weak
    /// count only if `weakly`.
    fn is_among(&self, list: &str, weakly: bool) -> bool {
        let list = list.trim_matches([' ', '\t']);
        list == "*" || tags(list).any(|(weak, tag)| (weakly || !weak) && tag == self.etag.as_str())
    }
}

/// The entity tags in a list: whether each is weak, and its quoted text. Ends
/// where the list is not well-formed.
fn tags(list: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (tag, after) = quoted.split_at_checked(end)?;
        rest = after;
        Some((weak, tag))
    })
}

/// A date that is not one is as good as none.
fn date(headers: &Headers, name: &'static str) -> Option<SystemTime> {
    let text = headers.text(name).ok()??;
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::uploads::UploadId;

    fn validators() -> Validators {
        Validators::of(&Upload {
            id: UploadId::new("a").unwrap(),
            offset: 16,
            length: Some(16),
            metadata: None,
            // Sun, 06 Nov 1994 08:49:37 GMT
            created_at: UNIX_EPOCH + Duration::new(784_111_777, 5),
            finished: true,
            expires_at: None,
            kind: crate::uploads::RecordKind::Whole,
        })
    }

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect()
    }

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    #[test]
    fn conditions_are_weighed_in_the_order_of_the_standard() {
        use Verdict::{Failed, NotModified, Proceed};
        let it = validators();
        assert_eq!(it.last_modified(), THEN);
        let tag = it.etag.as_str();
        let weak = &format!("W/{tag}");
        let list = &format!("\"x\", W/\"y\",{tag}");
        for (fields, expected) in [
            (&[][..], Proceed),
            (&[("if-none-match", tag)], NotModified),
            (&[("if-none-match", weak)], NotModified),
            (&[("if-none-match", list)], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"x\"")], Proceed),
            (&[("if-none-match", "x")], Proceed),
            (
                &[("if-none-match", "\"x\""), ("if-none-match", tag)],
                NotModified,
            ),
            (&[("if-modified-since", BEFORE)], Proceed),
            (&[("if-modified-since", THEN)], NotModified),
            (&[("if-modified-since", AFTER)], NotModified),
            (&[("if-modified-since", "yesterday")], Proceed),
            (
                &[("if-none-match", "\"x\""), ("if-modified-since", THEN)],
                Proceed,
            ),
            (&[("if-match", tag)], Proceed),
            (&[("if-match", "*")], Proceed),
            (&[("if-match", list)], Proceed),
            (&[("if-match", weak)], Failed),
            (&[("if-match", "\"x\"")], Failed),
            (&[("if-match", "")], Failed),
            (&[("if-match", "\"x\""), ("if-none-match", tag)], Failed),
            (&[("if-unmodified-since", BEFORE)], Failed),
            (&[("if-unmodified-since", THEN)], Proceed),
            (
                &[("if-match", tag), ("if-unmodified-since", BEFORE)],
                Proceed,
            ),
        ] {
            assert_eq!(it.weigh(&headers(fields)), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_part_is_sent_only_of_what_the_client_has_a_part_of() {
        let it = validators();
        let weak = format!("W/{}", it.etag);
        for (value, expected) in [
            (it.etag.as_str(), true),
            (THEN, true),
            (&weak, false),
            ("\"x\"", false),
            ("*", false),
            (BEFORE, false),
            (AFTER, false),
            ("", false),
        ] {
            assert_eq!(
                it.allow_part(&headers(&[("if-range", value)])),
                expected,
                "{value}"
            );
        }
        assert!(it.allow_part(&headers(&[])));
    }

    proptest! {
        #[test]
        fn any_condition_has_a_verdict(value in "[-W/\"*, a-z0-9]{0,30}|.{0,40}") {
            for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
                validators().weigh(&headers(&[(name, &value)]));
            }
            prop_assert!(!validators().allow_part(&headers(&[("if-range", &value)])));
        }

        #[test]
        fn a_tag_is_found_wherever_it_stands_in_a_list(
            before in proptest::collection::vec("(W/)?\"[a-z,]{0,5}\"", 0..4),
            after in proptest::collection::vec("(W/)?\"[a-z,]{0,5}\"", 0..4),
        ) {
            let tag = validators().etag;
            let list = [before, vec![tag], after].concat().join(", ");
            prop_assert!(validators().is_among(&list, false));
        }
    }
}
