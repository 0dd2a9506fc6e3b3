//! Who has signed something, or why nobody has who counts.

use serde_json::{Map, Value, json};

use super::CommandError;
use super::outcome::Outcome;
use crate::oci::OciError;

/// Whose signatures count, or why none does.
pub(super) struct Signers(Result<Vec<String>, OciError>);

impl Signers {
    /// That nobody who counts has signed is something to be told; any other error
    /// is one.
    pub(super) fn of(judged: Result<Vec<String>, OciError>) -> Result<Self, CommandError> {
        match judged {
            Ok(signed_by) => Ok(Self(Ok(signed_by))),
            Err(refused @ OciError::Signature { .. }) => Ok(Self(Err(refused))),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn as_json(&self) -> Map<String, Value> {
        let (state, signed_by, problem) = match &self.0 {
            Ok(signed_by) => ("signed", signed_by.as_slice(), None),
            Err(refused) => ("refused", &[][..], Some(refused.to_string())),
        };
        Map::from_iter([
            ("state".to_owned(), json!(state)),
            ("signed_by".to_owned(), json!(signed_by)),
            ("problem".to_owned(), json!(problem)),
        ])
    }

    /// Adds to what is said that `what` is signed, or that it is not.
    pub(super) fn tell(self, outcome: &mut Outcome, what: &str) {
        match self.0 {
            Ok(signed_by) => {
                let line = format!("{what} is signed by {}", signed_by.join(" and by "));
                outcome.text.push(line);
            }
            Err(refused) => outcome.refused.push(refused),
        }
    }
}
