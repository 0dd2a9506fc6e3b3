//! What the response of a tusd 2 hook says to the event that it was asked about.
//!
//! tusd has a word of its own for rejecting a creation and for rejecting a removal,
//! and none for the other events that block: there a status of an error rejects.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use crate::hook_response::{ChangeFileInfo, HookResponse, HttpResponse};

/// The status that tusd gives its own rejections, when the hook names none.
const REJECTED: u16 = 400;

/// An answer to an event that blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling<T> {
    /// The request goes on, with what the hook has to say besides.
    Proceed(T),
    /// The request ends with this.
    Reject(Refusal),
}

/// What the client of a request gets that was rejected, or of an upload that was
/// stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Any number: whether it is a status that rejects is for the caller to check.
    pub status: u16,
    /// Header fields, names in any case.
    pub header: BTreeMap<String, String>,
    /// tusd's own text, if the hook has none.
    pub body: String,
}

/// What changes about an upload that may be created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Creation {
    /// What changes in the upload.
    pub upload: ChangeFileInfo,
    /// Header fields that the response to the client gets, names in any case.
    pub header: BTreeMap<String, String>,
}

/// The response sets what a hook can't choose about a creation: the status and the
/// body of the answer are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnfitForCreation;

impl fmt::Display for UnfitForCreation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "HTTPResponse sets a status or a body for an upload that is created, and that answer \
             is the protocol's; set RejectUpload, or only Header",
        )
    }
}

impl Error for UnfitForCreation {}

impl HookResponse {
    /// To `pre-create`.
    ///
    /// # Errors
    /// It sets a status other than 201, or a body, and does not reject.
    pub fn on_create(self) -> Result<Ruling<Creation>, UnfitForCreation> {
        let http = self.http_response;
        if self.reject_upload {
            let text = "ERR_UPLOAD_REJECTED: upload has been rejected by server\n";
            return Ok(Ruling::Reject(Refusal::of(http, text)));
        }
        if http.status_code.is_some_and(|status| status != 201) || http.body.is_some() {
            return Err(UnfitForCreation);
        }
        Ok(Ruling::Proceed(Creation {
            upload: self.change_file_info,
            header: http.header,
        }))
    }

    /// To `pre-finish`: how the response to the client changes.
    #[must_use]
    pub fn on_finish(self) -> Ruling<HttpResponse> {
        let status = self.http_response.status_code;
        if self.reject_upload || status.is_some_and(|status| status >= 400) {
            return Ruling::Reject(Refusal::of(self.http_response, ""));
        }
        Ruling::Proceed(self.http_response)
    }

    /// To `pre-get`, of which tusd does not know: as to `pre-finish`, and nothing
    /// changes.
    #[must_use]
    pub fn on_get(self) -> Ruling<()> {
        match self.on_finish() {
            Ruling::Reject(refusal) => Ruling::Reject(refusal),
            Ruling::Proceed(_) => Ruling::Proceed(()),
        }
    }

    /// To `pre-terminate`.
    #[must_use]
    pub fn on_terminate(self) -> Ruling<()> {
        if !self.reject_termination {
            return Ruling::Proceed(());
        }
        let text = "ERR_UPLOAD_TERMINATION_REJECTED: \
                    upload termination has been rejected by server\n";
        Ruling::Reject(Refusal::of(self.http_response, text))
    }

    /// To `post-receive`: what the client gets if the upload is to be stopped.
    #[must_use]
    pub fn on_receive(self) -> Option<Refusal> {
        let text = "ERR_UPLOAD_STOPPED: upload has been stopped by server\n";
        self.stop_upload
            .then(|| Refusal::of(self.http_response, text))
    }
}

impl Refusal {
    fn of(http: HttpResponse, text: &str) -> Self {
        Self {
            status: http.status_code.unwrap_or(REJECTED),
            header: http.header,
            body: http.body.unwrap_or_else(|| text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answer: &str) -> HookResponse {
        HookResponse::parse(answer.as_bytes()).unwrap()
    }

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal {
            status,
            header: BTreeMap::new(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn each_event_has_its_own_word_for_a_rejection() {
        let upload =
            r#"{"RejectUpload": true, "HTTPResponse": {"StatusCode": 418, "Body": "tea"}}"#;
        let tea = refusal(418, "tea");
        assert_eq!(said(upload).on_create(), Ok(Ruling::Reject(tea.clone())));
        assert_eq!(said(upload).on_terminate(), Ruling::Proceed(()));
        assert_eq!(said(upload).on_finish(), Ruling::Reject(tea));

        let termination = r#"{"RejectTermination": true}"#;
        let Ruling::Reject(kept) = said(termination).on_terminate() else {
            panic!("not rejected");
        };
        assert_eq!(kept.status, 400);
        assert!(kept.body.starts_with("ERR_UPLOAD_TERMINATION_REJECTED"));
        let created = said(termination).on_create();
        assert_eq!(created, Ok(Ruling::Proceed(Creation::default())));
    }

    #[test]
    fn a_status_of_an_error_rejects_where_tusd_has_no_word_for_it() {
        let error = r#"{"HTTPResponse": {"StatusCode": 403}}"#;
        assert_eq!(said(error).on_get(), Ruling::Reject(refusal(403, "")));
        assert_eq!(said(error).on_finish(), Ruling::Reject(refusal(403, "")));
        let fine = r#"{"HTTPResponse": {"StatusCode": 200, "Body": "yes"}}"#;
        assert_eq!(said(fine).on_get(), Ruling::Proceed(()));
        let Ruling::Proceed(response) = said(fine).on_finish() else {
            panic!("rejected");
        };
        assert_eq!(response.status_code, Some(200));
        assert_eq!(response.body.as_deref(), Some("yes"));
    }

    #[test]
    fn a_creation_is_changed_and_its_answer_only_in_header_fields() {
        let answer =
            r#"{"ChangeFileInfo": {"ID": "mine"}, "HTTPResponse": {"Header": {"A": "b"}}}"#;
        let Ok(Ruling::Proceed(creation)) = said(answer).on_create() else {
            panic!("not created");
        };
        assert_eq!(creation.upload.id.as_deref(), Some("mine"));
        assert_eq!(creation.header["A"], "b");
        let usual = said(r#"{"HTTPResponse": {"StatusCode": 201}}"#);
        assert!(matches!(usual.on_create(), Ok(Ruling::Proceed(_))));
        for answer in [
            r#"{"HTTPResponse": {"StatusCode": 202}}"#,
            r#"{"HTTPResponse": {"Body": "created"}}"#,
        ] {
            assert_eq!(said(answer).on_create(), Err(UnfitForCreation), "{answer}");
        }
    }

    #[test]
    fn an_upload_is_stopped_by_its_own_word_alone() {
        let stop = r#"{"StopUpload": true, "HTTPResponse": {"StatusCode": 413, "Body": "enough"}}"#;
        assert_eq!(said(stop).on_receive(), Some(refusal(413, "enough")));
        let rejects = r#"{"RejectUpload": true, "HTTPResponse": {"StatusCode": 413}}"#;
        assert_eq!(said(rejects).on_receive(), None);
    }
}
