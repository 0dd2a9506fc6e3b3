//! Who we are to a registry: from the environment, or from docker's
//! configuration and its credential helpers.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use tokio::time::timeout;

use super::error::OciError;

/// A name and a password, or a token in place of both. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password.
    Password {
        /// The name.
        user: String,
        /// A secret.
        password: String,
    },
    /// A token that is exchanged for others. A secret.
    Identity(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Credentials for one registry, given to us and not looked for.
#[derive(Debug, Clone)]
pub struct Account {
    /// The registry that they are for, and no other.
    pub host: String,
    /// What they are.
    pub credentials: Credentials,
}

/// What credentials there are.
#[derive(Debug, Clone)]
pub(super) struct Accounts {
    given: Option<Account>,
    /// How long a credential helper may take.
    patience: Duration,
}

impl Accounts {
    pub(super) const fn new(given: Option<Account>, patience: Duration) -> Self {
        Self { given, patience }
    }

    /// Those for `host`, if there are any. Credential helpers are programs that
    /// may take their time, so this never runs on the thread that asks.
    pub(super) async fn of(&self, host: &str) -> Result<Option<Credentials>, OciError> {
        if let Some(account) = self.given.as_ref().filter(|given| given.host == host) {
            return Ok(Some(account.credentials.clone()));
        }
        let wanted = host.to_owned();
        let looked_up =
            tokio::task::spawn_blocking(move || look_up(&files(|name| env::var_os(name)), &wanted));
        let found = match timeout(self.patience, looked_up).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "the credential helper did not answer within {} s",
                self.patience.as_secs()
            )),
        };
        found.map_err(|reason| OciError::Credentials {
            host: host.to_owned(),
            reason,
        })
    }
}

/// Where docker keeps its logins, and where podman, buildah and skopeo do, which
/// use the same format.
fn files(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let directory = |name: &str| {
        variable(name)
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from)
    };
    if let Some(file) = directory("REGISTRY_AUTH_FILE") {
        return vec![file];
    }
    let docker = directory("DOCKER_CONFIG").or_else(|| Some(directory("HOME")?.join(".docker")));
    let podman = directory("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json"));
    [docker.map(|dir| dir.join("config.json")), podman]
        .into_iter()
        .flatten()
        .collect()
}

/// The first credentials for `host` in `files`. A file that is not there is
/// passed over; one that is broken is an error, since what it should say is not
/// known.
fn look_up(files: &[PathBuf], host: &str) -> Result<Option<Credentials>, String> {
    for path in files {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        match get_credential_from_reader(BufReader::new(file), host) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                return Ok(Some(Credentials::Password { user, password }));
            }
            Ok(DockerCredential::IdentityToken(token)) => {
                return Ok(Some(Credentials::Identity(token)));
            }
            Err(CredentialRetrievalError::NoCredentialConfigured) => {}
            Err(error) if is_nothing_known(&error) => {}
            Err(error) => return Err(trouble(path, &error)),
        }
    }
    Ok(None)
}

/// Whether a helper says that it knows no credentials, which is how all of them
/// say it.
fn is_nothing_known(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::HelperFailure { stdout, stderr, .. } => {
            let said = "credentials not found";
            stdout.contains(said) || stderr.contains(said)
        }
        _ => false,
    }
}

/// What is wrong, without what a helper printed: a secret may be in it.
fn trouble(path: &Path, error: &CredentialRetrievalError) -> String {
    let what = match error {
        CredentialRetrievalError::HelperFailure { helper, .. } => {
            format!("its credential helper `{helper}` failed")
        }
        CredentialRetrievalError::HelperCommunicationError => {
            "its credential helper can't be run; is `docker-credential-...` on PATH?".to_owned()
        }
        CredentialRetrievalError::ConfigReadError => {
            "it is no configuration of docker's in JSON".to_owned()
        }
        other => other.to_string(),
    };
    format!("{}: {what}", path.display())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    #[test]
    fn logins_are_found_by_host_in_the_files_of_docker_and_podman() {
        let directory = tempfile::tempdir().unwrap();
        let docker = directory.path().join("config.json");
        let podman = directory.path().join("auth.json");
        // "me:first" and "me:second".
        fs::write(
            &docker,
            r#"{"auths":{"one.example":{"auth":"bWU6Zmlyc3Q="}}}"#,
        )
        .unwrap();
        fs::write(
            &podman,
            r#"{"auths":{"two.example:5000":{"auth":"bWU6c2Vjb25k"},"three.example":{"identitytoken":"t"}}}"#,
        )
        .unwrap();
        let files = [directory.path().join("none"), docker, podman];
        let found = |host| look_up(&files, host).unwrap();
        assert!(found("one.example") == Some(password("me", "first")));
        assert!(found("two.example:5000") == Some(password("me", "second")));
        assert!(found("three.example") == Some(Credentials::Identity("t".to_owned())));
        assert!(found("two.example").is_none());
    }

    #[test]
    fn a_broken_file_is_named_and_nothing_of_it_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        for content in ["{\"secret", r#"{"auths":{"h.example":{"auth":"secret!"}}}"#] {
            fs::write(&file, content).unwrap();
            let said = look_up(std::slice::from_ref(&file), "h.example").unwrap_err();
            assert!(said.contains("config.json"), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn the_variables_say_where_the_files_are() {
        let of = |set: &[(&str, &str)]| {
            files(|name| {
                let found = set.iter().find(|(set, _)| *set == name);
                found.map(|(_, value)| OsString::from(value))
            })
        };
        assert_eq!(
            of(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/r")]),
            [
                PathBuf::from("/h/.docker/config.json"),
                PathBuf::from("/r/containers/auth.json")
            ]
        );
        assert_eq!(
            of(&[("HOME", "/h"), ("DOCKER_CONFIG", "/d")]),
            [PathBuf::from("/d/config.json")]
        );
        assert_eq!(
            of(&[("HOME", "/h"), ("REGISTRY_AUTH_FILE", "/a.json")]),
            [PathBuf::from("/a.json")]
        );
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", password("me", "hidden"));
        assert!(!shown.contains("hidden"));
    }
}
