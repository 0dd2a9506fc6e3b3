//! What a hook of tusd 2 answers: the JSON that a command hook writes to stdout
//! and an HTTP hook sends as its body in the format `tusd-v2`.
//!
//! Everything in it may be missing or null, which says nothing; unknown fields
//! are skipped. Which of it counts depends on the event:
//!
//! | field | event |
//! |---|---|
//! | `HTTPResponse` | every blocking one, and `post-receive` with `StopUpload` |
//! | `RejectUpload`, `ChangeFileInfo` | `pre-create` |
//! | `RejectTermination` | `pre-terminate` |
//! | `StopUpload` | `post-receive` |

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::event::MetadataEntry;

/// What a hook answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HookResponse {
    /// What to change in the response to the client.
    #[serde(rename = "HTTPResponse", deserialize_with = "null_is_default")]
    pub http_response: HttpResponse,
    /// Whether the upload must not be created.
    #[serde(deserialize_with = "null_is_default")]
    pub reject_upload: bool,
    /// Whether the upload must not be removed.
    #[serde(deserialize_with = "null_is_default")]
    pub reject_termination: bool,
    /// What to change in the upload.
    #[serde(deserialize_with = "null_is_default")]
    pub change_file_info: ChangeFileInfo,
    /// Whether the upload is to be stopped and removed.
    #[serde(deserialize_with = "null_is_default")]
    pub stop_upload: bool,
}

/// What to change in the response to the client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpResponse {
    /// The status in place of the usual one; `None` for 0. Any other number is
    /// kept, also one that is no status of HTTP.
    #[serde(deserialize_with = "zero_is_none")]
    pub status_code: Option<u16>,
    /// The body in place of the usual one; `None` if empty.
    #[serde(deserialize_with = "empty_is_none")]
    pub body: Option<String>,
    /// Header fields to add or to replace, names in any case.
    #[serde(deserialize_with = "null_is_default")]
    pub header: BTreeMap<String, String>,
}

/// What to change in an upload before it is created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeFileInfo {
    /// The id in place of the server's; `None` if empty.
    pub id: Option<String>,
    /// Replaces the whole metadata, in alphabetical order; empty removes it.
    pub metadata: Option<Vec<MetadataEntry>>,
    /// Where to put the bytes; `None` if empty.
    pub path: Option<String>,
}

/// `ChangeFileInfo` as it stands in the JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FileInfo {
    #[serde(rename = "ID", deserialize_with = "empty_is_none")]
    id: Option<String>,
    #[serde(rename = "MetaData")]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(rename = "Storage", deserialize_with = "null_is_default")]
    storage: Storage,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Storage {
    #[serde(rename = "Path", deserialize_with = "empty_is_none")]
    path: Option<String>,
}

impl<'de> Deserialize<'de> for ChangeFileInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let FileInfo {
            id,
            metadata,
            storage,
        } = FileInfo::deserialize(deserializer)?;
        let entry = |(key, value): (String, String)| MetadataEntry {
            key,
            value: value.into_bytes(),
        };
        Ok(Self {
            id,
            metadata: metadata.map(|metadata| metadata.into_iter().map(entry).collect()),
            path: storage.path,
        })
    }
}

/// Not the answer of a hook.
#[derive(Debug)]
pub enum InvalidHookResponse {
    /// No JSON object, whether JSON or not.
    NotAnObject,
    /// No JSON, or a field has another type.
    Json(serde_json::Error),
}

impl fmt::Display for InvalidHookResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the hook's answer is not one of tusd 2: ")?;
        match self {
            Self::NotAnObject => f.write_str("it does not begin with `{`")?,
            Self::Json(error) => write!(f, "{error}")?,
        }
        f.write_str(
            "; expected nothing, or a JSON object such as \
             {\"RejectUpload\": true, \"HTTPResponse\": {\"StatusCode\": 403, \"Body\": \"no\"}}",
        )
    }
}

// What serde_json says stands in the text already; it is no source besides.
impl Error for InvalidHookResponse {}

impl HookResponse {
    /// Reads an answer. Nothing but white space says nothing.
    ///
    /// # Errors
    /// It is something other than one JSON object with fields of these types.
    pub fn parse(answer: &[u8]) -> Result<Self, InvalidHookResponse> {
        match answer.trim_ascii_start() {
            [] => Ok(Self::default()),
            object @ [b'{', ..] => {
                serde_json::from_slice(object).map_err(InvalidHookResponse::Json)
            }
            _ => Err(InvalidHookResponse::NotAnObject),
        }
    }
}

fn null_is_default<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn zero_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    Ok(Option::deserialize(deserializer)?.filter(|status| *status != 0))
}

fn empty_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(answer: &str) -> HookResponse {
        HookResponse::parse(answer.as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_is_read_with_all_that_it_says() {
        let answer = parse(
            r#" {
                "HTTPResponse": {"StatusCode": 403, "Body": "no", "Header": {"X-Why": "rule"}},
                "RejectUpload": true, "RejectTermination": true, "StopUpload": true,
                "ChangeFileInfo": {
                    "ID": "mine", "MetaData": {"b": "", "a": "1"},
                    "Storage": {"Type": "filestore", "Path": "in/here"}
                },
                "Later": [1]
            }
            "#,
        );
        let entry = |key: &str, value: &str| MetadataEntry {
            key: key.to_owned(),
            value: value.into(),
        };
        let expected = HookResponse {
            http_response: HttpResponse {
                status_code: Some(403),
                body: Some("no".to_owned()),
                header: BTreeMap::from([("X-Why".to_owned(), "rule".to_owned())]),
            },
            reject_upload: true,
            reject_termination: true,
            change_file_info: ChangeFileInfo {
                id: Some("mine".to_owned()),
                metadata: Some(vec![entry("a", "1"), entry("b", "")]),
                path: Some("in/here".to_owned()),
            },
            stop_upload: true,
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn what_is_missing_null_or_zero_says_nothing() {
        for answer in [
            "",
            " \n",
            "{}",
            r#"{"HTTPResponse": null, "RejectUpload": null, "ChangeFileInfo": null}"#,
            r#"{"RejectTermination": null, "StopUpload": false, "ChangeFileInfo": {}}"#,
            r#"{"HTTPResponse": {"StatusCode": 0, "Body": "", "Header": null}}"#,
            r#"{"HTTPResponse": {"StatusCode": null, "Body": null, "Header": {}}}"#,
            r#"{"ChangeFileInfo": {"ID": "", "MetaData": null, "Storage": null}}"#,
            r#"{"ChangeFileInfo": {"ID": null, "Storage": {"Path": ""}}}"#,
        ] {
            assert_eq!(parse(answer), HookResponse::default(), "{answer}");
        }
    }

    #[test]
    fn empty_metadata_removes_and_null_keeps() {
        let metadata = |answer| parse(answer).change_file_info.metadata;
        assert_eq!(
            metadata(r#"{"ChangeFileInfo": {"MetaData": {}}}"#),
            Some(vec![])
        );
        assert_eq!(metadata(r#"{"ChangeFileInfo": {"MetaData": null}}"#), None);
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        for (answer, reason) in [
            ("upload refused", "does not begin with `{`"),
            ("[]", "does not begin with `{`"),
            ("null", "does not begin with `{`"),
            ("{", "EOF"),
            ("{} {}", "trailing"),
            (r#"{"RejectUpload": "yes"}"#, "expected a boolean"),
            (r#"{"HTTPResponse": {"StatusCode": -1}}"#, "expected u16"),
            (
                r#"{"ChangeFileInfo": {"MetaData": {"a": 1}}}"#,
                "expected a string",
            ),
        ] {
            let error = HookResponse::parse(answer.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(reason), "{error}");
            assert!(
                error.contains("expected nothing, or a JSON object"),
                "{error}"
            );
        }
    }
}
