//! Notifications. The server delivers again what was not taken in.

use std::time::{Duration, SystemTime};

use rustus_hook::prelude::*;

use crate::ask::attempt;
use crate::exchange::Answer;
use crate::letter::Letter;
use crate::no_answer::NoAnswer;
use crate::settings::Settings;
use crate::target::Target;
use crate::verdict::{self, Outcome, judge};
use crate::waiting;

/// Tells all at the same time. What one of them did not take in is delivered
/// again, to all.
pub(crate) async fn all(
    settings: &Settings,
    letter: &Letter,
    what: Notification,
) -> Result<Reaction, HookError> {
    let told = settings
        .told
        .iter()
        .map(|target| one(settings, target, letter, what));
    let said = waiting::all(told, |_| false).await;
    let mut reaction = Reaction::Done;
    for said in said.into_iter().flatten() {
        match said? {
            Reaction::Done => {}
            stop => reaction = stop,
        }
    }
    Ok(reaction)
}

async fn one(
    settings: &Settings,
    target: &Target,
    letter: &Letter,
    what: Notification,
) -> Result<Reaction, HookError> {
    let server = target.server();
    let answer = match attempt(settings, target, letter).await {
        Ok(answer) => answer,
        Err(cause) => {
            return Err(NoAnswer {
                server,
                attempts: 1,
                cause,
            }
            .into());
        }
    };
    if let Some(error) = not_taken(&server, &answer) {
        return Err(error);
    }
    match judge(answer, settings.format) {
        Ok(Outcome::Proceed(response)) => Ok(verdict::reaction(*response, what)),
        Ok(Outcome::Reject(_)) => Ok(Reaction::Done),
        Err(problem) => Err(HookError::permanent(format!("{server} {problem}"))),
    }
}

/// The error that an answer is: one to try again, or one for good.
fn not_taken(server: &str, answer: &Answer) -> Option<HookError> {
    let said = format!("{server} answered {}", answer.status);
    match answer.status {
        200..=299 => None,
        408 | 429 | 500..=599 => {
            let Some(wait) = answer.retry_after.as_deref().and_then(retry_after) else {
                return Some(HookError::other(format!("{said}; see what it logs")));
            };
            log::warn(&format!("{said} and wants to be asked later"), &[]);
            Some(HookError::retry_after(wait))
        }
        _ => Some(HookError::permanent(format!(
            "{said}, which is final; see whether the URL is right and what it logs"
        ))),
    }
}

/// `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value.trim()).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, retry_after: Option<&str>) -> Option<HookError> {
        let retry_after = retry_after.map(str::to_owned);
        let answer = Answer {
            status,
            retry_after,
            ..Answer::default()
        };
        not_taken("http://a", &answer)
    }

    #[test]
    fn what_may_pass_is_tried_again_and_the_rest_is_final() {
        assert_eq!(error(204, None), None);
        for status in [408, 429, 500, 503, 599] {
            assert!(
                matches!(error(status, None), Some(HookError::Other(_))),
                "{status}"
            );
            let later = error(status, Some("7"));
            assert_eq!(later, Some(HookError::Retry(Some(7000))), "{status}");
        }
        for status in [101, 301, 307, 400, 401, 404, 410, 499, 600] {
            let error = error(status, Some("7"));
            assert!(matches!(error, Some(HookError::Permanent(_))), "{status}");
        }
    }

    #[test]
    fn a_date_is_as_good_as_seconds() {
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            retry_after("Fri, 31 Dec 1999 23:59:59 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("soon"), None);
    }
}
