//! A case: an event, and the decision that is expected of a module.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::AuthorError;
use super::call::Call;
use super::project::{syntax, text_of};
use super::situation::{Request, Situation, Upload};
use crate::hooks::{Event, EventKind};

/// What a module may make of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Decision {
    Proceed,
    Reject,
    Done,
    Stop,
    Retry,
    Permanent,
    Other,
    Failure,
}

impl Decision {
    const fn name(self) -> &'static str {
        match self {
            Self::Proceed => "proceed",
            Self::Reject => "reject",
            Self::Done => "done",
            Self::Stop => "stop",
            Self::Retry => "retry",
            Self::Permanent => "permanent",
            Self::Other => "other",
            Self::Failure => "failure",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    event: String,
    #[serde(default)]
    upload: Upload,
    #[serde(default)]
    request: Request,
    config: Option<Map<String, Value>>,
    expect: Expected,
}

/// What is expected. What is left out is not looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expected {
    decision: Decision,
    status: Option<u16>,
    body: Option<String>,
    body_contains: Option<String>,
    /// All metadata that the upload has then.
    metadata: Option<BTreeMap<String, String>>,
    id: Option<String>,
    path: Option<String>,
    /// Some of the header fields.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// A case that was read.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) event: Event,
    /// In place of the module's own configuration.
    pub(super) config: Option<Map<String, Value>>,
    expected: Expected,
}

impl Case {
    pub(super) fn read(path: &Path) -> Result<Self, AuthorError> {
        Self::parse(path, &text_of(path)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, AuthorError> {
        let file: File = toml::from_str(text).map_err(|error| syntax(path, text, &error))?;
        let kind = file.event.parse::<EventKind>();
        let kind = kind.map_err(|error| AuthorError::wrong(path, format!("`event`: {error}")))?;
        let situation = Situation {
            upload: file.upload,
            request: file.request,
        };
        Ok(Self {
            event: situation.event(kind),
            config: file.config,
            expected: file.expect,
        })
    }

    /// What is not as expected.
    pub(super) fn compare(&self, call: &Call) -> Vec<String> {
        let expected = &self.expected;
        let mut problems = Vec::new();
        let mut differs = |what: &str, wanted: &dyn Display, got: String| {
            problems.push(format!("expected {what} {wanted}, got {got}"));
        };
        if expected.decision.name() != call.decision() {
            let got = call.lines().join("\n");
            differs("decision", &expected.decision.name(), got);
            // All else follows from that.
            return problems;
        }
        if let Some(status) = expected.status
            && call.status() != Some(status)
        {
            differs("status", &status, or_none(call.status()));
        }
        for (what, wanted, got) in [
            ("body", &expected.body, call.body()),
            // Where it chose none, the upload keeps what it has.
            (
                "id",
                &expected.id,
                call.id().or(Some(&self.event.upload.id)),
            ),
            ("path", &expected.path, call.path()),
        ] {
            if let Some(wanted) = wanted
                && got != Some(wanted)
            {
                differs(what, &format_args!("{wanted:?}"), shown(got));
            }
        }
        if let Some(part) = &expected.body_contains
            && !call.body().is_some_and(|body| body.contains(part))
        {
            let wanted = format_args!("with {part:?} in it");
            differs("a body", &wanted, shown(call.body()));
        }
        for (name, value) in &expected.headers {
            let mut fields = call.headers().iter();
            let field = fields.find(|(found, _)| found.eq_ignore_ascii_case(name));
            let got = field.map(|(_, value)| value.as_str());
            if got != Some(value) {
                let wanted = format_args!("{name}: {value}");
                differs("header", &wanted, shown(got));
            }
        }
        if let Some(wanted) = &expected.metadata {
            let got = self.metadata_after(call);
            if got != *wanted {
                differs("metadata", &format_args!("{wanted:?}"), format!("{got:?}"));
            }
        }
        problems
    }

    fn metadata_after(&self, call: &Call) -> BTreeMap<String, String> {
        let entries = call.metadata().unwrap_or(&self.event.upload.metadata);
        let pairs = entries
            .iter()
            .map(|entry| (entry.key.clone(), entry.text().into_owned()));
        pairs.collect()
    }
}

fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn shown(value: Option<&str>) -> String {
    or_none(value.map(|value| format!("{value:?}")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hooks::{CreateChanges, MetadataEntry, Rejection, Verdict};
    use crate::plugins::Failure;

    fn case(text: &str) -> Result<Case, String> {
        Case::parse(Path::new("a.toml"), text).map_err(|error| error.to_string())
    }

    fn call(answer: Result<Verdict, Failure>) -> Call {
        Call {
            answer,
            took: Duration::ZERO,
            memory: 0,
            log: Vec::new(),
        }
    }

    fn rejection() -> Call {
        call(Ok(Verdict::Reject(Rejection {
            status: 415,
            headers: vec![("x-why".to_owned(), "so".to_owned())],
            body: "No programs, please.".to_owned(),
        })))
    }

    #[test]
    fn what_is_as_expected_has_no_problems() {
        let case = case(
            "event = \"pre-create\"\n[expect]\ndecision = \"reject\"\nstatus = 415\n\
             body-contains = \"programs\"\nheaders = { X-Why = \"so\" }\n",
        )
        .unwrap();
        assert_eq!(case.compare(&rejection()), [""; 0]);
    }

    #[test]
    fn everything_that_differs_is_named_with_what_came() {
        let case = case(
            "event = \"pre-create\"\n[expect]\ndecision = \"reject\"\nstatus = 413\n\
             body = \"x\"\nheaders = { x-why = \"y\", x-not = \"z\" }\n",
        )
        .unwrap();
        assert_eq!(
            case.compare(&rejection()),
            [
                "expected status 413, got 415",
                "expected body \"x\", got \"No programs, please.\"",
                "expected header x-not: z, got none",
                "expected header x-why: y, got \"so\"",
            ]
        );
    }

    #[test]
    fn another_decision_is_the_only_problem() {
        let case = case("event = \"pre-create\"\n[expect]\ndecision = \"proceed\"\nid = \"x\"\n");
        let problems = case.unwrap().compare(&rejection());
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("got reject 415"), "{problems:?}");
    }

    #[test]
    fn changes_are_compared_with_what_the_upload_has_then() {
        let text = |metadata: &str, id: &str| {
            format!(
                "event = \"pre-create\"\n[upload]\nmetadata = {{ a = \"1\" }}\n[expect]\n\
                 decision = \"proceed\"\nmetadata = {metadata}\nid = \"{id}\"\n"
            )
        };
        let unchanged = call(Ok(Verdict::Create(CreateChanges::default())));
        let changed = call(Ok(Verdict::Create(CreateChanges {
            metadata: Some(vec![MetadataEntry {
                key: "b".to_owned(),
                value: b"2".to_vec(),
            }]),
            id: Some("new".to_owned()),
            ..CreateChanges::default()
        })));
        let kept = case(&text("{ a = \"1\" }", "example")).unwrap();
        let replaced = case(&text("{ b = \"2\" }", "new")).unwrap();
        assert!(kept.compare(&unchanged).is_empty());
        assert!(replaced.compare(&changed).is_empty());
        assert_eq!(kept.compare(&changed).len(), 2);
        assert_eq!(replaced.compare(&unchanged).len(), 2);
    }

    #[test]
    fn a_case_that_is_wrong_says_where_and_what_was_expected() {
        for (text, part) in [
            ("", "missing field"),
            (
                "event = \"pre-crate\"\n[expect]\ndecision = \"reject\"",
                "pre-create",
            ),
            (
                "event = \"pre-get\"\n[expect]\ndecision = \"no\"",
                "`proceed`",
            ),
            (
                "event = \"pre-get\"\n[expect]\ndecision = \"reject\"\nstat = 1",
                "line 4",
            ),
            (
                "event = \"pre-get\"\n[uplaod]\n[expect]\ndecision = \"done\"",
                "uplaod",
            ),
        ] {
            let error = case(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
