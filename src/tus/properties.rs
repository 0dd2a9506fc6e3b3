//! What holds for every header field, whatever bytes a client sends.

use proptest::prelude::*;

use super::concatenation::Concat;
use super::{BaseUrl, Headers};
use crate::uploads::Metadata;

fn one(name: &str, value: &[u8]) -> Headers {
    Headers::from_iter([(name.to_owned(), value.to_vec())])
}

fn base_url() -> BaseUrl {
    "/files".parse().unwrap()
}

/// Bytes that look like `Upload-Concat` more often than not.
fn concat_like() -> impl Strategy<Value = String> {
    "(final|partial)?;?( ?(http://|https://|//)?(h:1)?/files/?[a-z/.%?#]{0,5}){0,4}"
}

/// Bytes that look like `Upload-Metadata` more often than not.
fn metadata_like() -> impl Strategy<Value = String> {
    "([a-c]{0,2}( [A-Za-z0-9+/]{0,8}={0,2})?,? ?){0,5}"
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_length_is_digits_and_is_read_as_it_is_printed(length: u64, zeros in 0..5_usize) {
        let printed = format!("{}{length}", "0".repeat(zeros));
        let read = one("upload-length", printed.as_bytes()).bytes("upload-length");
        prop_assert_eq!(read, Ok(Some(length)));
    }

    #[test]
    fn bytes_that_are_no_length_are_an_error_and_no_panic(value: Vec<u8>) {
        let text = String::from_utf8_lossy(&value).trim_matches(' ').to_owned();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let read = one("upload-length", &value).bytes("upload-length");
        prop_assert_eq!(read.is_ok(), digits && text.parse::<u64>().is_ok());
    }

    #[test]
    fn metadata_is_kept_as_it_was_given(value in prop_oneof![metadata_like(), ".*"]) {
        if let Ok(metadata) = Metadata::parse(&value) {
            prop_assert_eq!(metadata.raw(), &value);
            let written = Metadata::from_entries(metadata.entries().to_vec());
            let written = written.unwrap().unwrap();
            prop_assert_eq!(written.entries(), metadata.entries());
            let again = Metadata::parse(written.raw()).unwrap();
            prop_assert_eq!(again.entries(), metadata.entries());
        }
    }

    #[test]
    fn metadata_that_was_written_is_read_the_same(
        pairs in prop::collection::btree_map("[!-+.-~]{1,9}", any::<Vec<u8>>(), 1..5)
    ) {
        let entries: Vec<_> = pairs
            .into_iter()
            .map(|(key, value)| crate::hooks::MetadataEntry { key, value })
            .collect();
        let metadata = Metadata::from_entries(entries.clone()).unwrap().unwrap();
        let read = Metadata::parse(metadata.raw()).unwrap();
        prop_assert_eq!(read.entries(), entries);
    }

    #[test]
    fn parts_are_uploads_of_this_server_and_nothing_else(
        value in prop_oneof![concat_like(), ".*"]
    ) {
        let fields = one("upload-concat", value.as_bytes());
        let read = Concat::read(&fields, "http://h:1", &base_url());
        if let Ok(Some(Concat::Final { header, parts })) = read {
            prop_assert_eq!(&header, value.trim_matches(' '));
            let named = value.matches("/files/").count();
            prop_assert_eq!(parts.len(), named);
            // The same parts, named in the shortest way.
            let urls: Vec<_> = parts.iter().map(|id| format!("/files/{id}")).collect();
            let short = format!("final;{}", urls.join(" "));
            let again = Concat::read(&one("upload-concat", short.as_bytes()), "http://h:1", &base_url());
            prop_assert_eq!(again, Ok(Some(Concat::Final { header: short.clone(), parts })));
        }
    }

    #[test]
    fn bytes_that_name_no_parts_are_an_error_and_no_panic(value: Vec<u8>) {
        let read = Concat::read(&one("upload-concat", &value), "http://h:1", &base_url());
        let text = String::from_utf8_lossy(&value);
        let text = text.trim_matches(' ');
        prop_assert!(read.is_err() || text == "partial" || text.starts_with("final;"));
    }
}
