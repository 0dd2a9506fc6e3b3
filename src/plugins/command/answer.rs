//! What it means how a command ended.
//!
//! Exit code 0 lets a blocking event proceed, any other rejects it with what the
//! command wrote to stderr. In the format `tusd-v2`, stdout is tusd's hook
//! response and can do both with exit code 0, and more: change the upload, its
//! response, or stop it.

use std::collections::BTreeMap;

use rustus_events::{Creation, Format, HookResponse, Refusal, Ruling};

use super::super::bindings::exports::rustus::hooks::notifications::Reaction;
use super::super::bindings::exports::rustus::hooks::pre_create::{CreateChanges, CreateDecision};
use super::super::bindings::exports::rustus::hooks::pre_finish::{FinishChanges, FinishDecision};
use super::super::bindings::exports::rustus::hooks::pre_get::GetDecision;
use super::super::bindings::exports::rustus::hooks::pre_terminate::TerminateDecision;
use super::super::bindings::rustus::hooks::types::{Header, MetadataEntry, Rejection};
use super::super::events::EventKind;
use super::super::failure::Failure;
use super::Exit;

/// How much of stderr goes into the log line of a failure: enough for a reason,
/// since the whole of it stands in the log already.
const SAID: usize = 200;

impl Exit {
    /// The answer to `pre-create`.
    pub(in crate::plugins) fn create(self) -> Result<CreateDecision, Failure> {
        if let Some(rejection) = self.rejection() {
            return Ok(CreateDecision::Reject(rejection));
        }
        let ruling = self.response()?.on_create();
        let ruling = ruling.map_err(|error| Failure::InvalidAnswer(error.to_string()))?;
        let Creation { upload, header } = match ruling {
            Ruling::Reject(refusal) => return Ok(CreateDecision::Reject(rejection(refusal))),
            Ruling::Proceed(creation) => creation,
        };
        let entry = |entry: rustus_events::MetadataEntry| MetadataEntry {
            key: entry.key,
            value: entry.value,
        };
        let metadata = upload.metadata;
        Ok(CreateDecision::Proceed(CreateChanges {
            metadata: metadata.map(|entries| entries.into_iter().map(entry).collect()),
            id: upload.id,
            path: upload.path,
            headers: headers(header),
        }))
    }

    /// The answer to `pre-finish`.
    pub(in crate::plugins) fn finish(self) -> Result<FinishDecision, Failure> {
        if let Some(rejection) = self.rejection() {
            return Ok(FinishDecision::Reject(rejection));
        }
        Ok(match self.response()?.on_finish() {
            Ruling::Reject(refusal) => FinishDecision::Reject(rejection(refusal)),
            Ruling::Proceed(response) => FinishDecision::Proceed(FinishChanges {
                status: response.status_code,
                headers: headers(response.header),
                body: response.body,
            }),
        })
    }

    /// The answer to `pre-get`.
    pub(in crate::plugins) fn get(self) -> Result<GetDecision, Failure> {
        if let Some(rejection) = self.rejection() {
            return Ok(GetDecision::Reject(rejection));
        }
        Ok(match self.response()?.on_get() {
            Ruling::Reject(refusal) => GetDecision::Reject(rejection(refusal)),
            Ruling::Proceed(()) => GetDecision::Proceed,
        })
    }

    /// The answer to `pre-terminate`.
    pub(in crate::plugins) fn terminate(self) -> Result<TerminateDecision, Failure> {
        if let Some(rejection) = self.rejection() {
            return Ok(TerminateDecision::Reject(rejection));
        }
        Ok(match self.response()?.on_terminate() {
            Ruling::Reject(refusal) => TerminateDecision::Reject(rejection(refusal)),
            Ruling::Proceed(()) => TerminateDecision::Proceed,
        })
    }

    /// Whether it took a notification in, and what it wants done about it.
    pub(in crate::plugins) fn heard(self, kind: EventKind) -> Result<Reaction, Failure> {
        if self.code != 0 {
            let text = String::from_utf8_lossy(&self.stderr);
            let said = text.trim().chars().take(SAID).collect();
            return Err(Failure::Exit {
                code: self.code,
                said,
            });
        }
        let response = self.response()?;
        Ok(match kind {
            EventKind::PostReceive => response
                .on_receive()
                .map_or(Reaction::Done, |refusal| Reaction::Stop(rejection(refusal))),
            _ => Reaction::Done,
        })
    }

    /// The rejection that the exit code is, if it is one.
    fn rejection(&self) -> Option<Rejection> {
        (self.code != 0).then(|| Rejection {
            status: match self.format {
                Format::Tusd | Format::TusdV2 => 500,
                Format::Default | Format::V2 | Format::CloudEvents => 400,
            },
            headers: Vec::new(),
            body: String::from_utf8_lossy(&self.stderr).into_owned(),
        })
    }

    /// What a command that agreed has to say besides.
    fn response(&self) -> Result<HookResponse, Failure> {
        if self.format != Format::TusdV2 {
            return Ok(HookResponse::default());
        }
        if self.cut {
            return Err(Failure::InvalidAnswer(
                "it wrote more than `output-kib` under [limits] allows, so its answer on stdout \
                 is not whole"
                    .to_owned(),
            ));
        }
        HookResponse::parse(&self.stdout).map_err(|error| Failure::InvalidAnswer(error.to_string()))
    }
}

fn rejection(refusal: Refusal) -> Rejection {
    Rejection {
        status: refusal.status,
        headers: headers(refusal.header),
        body: refusal.body,
    }
}

fn headers(header: BTreeMap<String, String>) -> Vec<Header> {
    let field = |(name, value)| Header { name, value };
    header.into_iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i32, format: Format, stdout: &str) -> Exit {
        Exit {
            code,
            stdout: stdout.as_bytes().to_vec(),
            stderr: b"no\n".to_vec(),
            cut: false,
            format,
        }
    }

    #[test]
    fn an_exit_code_rejects_with_stderr_and_the_status_of_the_format() {
        for (format, status) in [
            (Format::Default, 400),
            (Format::V2, 400),
            (Format::CloudEvents, 400),
            (Format::Tusd, 500),
            (Format::TusdV2, 500),
        ] {
            for code in [1, 2, 126, 255, -1] {
                let Ok(GetDecision::Reject(rejection)) = exit(code, format, "").get() else {
                    panic!("{format}: {code}");
                };
                assert_eq!(
                    (rejection.status, rejection.body.as_str()),
                    (status, "no\n")
                );
            }
        }
    }

    #[test]
    fn stdout_means_something_in_one_format_only() {
        let reject = r#"{"RejectUpload": true}"#;
        for format in Format::ALL {
            let rejects = matches!(
                exit(0, format, reject).create(),
                Ok(CreateDecision::Reject(_))
            );
            assert_eq!(rejects, format == Format::TusdV2, "{format}");
        }
    }

    #[test]
    fn what_a_response_says_is_what_the_event_is_answered() {
        let run = |stdout: &str| exit(0, Format::TusdV2, stdout);
        let upload = r#"{"RejectUpload": true, "HTTPResponse": {
            "StatusCode": 418, "Body": "tea", "Header": {"X-Rule": "seven"}
        }}"#;
        let Ok(CreateDecision::Reject(created)) = run(upload).create() else {
            panic!("not rejected");
        };
        assert_eq!((created.status, created.body.as_str()), (418, "tea"));
        assert_eq!(created.headers.len(), 1);
        let Ok(TerminateDecision::Reject(kept)) = run(r#"{"RejectTermination": true}"#).terminate()
        else {
            panic!("not rejected");
        };
        assert_eq!(kept.status, 400);
        let error = r#"{"HTTPResponse": {"StatusCode": 403, "Body": "no"}}"#;
        assert!(matches!(run(error).get(), Ok(GetDecision::Reject(_))));
        assert!(matches!(run(error).finish(), Ok(FinishDecision::Reject(_))));
        let fine = r#"{"HTTPResponse": {"StatusCode": 200, "Body": "yes"}}"#;
        assert!(matches!(run(fine).get(), Ok(GetDecision::Proceed)));
        let Ok(FinishDecision::Proceed(changes)) = run(fine).finish() else {
            panic!("rejected");
        };
        assert_eq!(changes.status, Some(200));
        assert_eq!(changes.body.as_deref(), Some("yes"));
    }

    #[test]
    fn what_can_not_be_done_is_a_failure_and_not_dropped() {
        for stdout in [
            "a line for somebody to read",
            r#"{"HTTPResponse": {"StatusCode": 202}}"#,
        ] {
            let answer = exit(0, Format::TusdV2, stdout).create();
            assert!(matches!(answer, Err(Failure::InvalidAnswer(_))), "{stdout}");
        }
        let cut = Exit {
            cut: true,
            ..exit(0, Format::TusdV2, "{}")
        };
        assert!(matches!(cut.create(), Err(Failure::InvalidAnswer(_))));
    }

    #[test]
    fn a_notification_that_ends_with_a_code_may_be_told_again() {
        let told = |code| exit(code, Format::Default, "").heard(EventKind::PostCreate);
        assert!(told(0).is_ok());
        let failure = told(3).unwrap_err();
        assert_eq!(failure.retry(), Some(None));
        assert!(failure.to_string().contains("exit code 3: no"), "{failure}");
    }

    #[test]
    fn progress_can_be_stopped_and_nothing_else() {
        let answer = r#"{"StopUpload": true, "HTTPResponse": {"StatusCode": 403}}"#;
        let told = |kind| exit(0, Format::TusdV2, answer).heard(kind).unwrap();
        let Reaction::Stop(rejection) = told(EventKind::PostReceive) else {
            panic!("not stopped");
        };
        assert_eq!(rejection.status, 403);
        assert!(matches!(told(EventKind::PostCreate), Reaction::Done));
    }
}
