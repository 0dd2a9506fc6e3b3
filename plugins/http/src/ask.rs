//! Attempts, and questions to all.

use std::time::{SystemTime, UNIX_EPOCH};

use rustus_events::HookResponse;
use rustus_hook::HookError;

use crate::exchange::{self, Answer};
use crate::letter::Letter;
use crate::no_answer::{Cause, NoAnswer};
use crate::settings::Settings;
use crate::target::Target;
use crate::verdict::{Outcome, judge, together};
use crate::waiting;

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// Puts a question to all at the same time. The first rejection wins, also over
/// those who could not answer; all others have to agree.
pub(crate) async fn all(settings: &Settings, letter: &Letter) -> Result<Outcome, HookError> {
    let asked = settings
        .targets
        .iter()
        .map(|target| one(settings, target, letter));
    let is_rejection = |said: &Result<Outcome, HookError>| matches!(said, Ok(Outcome::Reject(_)));
    let said = waiting::all(asked, is_rejection).await;
    let mut agreed: Vec<HookResponse> = Vec::new();
    let mut failed = None;
    for said in said.into_iter().flatten() {
        match said {
            Ok(Outcome::Reject(rejection)) => return Ok(Outcome::Reject(rejection)),
            Ok(Outcome::Proceed(response)) => agreed.push(*response),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(Outcome::Proceed(Box::new(together(agreed)))),
    }
}

/// Asks one until it answers, or was asked often enough.
async fn one(settings: &Settings, target: &Target, letter: &Letter) -> Result<Outcome, HookError> {
    let mut attempts = 0;
    let answer = loop {
        attempts += 1;
        match attempt(settings, target, letter).await {
            Ok(answer) => break answer,
            Err(cause) if cause.is_settled() || attempts > settings.retries => {
                let server = target.server();
                return Err(NoAnswer {
                    server,
                    attempts,
                    cause,
                }
                .into());
            }
            Err(_) => waiting::sleep(settings.backoff).await,
        }
    };
    judge(answer, settings.format)
        .map_err(|problem| HookError::other(format!("{} {problem}", target.server())))
}

/// Posts once, and follows redirects if that is wanted.
pub(crate) async fn attempt(
    settings: &Settings,
    target: &Target,
    letter: &Letter,
) -> Result<Answer, Cause> {
    waiting::within(settings.timeout, follow(settings, target, letter))
        .await
        .unwrap_or(Err(Cause::Late(settings.timeout)))
}

async fn follow(settings: &Settings, named: &Target, letter: &Letter) -> Result<Answer, Cause> {
    let mut target = named.clone();
    for _ in 0..=REDIRECTS {
        let elsewhere = target.server() != named.server();
        let key = settings.key.as_ref().map(|key| (key, now()));
        let fields = letter.fields(&target, elsewhere, key);
        let answer = exchange::post(&target, fields, &letter.body).await;
        let answer = answer.map_err(Cause::Failed)?;
        // Only these keep the method and the body (RFC 9110, section 15.4).
        if !settings.follow_redirects || !matches!(answer.status, 307 | 308) {
            return Ok(answer);
        }
        let location = answer
            .location
            .ok_or_else(|| lost("it redirects without a `Location`"))?;
        target = target.redirected(&location).map_err(Cause::Lost)?;
    }
    Err(lost("it redirects without an end"))
}

/// Seconds of the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn lost(why: &str) -> Cause {
    Cause::Lost(why.to_owned())
}
