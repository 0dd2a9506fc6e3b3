//! Who we are to a registry: from the environment, or from docker's
//! configuration and its credential helpers.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::credentials::{Account, Credentials};
use super::error::OciError;
use super::helper;

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

    /// Those for `host`, if there are any.
    pub(super) async fn of(&self, host: &str) -> Result<Option<Credentials>, OciError> {
        if let Some(account) = self.given.as_ref().filter(|given| given.host == host) {
            return Ok(Some(account.credentials.clone()));
        }
        let files = files(|name| env::var_os(name));
        let found = look_up(&files, host, self.patience).await;
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
async fn look_up(
    files: &[PathBuf],
    host: &str,
    patience: Duration,
) -> Result<Option<Credentials>, String> {
    for path in files {
        let said = |what: String| format!("{}: {what}", path.display());
        let bytes = match tokio::fs::read(path).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(said(error.to_string())),
        };
        let found = match login(&bytes, host).map_err(said)? {
            Login::Known(credentials) => Some(credentials),
            Login::Ask(helper) => helper::ask(&helper, host, patience).await.map_err(said)?,
            Login::Unknown => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What a file says of a host.
enum Login {
    Known(Credentials),
    /// A credential helper with this name knows.
    Ask(String),
    Unknown,
}

/// Where a file names helpers: one for a host, and one for all others.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Helpers {
    #[serde(default)]
    cred_helpers: Option<HashMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
}

/// A helper for the host counts before a login in the file, and that before the
/// helper for all hosts. Nothing of the file is in the error.
fn login(file: &[u8], host: &str) -> Result<Login, String> {
    const NONE: &str = "it is no configuration of docker's in JSON";
    let helpers: Helpers = serde_json::from_slice(file).map_err(|_| NONE.to_owned())?;
    let own = helpers.cred_helpers.and_then(|mut all| all.remove(host));
    if let Some(helper) = own.filter(|name| !name.is_empty()) {
        return Ok(Login::Ask(helper));
    }
    // The library would run helpers itself, and wait for them without an end.
    let mut rest: Map<String, Value> = serde_json::from_slice(file).map_err(|_| NONE.to_owned())?;
    rest.retain(|key, _| key == "auths");
    let rest = Value::Object(rest).to_string();
    match get_credential_from_reader(rest.as_bytes(), host) {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Login::Known(Credentials::Password { user, password }))
        }
        Ok(DockerCredential::IdentityToken(token)) => {
            Ok(Login::Known(Credentials::Identity(token)))
        }
        Err(CredentialRetrievalError::NoCredentialConfigured) => {
            let store = helpers.creds_store.filter(|name| !name.is_empty());
            Ok(store.map_or(Login::Unknown, Login::Ask))
        }
        Err(CredentialRetrievalError::ConfigReadError) => Err(NONE.to_owned()),
        Err(other) => Err(other.to_string()),
    }
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

    /// How long helpers may take, of which there are none here.
    const PATIENCE: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn logins_are_found_by_host_in_the_files_of_docker_and_podman() {
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
        for (host, expected) in [
            ("one.example", Some(password("me", "first"))),
            ("two.example:5000", Some(password("me", "second"))),
            ("three.example", Some(Credentials::Identity("t".to_owned()))),
            ("two.example", None),
        ] {
            assert!(
                look_up(&files, host, PATIENCE).await.unwrap() == expected,
                "{host}"
            );
        }
    }

    #[test]
    fn a_helper_for_the_host_counts_before_a_login_and_that_before_the_one_for_all() {
        let file = br#"{
            "credHelpers": { "one.example": "own", "two.example": "" },
            "auths": {
                "one.example": { "auth": "bWU6Zmlyc3Q=" },
                "two.example": { "auth": "bWU6c2Vjb25k" },
                "three.example": {}
            },
            "credsStore": "all"
        }"#;
        let said = |host| match login(file, host).unwrap() {
            Login::Known(credentials) => Ok(credentials),
            Login::Ask(helper) => Err(helper),
            Login::Unknown => Err("unknown".to_owned()),
        };
        assert!(said("one.example") == Err("own".to_owned()));
        assert!(said("two.example") == Ok(password("me", "second")));
        assert!(said("three.example") == Err("all".to_owned()));
        assert!(said("four.example") == Err("all".to_owned()));
        assert!(matches!(login(b"{}", "four.example"), Ok(Login::Unknown)));
    }

    #[tokio::test]
    async fn a_broken_file_is_named_and_nothing_of_it_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        for content in ["{\"secret", r#"{"auths":{"h.example":{"auth":"secret!"}}}"#] {
            fs::write(&file, content).unwrap();
            let said = look_up(std::slice::from_ref(&file), "h.example", PATIENCE)
                .await
                .unwrap_err();
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
