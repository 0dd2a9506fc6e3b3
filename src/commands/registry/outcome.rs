//! What came of a command: in words for people, and as one object for programs.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::{CommandError, Reference};
use crate::oci::{CONFIG_TYPE, Digest, LAYER_TYPE, MANIFEST_TYPE, OciError};

/// What was looked at is not as it should be, and what is printed says so.
const NOT_WELL: u8 = 1;

/// What came of a command.
pub(super) struct Outcome {
    /// Line by line.
    pub(super) text: Vec<String>,
    pub(super) json: Map<String, Value>,
    /// What is not signed as it must be. An error for people; programs have it in
    /// the object.
    pub(super) refused: Vec<OciError>,
}

impl Outcome {
    /// That of a command which did all that it was asked for.
    pub(super) const fn of(text: Vec<String>, json: Map<String, Value>) -> Self {
        Self {
            text,
            json,
            refused: Vec::new(),
        }
    }

    /// Prints it. The exit code says whether anything was refused.
    pub(super) fn print(self, json: bool, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
        if json {
            writeln!(out, "{}", Value::Object(self.json))?;
            return Ok(match self.refused.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(NOT_WELL),
            });
        }
        for line in &self.text {
            writeln!(out, "{line}")?;
        }
        match self.refused.is_empty() {
            true => Ok(ExitCode::SUCCESS),
            false => Err(CommandError::NotSigned(self.refused)),
        }
    }
}

/// The repository and the digest: what names a module for good.
pub(super) fn pinned(reference: &Reference, digest: &Digest) -> String {
    format!("{}/{}@{digest}", reference.host(), reference.repository())
}

/// How a module is called.
pub(super) fn named(reference: &Reference, digest: &Digest) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("reference".to_owned(), json!(reference.to_string()));
    object.insert("pinned".to_owned(), json!(pinned(reference, digest)));
    object.insert("digest".to_owned(), json!(digest.to_string()));
    object
}

/// How a module is called, and what it is: size and digest are its own.
pub(super) fn described(
    reference: &Reference,
    digest: &Digest,
    module: &[u8],
) -> Map<String, Value> {
    let mut object = named(reference, digest);
    let module_digest = Digest::of(module).to_string();
    object.insert("module_digest".to_owned(), json!(module_digest));
    object.insert("size".to_owned(), json!(module.len()));
    let types = json!({
        "manifest": MANIFEST_TYPE,
        "config": CONFIG_TYPE,
        "module": LAYER_TYPE,
    });
    object.insert("media_types".to_owned(), types);
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_an_error_for_people_and_a_part_of_the_object_for_programs() {
        let outcome = || Outcome {
            text: vec!["one".to_owned()],
            json: Map::from_iter([("two".to_owned(), json!(2))]),
            refused: vec![OciError::Imports("three".to_owned())],
        };
        let mut printed = Vec::new();
        let error = outcome().print(false, &mut printed).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), &*printed),
            ("three", &b"one\n"[..])
        );
        printed.clear();
        let code = outcome().print(true, &mut printed).unwrap();
        assert_eq!(code, ExitCode::from(NOT_WELL));
        assert_eq!(printed, b"{\"two\":2}\n");
    }
}
