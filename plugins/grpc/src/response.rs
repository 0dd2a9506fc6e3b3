//! From what the service answered to a decision.
//!
//! The messages were made for tusd, which lets a hook reject a creation and stop an
//! upload, and nothing else. Here a status of 400 or above rejects in every event
//! that blocks.

use rustus_hook::prelude::*;
use rustus_hook::{Header, HookError, MetadataEntry};

use crate::messages::{FileInfoChanges, HookResponse, HttpResponse};

/// The status where the service names none.
const DEFAULT_STATUS: u16 = 400;

pub(crate) fn create(answer: HookResponse) -> Result<CreateDecision, HookError> {
    let rejects = answer.reject_upload;
    let http = answer.http_response.unwrap_or_default();
    if let Some(rejection) = rejection(&http, rejects, "The upload is rejected.")? {
        return Ok(CreateDecision::reject(rejection));
    }
    let FileInfoChanges {
        id,
        meta_data,
        mut storage,
    } = answer.change_file_info.unwrap_or_default();
    let mut decision = CreateDecision::proceed();
    for (name, value) in &http.header {
        decision = decision.with_header(name, value);
    }
    if !id.is_empty() {
        decision = decision.with_id(id);
    }
    if let Some(path) = storage.remove("Path").filter(|path| !path.is_empty()) {
        decision = decision.with_path(path);
    }
    // An empty map cannot be told from none.
    if !meta_data.is_empty() {
        let entry = |(key, value): (String, String)| MetadataEntry {
            key,
            value: value.into_bytes(),
        };
        let entries: Vec<MetadataEntry> = meta_data.into_iter().map(entry).collect();
        decision = decision.with_metadata(entries);
    }
    Ok(decision)
}

pub(crate) fn finish(answer: HookResponse) -> Result<FinishDecision, HookError> {
    let http = answer.http_response.unwrap_or_default();
    if let Some(rejection) = rejection(&http, false, "The upload is not accepted.")? {
        return Ok(FinishDecision::reject(rejection));
    }
    let mut decision = FinishDecision::proceed();
    if let Some(status) = status(&http)? {
        decision = decision.with_status(status);
    }
    for (name, value) in &http.header {
        decision = decision.with_header(name, value);
    }
    if !http.body.is_empty() {
        decision = decision.with_body(http.body);
    }
    Ok(decision)
}

pub(crate) fn get(answer: HookResponse) -> Result<GetDecision, HookError> {
    let http = answer.http_response.unwrap_or_default();
    let rejection = rejection(&http, false, "The upload is not served.")?;
    Ok(rejection.map_or(GetDecision::Proceed, GetDecision::reject))
}

pub(crate) fn terminate(answer: HookResponse) -> Result<TerminateDecision, HookError> {
    let http = answer.http_response.unwrap_or_default();
    let rejection = rejection(&http, false, "The upload stays.")?;
    Ok(rejection.map_or(TerminateDecision::Proceed, TerminateDecision::reject))
}

pub(crate) fn reaction(what: Notification, answer: HookResponse) -> Result<Reaction, HookError> {
    if what != Notification::PostReceive || !answer.stop_upload {
        return Ok(Reaction::Done);
    }
    let http = answer.http_response.unwrap_or_default();
    let rejection = rejection(&http, true, "The upload is stopped.")?;
    Ok(rejection.map_or(Reaction::Done, Reaction::stop))
}

/// What the client is answered, if `asked` or the status says that it is refused.
fn rejection(http: &HttpResponse, asked: bool, text: &str) -> Result<Option<Rejection>, HookError> {
    let status = status(http)?.filter(|status| *status >= 400);
    let status = match (status, asked) {
        (None, false) => return Ok(None),
        (None, true) => DEFAULT_STATUS,
        (Some(status), _) => status,
    };
    let body = match http.body.as_str() {
        "" => text,
        body => body,
    };
    let headers = http
        .header
        .iter()
        .map(|(name, value)| Header::new(name, value));
    Ok(Some(Rejection {
        status,
        headers: headers.collect(),
        body: body.to_owned(),
    }))
}

/// The status, if the service names one.
fn status(http: &HttpResponse) -> Result<Option<u16>, HookError> {
    match http.status_code {
        0 => Ok(None),
        code => match u16::try_from(code) {
            Ok(status @ 100..=599) => Ok(Some(status)),
            _ => Err(HookError::other(format!(
                "the service answered the status {code}, which is none of HTTP"
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn answered(status_code: i64, body: &str) -> HookResponse {
        HookResponse {
            http_response: Some(HttpResponse {
                status_code,
                header: BTreeMap::from([("x-why".to_owned(), "rule".to_owned())]),
                body: body.to_owned(),
            }),
            ..HookResponse::default()
        }
    }

    fn refused(status: u16, body: &str) -> Rejection {
        Rejection::new(status, body).header("x-why", "rule")
    }

    #[test]
    fn an_empty_answer_changes_nothing() {
        let empty = HookResponse::default;
        assert_eq!(create(empty()), Ok(CreateDecision::proceed()));
        assert_eq!(finish(empty()), Ok(FinishDecision::proceed()));
        assert_eq!(get(empty()), Ok(GetDecision::Proceed));
        assert_eq!(terminate(empty()), Ok(TerminateDecision::Proceed));
        let told = reaction(Notification::PostReceive, empty());
        assert_eq!(told, Ok(Reaction::Done));
    }

    #[test]
    fn a_status_of_400_or_above_rejects_everywhere() {
        let answer = || answered(403, "no");
        let no = || refused(403, "no");
        assert_eq!(create(answer()), Ok(CreateDecision::reject(no())));
        assert_eq!(finish(answer()), Ok(FinishDecision::reject(no())));
        assert_eq!(get(answer()), Ok(GetDecision::reject(no())));
        assert_eq!(terminate(answer()), Ok(TerminateDecision::reject(no())));
    }

    #[test]
    fn reject_upload_rejects_a_creation_with_400_if_it_names_no_other_status() {
        for (status, expected) in [(0, 400), (200, 400), (451, 451)] {
            let answer = HookResponse {
                reject_upload: true,
                ..answered(status, "")
            };
            let text = "The upload is rejected.";
            let expected = CreateDecision::reject(refused(expected, text));
            assert_eq!(create(answer), Ok(expected));
        }
    }

    #[test]
    fn a_creation_is_changed_in_what_is_set() {
        let text = |text: &str| text.to_owned();
        let answer = HookResponse {
            change_file_info: Some(FileInfoChanges {
                id: text("mine"),
                meta_data: BTreeMap::from([(text("a"), text("b"))]),
                storage: BTreeMap::from([(text("Path"), text("in/here"))]),
            }),
            ..answered(0, "")
        };
        let expected = CreateDecision::proceed()
            .with_header("x-why", "rule")
            .with_id("mine")
            .with_path("in/here")
            .with_metadata(Metadata::new().set("a", "b"));
        assert_eq!(create(answer), Ok(expected));
    }

    #[test]
    fn the_answer_to_a_finish_may_be_changed() {
        let expected = FinishDecision::proceed()
            .with_status(201)
            .with_header("x-why", "rule")
            .with_body("thanks");
        assert_eq!(finish(answered(201, "thanks")), Ok(expected));
    }

    #[test]
    fn only_progress_stops_an_upload() {
        let answer = || HookResponse {
            stop_upload: true,
            ..answered(413, "enough")
        };
        let stop = Reaction::stop(refused(413, "enough"));
        assert_eq!(reaction(Notification::PostReceive, answer()), Ok(stop));
        let told = reaction(Notification::PostFinish, answer());
        assert_eq!(told, Ok(Reaction::Done));
    }

    #[test]
    fn a_status_that_there_is_not_is_an_error() {
        for status in [-1, 42, 600, 70_000] {
            assert!(create(answered(status, "")).is_err(), "{status}");
        }
    }
}
