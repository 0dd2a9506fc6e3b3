//! What it means how a command ended.
//!
//! Exit code 0 lets a blocking event proceed, any other rejects it with what the
//! command wrote to stderr. In the format `tusd-v2`, stdout is tusd's hook
//! response and can do both with exit code 0, and more: change the upload, its
//! response, or stop it.

use rustus_events::{Format, HookResponse, HttpResponse};

use super::super::bindings::exports::rustus::hooks::notifications::Reaction;
use super::super::bindings::exports::rustus::hooks::pre_create::{CreateChanges, CreateDecision};
use super::super::bindings::exports::rustus::hooks::pre_finish::{FinishChanges, FinishDecision};
use super::super::bindings::exports::rustus::hooks::pre_get::GetDecision;
use super::super::bindings::exports::rustus::hooks::pre_terminate::TerminateDecision;
use super::super::bindings::rustus::hooks::types::{Header, MetadataEntry, Rejection};
use super::super::events::EventKind;
use super::super::failure::Failure;
use super::Exit;

/// The status that tusd gives its own rejections, when the hook names none.
const REJECTED: u16 = 400;

/// How much of stderr goes into the log line of a failure: enough for a reason,
/// since the whole of it stands in the log already.
const SAID: usize = 200;

impl Exit {
    /// The answer to `pre-create`.
    pub(in crate::plugins) fn create(self) -> Result<CreateDecision, Failure> {
        if let Some(rejection) = self.rejection() {
            return Ok(CreateDecision::Reject(rejection));
        }
        let response = self.response()?;
        let http = response.http_response;
        if response.reject_upload {
            let text = "ERR_UPLOAD_REJECTED: upload has been rejected by server\n";
            return Ok(CreateDecision::Reject(rejection(http, text)));
        }
        if http.status_code.is_some_and(|status| status != 201) || http.body.is_some() {
            return Err(Failure::InvalidAnswer(
                "HTTPResponse sets a status or a body for an upload that is created, and that \
                 answer is the protocol's; set RejectUpload, or only Header"
                    .to_owned(),
            ));
        }
        let change = response.change_file_info;
        let entries = |entries: Vec<rustus_events::MetadataEntry>| {
            let entry = |entry: rustus_events::MetadataEntry| MetadataEntry {
                key: entry.key,
                value: entry.value,
            };
            entries.into_iter().map(entry).collect()
        };
        Ok(CreateDecision::Proceed(CreateChanges {
            metadata: change.metadata.map(entries),
            id: change.id,
            path: change.path,
            headers: headers(&http),
        }))
    }

    /// The answer to `pre-finish`. tusd has no word for a rejection here; a
    /// status of an error is one.
    pub(in crate::plugins) fn finish(self) -> Result<FinishDecision, Failure> {
        if let Some(rejection) = self.rejection() {
            return Ok(FinishDecision::Reject(rejection));
        }
        let response = self.response()?;
        let rejects = is_rejection(&response);
        let http = response.http_response;
        if rejects {
            return Ok(FinishDecision::Reject(rejection(http, "")));
        }
        Ok(FinishDecision::Proceed(FinishChanges {
            status: http.status_code,
            headers: headers(&http),
            body: http.body,
        }))
    }

    /// The answer to `pre-get`, which tusd's responses do not know: as for
    /// `pre-finish`.
    pub(in crate::plugins) fn get(self) -> Result<GetDecision, Failure> {
        if let Some(rejection) = self.rejection() {
            return Ok(GetDecision::Reject(rejection));
        }
        let response = self.response()?;
        if is_rejection(&response) {
            return Ok(GetDecision::Reject(rejection(response.http_response, "")));
        }
        Ok(GetDecision::Proceed)
    }

    /// The answer to `pre-terminate`.
    pub(in crate::plugins) fn terminate(self) -> Result<TerminateDecision, Failure> {
        if let Some(rejection) = self.rejection() {
            return Ok(TerminateDecision::Reject(rejection));
        }
        let response = self.response()?;
        if response.reject_termination {
            let text = "ERR_UPLOAD_TERMINATION_REJECTED: \
                        upload termination has been rejected by server\n";
            let rejection = rejection(response.http_response, text);
            return Ok(TerminateDecision::Reject(rejection));
        }
        Ok(TerminateDecision::Proceed)
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
        if response.stop_upload && kind == EventKind::PostReceive {
            let text = "ERR_UPLOAD_STOPPED: upload has been stopped by server\n";
            return Ok(Reaction::Stop(rejection(response.http_response, text)));
        }
        Ok(Reaction::Done)
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

/// Whether the response of an event for which tusd has no word rejects it.
fn is_rejection(response: &HookResponse) -> bool {
    let status = response.http_response.status_code;
    response.reject_upload || status.is_some_and(|status| status >= 400)
}

/// A rejection as the hook wants it, with tusd's own text if it has none.
fn rejection(http: HttpResponse, text: &str) -> Rejection {
    Rejection {
        status: http.status_code.unwrap_or(REJECTED),
        headers: headers(&http),
        body: http.body.unwrap_or_else(|| text.to_owned()),
    }
}

fn headers(http: &HttpResponse) -> Vec<Header> {
    let header = |(name, value): (&String, &String)| Header {
        name: name.clone(),
        value: value.clone(),
    };
    http.header.iter().map(header).collect()
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
    fn each_event_has_its_own_word_for_a_rejection() {
        let run = |stdout: &str| exit(0, Format::TusdV2, stdout);
        let upload = r#"{"RejectUpload": true, "HTTPResponse": {"StatusCode": 418}}"#;
        let termination = r#"{"RejectTermination": true}"#;
        let Ok(CreateDecision::Reject(created)) = run(upload).create() else {
            panic!("not rejected");
        };
        assert_eq!(created.status, 418);
        let Ok(TerminateDecision::Reject(kept)) = run(termination).terminate() else {
            panic!("not rejected");
        };
        assert_eq!(kept.status, 400);
        assert!(kept.body.starts_with("ERR_UPLOAD_TERMINATION_REJECTED"));
        let create = run(termination).create();
        assert!(matches!(create, Ok(CreateDecision::Proceed(_))));
        let terminate = run(upload).terminate();
        assert!(matches!(terminate, Ok(TerminateDecision::Proceed)));
    }

    #[test]
    fn a_status_of_an_error_rejects_where_tusd_has_no_word_for_it() {
        let error = r#"{"HTTPResponse": {"StatusCode": 403, "Body": "no"}}"#;
        let fine = r#"{"HTTPResponse": {"StatusCode": 200, "Body": "yes"}}"#;
        let run = |stdout: &str| exit(0, Format::TusdV2, stdout);
        assert!(matches!(run(error).get(), Ok(GetDecision::Reject(_))));
        assert!(matches!(run(error).finish(), Ok(FinishDecision::Reject(_))));
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
            r#"{"HTTPResponse": {"Body": "created"}}"#,
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
