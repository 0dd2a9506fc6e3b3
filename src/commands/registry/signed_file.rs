//! `rustus plugin verify` of a module in a file, with a signature beside it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use super::CommandError;
use super::outcome::Outcome;
use crate::oci::{Digest, OciError, Trust};

/// What the name of a signature beside a file ends with, as those of sigstore's
/// tools do.
const EXTENSION: &str = ".sigstore.json";

/// What every module begins with.
const MAGIC: [u8; 4] = *b"\0asm";

/// Whether the file is a module, and no archive of them.
pub(super) fn is_module(file: &Path) -> io::Result<bool> {
    let mut begins = Vec::new();
    let opened = File::open(file)?.take(MAGIC.len() as u64);
    io::BufReader::new(opened).read_to_end(&mut begins)?;
    Ok(begins == MAGIC)
}

/// Looks at the signature of `file`, which is in `bundle` or beside it.
pub(super) fn run(
    file: &Path,
    bundle: Option<&Path>,
    trust: &Trust,
) -> Result<Outcome, CommandError> {
    let bundle = bundle.map_or_else(|| beside(file), Path::to_owned);
    if !bundle.exists() {
        return Err(CommandError::Flags(format!(
            "{} has no signature beside it: there is no {}; name the file with its bundle with \
             --bundle (`cosign sign-blob --bundle` writes one)",
            file.display(),
            bundle.display()
        )));
    }
    let module = read(file)?;
    let judged = match trust.judge_file(&module, &read(&bundle)?) {
        Ok(signed_by) => Ok(signed_by),
        Err(refused @ OciError::Signature { .. }) => Err(refused),
        Err(error) => return Err(error.into()),
    };
    let (state, signed_by, problem) = match &judged {
        Ok(signed_by) => ("signed", signed_by.as_slice(), None),
        Err(refused) => ("refused", &[][..], Some(refused.to_string())),
    };
    let json = Map::from_iter([
        ("file".to_owned(), json!(file)),
        ("bundle".to_owned(), json!(bundle)),
        (
            "module_digest".to_owned(),
            json!(Digest::of(&module).to_string()),
        ),
        ("size".to_owned(), json!(module.len())),
        ("state".to_owned(), json!(state)),
        ("signed_by".to_owned(), json!(signed_by)),
        ("problem".to_owned(), json!(problem)),
    ]);
    let mut outcome = Outcome::of(Vec::new(), json);
    match judged {
        Ok(signed_by) => outcome.text.push(format!(
            "{} is signed by {}",
            file.display(),
            signed_by.join(" and by ")
        )),
        Err(refused) => outcome.refused.push(refused),
    }
    Ok(outcome)
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(EXTENSION);
    PathBuf::from(name)
}

fn read(file: &Path) -> Result<Vec<u8>, OciError> {
    fs::read(file).map_err(|source| OciError::File {
        path: file.to_owned(),
        source,
    })
}
