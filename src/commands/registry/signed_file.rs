//! `rustus plugin verify` of a module in a file, with a signature beside it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use super::CommandError;
use super::outcome::Outcome;
use super::signers::Signers;
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
    let signers = Signers::of(trust.judge_file(&module, &read(&bundle)?))?;
    let mut object = Map::from_iter([
        ("file".to_owned(), json!(file)),
        ("bundle".to_owned(), json!(bundle)),
        (
            "module_digest".to_owned(),
            json!(Digest::of(&module).to_string()),
        ),
        ("size".to_owned(), json!(module.len())),
    ]);
    object.extend(signers.as_json());
    let mut outcome = Outcome::of(Vec::new(), object);
    signers.tell(&mut outcome, &file.display().to_string());
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
