//! The `[secrets]` of a `NAME.toml`: where they are, and what was read there.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where one secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In an environment variable of the server.
    Env(String),
    /// In a file, but for the line end that it ends with.
    File(PathBuf),
}

/// One entry of the table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretEntry {
    env: Option<String>,
    file: Option<PathBuf>,
}

impl SecretEntry {
    /// What an entry looks like.
    pub(super) const EXAMPLE: &str = "token = { env = \"NAME\" }";

    /// Where it says that the secret is.
    ///
    /// # Errors
    /// What is wrong and what to write.
    pub(super) fn source(self) -> Result<SecretSource, &'static str> {
        match (self.env, self.file) {
            (Some(name), None) if name.is_empty() || name.contains(['=', '\0']) => {
                Err("has in `env` what is no name of a variable; write such as `TOKEN`")
            }
            (Some(name), None) => Ok(SecretSource::Env(name)),
            (None, Some(file)) => Ok(SecretSource::File(file)),
            _ => {
                Err("has to have one of both: `{ env = \"NAME\" }` or `{ file = \"/path/to/it\" }`")
            }
        }
    }
}

/// The longest secret, in bytes: a chain of certificates with its key fits.
const LONGEST: u64 = 64 * 1024;

/// Why a secret can't be had. Its value is not in it.
#[derive(Debug, thiserror::Error)]
#[error("`{name}`: {problem}")]
pub struct SecretError {
    name: String,
    problem: String,
}

/// Values by name. Nothing shows them.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Secrets(BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Reads them all.
    ///
    /// # Errors
    /// Which one can't be had, and why.
    pub(super) fn read(sources: &BTreeMap<String, SecretSource>) -> Result<Self, SecretError> {
        let values = sources.iter().map(|(name, source)| {
            let value = value(source).map_err(|problem| SecretError {
                name: name.clone(),
                problem,
            })?;
            Ok((name.clone(), value))
        });
        values.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

fn value(source: &SecretSource) -> Result<String, String> {
    let (value, place) = match source {
        SecretSource::Env(name) => (variable(name)?, format!("the environment variable {name}")),
        SecretSource::File(file) => {
            let place = file.display().to_string();
            let text = text(file).map_err(|error| format!("{place} can't be read: {error}"))?;
            (text, place)
        }
    };
    if value.is_empty() {
        return Err(format!("{place} is empty"));
    }
    Ok(value)
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => format!(
            "the environment variable {name} is not set; set it for the server and start it again"
        ),
        std::env::VarError::NotUnicode(_) => {
            format!("the environment variable {name} is not UTF-8")
        }
    })
}

fn text(path: &Path) -> io::Result<String> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    // A pipe or a terminal would be waited for.
    if !fs::metadata(path)?.is_file() {
        return Err(wrong("it is no regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(wrong("it is larger than 64 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: SecretSource) -> Result<Secrets, String> {
        let sources = BTreeMap::from([("token".to_owned(), source)]);
        Secrets::read(&sources).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_is_read_without_its_last_line_end_and_shown_nowhere() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for (written, value) in [
            ("geheim", "geheim"),
            ("geheim\n", "geheim"),
            ("geheim\r\n", "geheim"),
            (" a\nb\n\n", " a\nb\n"),
        ] {
            fs::write(&path, written).unwrap();
            let secrets = read(SecretSource::File(path.clone())).unwrap();
            assert_eq!(secrets.get("token"), Some(value));
            assert_eq!(secrets.get("other"), None);
            assert_eq!(format!("{secrets:?}"), "{\"token\"}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_named_with_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| SecretSource::File(directory.path().join(name));
        fs::write(directory.path().join("empty"), "\n").unwrap();
        fs::write(directory.path().join("binary"), b"\xff").unwrap();
        fs::write(directory.path().join("huge"), vec![b'x'; 64 * 1024 + 1]).unwrap();
        let unset = SecretSource::Env("RUSTUS_TEST_NOT_THERE".to_owned());
        for (source, part) in [
            (unset, "RUSTUS_TEST_NOT_THERE is not set"),
            (at("none"), "none can't be read"),
            (at("empty"), "empty is empty"),
            (at("binary"), "not UTF-8"),
            (at("huge"), "larger than 64 KiB"),
            (SecretSource::File("/dev/zero".into()), "no regular file"),
        ] {
            let error = read(source).unwrap_err();
            assert!(
                error.starts_with("`token`: ") && error.contains(part),
                "{error}"
            );
        }
    }
}
