//! What an answer means.

use std::collections::BTreeMap;

use rustus_events::{
    ChangeFileInfo, Creation, Format, HookResponse, HttpResponse, Refusal, Ruling,
};
use rustus_hook::prelude::*;
use rustus_hook::{Header, MetadataEntry};

use crate::exchange::Answer;

/// What somebody who was asked said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Yes, with what a hook of tusd 2 has to say besides.
    Proceed(Box<HookResponse>),
    /// No.
    Reject(Rejection),
}

/// Reads an answer by its status.
///
/// # Errors
/// It is neither a yes nor a no, in words that go on "the server ...".
pub(crate) fn judge(answer: Answer, format: Format) -> Result<Outcome, String> {
    match answer.status {
        200..=299 if format == Format::TusdV2 => HookResponse::parse(&answer.body)
            .map(|response| Outcome::Proceed(Box::new(response)))
            .map_err(|error| format!("answered {}, but {error}", answer.status)),
        200..=299 => Ok(Outcome::Proceed(Box::default())),
        400..=599 => Ok(Outcome::Reject(passed_on(answer))),
        300..=399 => Err(format!(
            "answered {}, and a redirect is no approval; name the URL that it leads to, or let \
             307 and 308 be followed with --hooks-http-follow-redirects",
            answer.status
        )),
        status => Err(format!(
            "answered {status}, which is neither a yes (200 to 299) nor a no (400 to 599)"
        )),
    }
}

/// A rejection as the client gets it.
fn passed_on(answer: Answer) -> Rejection {
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let rejection = Rejection::new(answer.status, body);
    let is_text = |value: &String| value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match answer.content_type.filter(is_text) {
        Some(content_type) => rejection.header("content-type", content_type),
        None => rejection,
    }
}

/// The answers of all who agreed as one. What a later one says replaces what an
/// earlier one said.
pub(crate) fn together(answers: Vec<HookResponse>) -> HookResponse {
    answers
        .into_iter()
        .fold(HookResponse::default(), |mut all, one| {
            let HttpResponse {
                status_code,
                body,
                header,
            } = one.http_response;
            all.http_response.status_code = status_code.or(all.http_response.status_code);
            all.http_response.body = body.or(all.http_response.body);
            all.http_response.header.extend(header);
            let ChangeFileInfo { id, metadata, path } = one.change_file_info;
            all.change_file_info.id = id.or(all.change_file_info.id);
            all.change_file_info.metadata = metadata.or(all.change_file_info.metadata);
            all.change_file_info.path = path.or(all.change_file_info.path);
            all.reject_upload |= one.reject_upload;
            all.reject_termination |= one.reject_termination;
            all.stop_upload |= one.stop_upload;
            all
        })
}

/// The answer to `pre-create`.
pub(crate) fn create(outcome: Outcome) -> Result<CreateDecision, HookError> {
    let response = match outcome {
        Outcome::Reject(rejection) => return Ok(CreateDecision::Reject(rejection)),
        Outcome::Proceed(response) => *response,
    };
    let ruling = response.on_create();
    let ruling = ruling.map_err(|error| HookError::other(error.to_string()))?;
    let Creation { upload, header } = match ruling {
        Ruling::Reject(refusal) => return Ok(CreateDecision::Reject(rejection(refusal))),
        Ruling::Proceed(creation) => creation,
    };
    let mut decision = CreateDecision::proceed();
    if let CreateDecision::Proceed(changes) = &mut decision {
        changes.id = upload.id;
        changes.path = upload.path;
        let metadata = upload.metadata;
        changes.metadata = metadata.map(|entries| entries.into_iter().map(entry).collect());
        changes.headers = headers(header);
    }
    Ok(decision)
}

/// The answer to `pre-finish`.
pub(crate) fn finish(outcome: Outcome) -> Result<FinishDecision, HookError> {
    let response = match outcome {
        Outcome::Reject(rejection) => return Ok(FinishDecision::Reject(rejection)),
        Outcome::Proceed(response) => *response,
    };
    let http = match response.on_finish() {
        Ruling::Reject(refusal) => return Ok(FinishDecision::Reject(rejection(refusal))),
        Ruling::Proceed(http) => http,
    };
    let mut decision = FinishDecision::proceed();
    if let FinishDecision::Proceed(changes) = &mut decision {
        changes.status = http.status_code;
        changes.headers = headers(http.header);
        changes.body = http.body;
    }
    Ok(decision)
}

/// The answer to `pre-get`.
pub(crate) fn get(outcome: Outcome) -> Result<GetDecision, HookError> {
    let response = match outcome {
        Outcome::Reject(rejection) => return Ok(GetDecision::Reject(rejection)),
        Outcome::Proceed(response) => *response,
    };
    Ok(match response.on_get() {
        Ruling::Reject(refusal) => GetDecision::Reject(rejection(refusal)),
        Ruling::Proceed(()) => GetDecision::Proceed,
    })
}

/// The answer to `pre-terminate`.
pub(crate) fn terminate(outcome: Outcome) -> Result<TerminateDecision, HookError> {
    let response = match outcome {
        Outcome::Reject(rejection) => return Ok(TerminateDecision::Reject(rejection)),
        Outcome::Proceed(response) => *response,
    };
    Ok(match response.on_terminate() {
        Ruling::Reject(refusal) => TerminateDecision::Reject(rejection(refusal)),
        Ruling::Proceed(()) => TerminateDecision::Proceed,
    })
}

/// What to do about a notification that was taken in.
pub(crate) fn reaction(response: HookResponse, what: Notification) -> Reaction {
    match (what, response.on_receive()) {
        (Notification::PostReceive, Some(refusal)) => Reaction::Stop(rejection(refusal)),
        _ => Reaction::Done,
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

fn entry(entry: rustus_events::MetadataEntry) -> MetadataEntry {
    MetadataEntry {
        key: entry.key,
        value: entry.value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: Option<&str>, body: &str) -> Answer {
        Answer {
            status,
            content_type: content_type.map(str::to_owned),
            body: body.into(),
            ..Answer::default()
        }
    }

    fn said(body: &str) -> Outcome {
        judge(answer(200, None, body), Format::TusdV2).unwrap()
    }

    #[test]
    fn the_status_is_the_answer() {
        for status in [200, 201, 204, 299] {
            let yes = judge(answer(status, None, "garbage"), Format::Default).unwrap();
            assert_eq!(yes, Outcome::Proceed(Box::default()), "{status}");
        }
        for status in [400, 404, 500, 599] {
            let no = judge(answer(status, Some("text/x"), "no"), Format::Default).unwrap();
            let expected = Rejection::new(status, "no").header("content-type", "text/x");
            assert_eq!(no, Outcome::Reject(expected), "{status}");
        }
        for status in [100, 199, 300, 302, 304, 307, 399, 600, 999] {
            assert!(
                judge(answer(status, None, ""), Format::Default).is_err(),
                "{status}"
            );
        }
    }

    #[test]
    fn a_content_type_that_no_client_could_get_is_left_out() {
        let no = judge(answer(400, Some("text/ü"), "no"), Format::Default).unwrap();
        assert_eq!(no, Outcome::Reject(Rejection::new(400, "no")));
    }

    #[test]
    fn the_body_means_something_in_one_format_only() {
        let reject = answer(200, None, r#"{"RejectUpload": true}"#);
        for format in Format::ALL {
            let decision = create(judge(reject.clone(), format).unwrap()).unwrap();
            let rejects = matches!(decision, CreateDecision::Reject(_));
            assert_eq!(rejects, format == Format::TusdV2, "{format}");
        }
        let error = judge(answer(200, None, "ok"), Format::TusdV2).unwrap_err();
        assert!(
            error.contains("expected nothing, or a JSON object"),
            "{error}"
        );
    }

    #[test]
    fn what_a_hook_of_tusd_changes_is_changed() {
        let outcome = said(
            r#"{"ChangeFileInfo": {"ID": "mine", "MetaData": {"a": "b"}, "Storage": {"Path": "p"}},
                "HTTPResponse": {"Header": {"X-A": "b"}}}"#,
        );
        let expected = CreateDecision::proceed()
            .with_id("mine")
            .with_path("p")
            .with_metadata(Metadata::new().set("a", "b"))
            .with_header("X-A", "b");
        assert_eq!(create(outcome), Ok(expected));
        let outcome = said(r#"{"HTTPResponse": {"StatusCode": 200, "Body": "yes"}}"#);
        let expected = FinishDecision::proceed().with_status(200).with_body("yes");
        assert_eq!(finish(outcome), Ok(expected));
        let status = said(r#"{"HTTPResponse": {"StatusCode": 200}}"#);
        assert!(matches!(create(status), Err(HookError::Other(_))));
    }

    #[test]
    fn what_a_response_rejects_is_rejected() {
        let upload =
            said(r#"{"RejectUpload": true, "HTTPResponse": {"StatusCode": 418, "Body": "tea"}}"#);
        assert_eq!(
            create(upload),
            Ok(CreateDecision::Reject(Rejection::new(418, "tea")))
        );
        let Ok(TerminateDecision::Reject(kept)) = terminate(said(r#"{"RejectTermination": true}"#))
        else {
            panic!("not rejected");
        };
        assert_eq!(kept.status, 400);
        let error = || said(r#"{"HTTPResponse": {"StatusCode": 403}}"#);
        let no = || Rejection::new(403, "");
        assert_eq!(finish(error()), Ok(FinishDecision::Reject(no())));
        assert_eq!(get(error()), Ok(GetDecision::Reject(no())));
    }

    #[test]
    fn only_post_receive_stops_an_upload() {
        let response = || HookResponse::parse(br#"{"StopUpload": true}"#).unwrap();
        let stop = reaction(response(), Notification::PostReceive);
        assert!(matches!(stop, Reaction::Stop(rejection) if rejection.status == 400));
        assert_eq!(
            reaction(response(), Notification::PostFinish),
            Reaction::Done
        );
    }

    #[test]
    fn a_later_answer_replaces_what_an_earlier_one_said() {
        let answers = [
            r#"{"ChangeFileInfo": {"ID": "a", "MetaData": {"x": "1"}}, "HTTPResponse": {"Header": {"A": "1"}}}"#,
            r#"{"ChangeFileInfo": {"ID": "b"}, "HTTPResponse": {"Header": {"B": "2"}}}"#,
        ];
        let all = together(
            answers
                .map(|text| HookResponse::parse(text.as_bytes()).unwrap())
                .into(),
        );
        assert_eq!(all.change_file_info.id.as_deref(), Some("b"));
        assert_eq!(
            all.change_file_info.metadata.map(|entries| entries.len()),
            Some(1)
        );
        assert_eq!(all.http_response.header.len(), 2);
    }
}
