//! The flags about registries, for the server and for the commands of
//! `rustus plugin` that speak with one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::secret::Secret;
use super::values;
use crate::oci::{Account, ClientConfig, Credentials, Mirror, Rule, TrustConfig, is_host};

/// How registries are reached, and whose signatures count.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registries")]
pub struct OciFlags {
    /// Registries, with port, that are spoken plain HTTP with, separated by
    /// commas
    #[arg(
        long,
        env = "RUSTUS_OCI_INSECURE",
        value_delimiter = ',',
        value_parser = host,
        value_name = "HOST"
    )]
    oci_insecure: Vec<String>,
    /// Copies of a registry that are asked before it, such as
    /// registry.example=mirror.example:5000/copies, separated by commas
    #[arg(
        long,
        env = "RUSTUS_OCI_MIRROR",
        value_delimiter = ',',
        value_parser = mirror,
        value_name = "HOST=MIRROR"
    )]
    oci_mirror: Vec<Mirror>,
    /// How long a registry may be silent; all of a module may take ten times as
    /// long
    #[arg(
        long,
        env = "RUSTUS_OCI_TIMEOUT",
        default_value = "30s",
        value_parser = values::time,
        value_name = "TIME"
    )]
    oci_timeout: Duration,
    /// Directory of what was pulled [default: rustus/oci in the user's cache
    /// directory]
    #[arg(long, env = "RUSTUS_OCI_CACHE_DIR", value_name = "DIR")]
    oci_cache_dir: Option<PathBuf>,
    /// File that keeps which digest each tag led to [default: plugins.lock in
    /// --oci-cache-dir]
    #[arg(long, env = "RUSTUS_OCI_LOCK", value_name = "FILE")]
    oci_lock: Option<PathBuf>,
    /// The registry, with port, that --oci-username is for
    #[arg(long, env = "RUSTUS_OCI_REGISTRY", value_parser = host, value_name = "HOST")]
    oci_registry: Option<String>,
    /// Who we are to --oci-registry [default: what docker's and podman's
    /// configuration says]
    #[arg(long, env = "RUSTUS_OCI_USERNAME", value_name = "NAME")]
    oci_username: Option<String>,
    /// The password for --oci-username; better given in the variable
    #[arg(
        long,
        env = "RUSTUS_OCI_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    oci_password: Option<Secret>,
    /// File with the password for --oci-username
    #[arg(long, env = "RUSTUS_OCI_PASSWORD_FILE", value_name = "FILE")]
    oci_password_file: Option<PathBuf>,
    /// Public keys (P-256 in PEM, as of cosign) one of which must have signed what
    /// is pulled, separated by commas
    #[arg(
        long,
        env = "RUSTUS_OCI_KEY",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    oci_key: Vec<PathBuf>,
    /// Identities of certificates that one of must have signed, separated by
    /// commas; each needs its --oci-issuer
    #[arg(
        long,
        env = "RUSTUS_OCI_IDENTITY",
        value_delimiter = ',',
        value_name = "IDENTITY"
    )]
    oci_identity: Vec<String>,
    /// Who vouches for each --oci-identity, in the same order
    #[arg(
        long,
        env = "RUSTUS_OCI_ISSUER",
        value_delimiter = ',',
        value_name = "URL"
    )]
    oci_issuer: Vec<String>,
    /// The authorities that --oci-identity is believed on the word of
    /// (trusted_root.json of sigstore)
    #[arg(long, env = "RUSTUS_OCI_TRUST_ROOT", value_name = "FILE")]
    oci_trust_root: Option<PathBuf>,
    /// How many of the keys and identities must have signed: any (one of them) or
    /// all
    #[arg(
        long,
        env = "RUSTUS_OCI_SIGNATURES",
        default_value = "any",
        value_enum,
        value_name = "RULE"
    )]
    oci_signatures: RuleName,
}

/// How many must have signed. Without a word on each, with which all of --help
/// would be set in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RuleName {
    Any,
    All,
}

/// A registry's name and port.
fn host(text: &str) -> Result<String, String> {
    match is_host(text) {
        true => Ok(text.to_owned()),
        false => Err(
            "expected the host of a registry, with its port, such as registry.example:5000"
                .to_owned(),
        ),
    }
}

fn mirror(text: &str) -> Result<Mirror, String> {
    let is_place = |at: &str| is_host(at.split('/').next().unwrap_or_default());
    match text.split_once('=') {
        Some((of, at)) if is_host(of) && is_place(at) => Ok(Mirror {
            of: of.to_owned(),
            at: at.trim_end_matches('/').to_owned(),
        }),
        _ => Err(
            "expected REGISTRY=MIRROR, such as registry.example=mirror.example:5000/copies"
                .to_owned(),
        ),
    }
}

impl OciFlags {
    /// How registries are reached.
    ///
    /// # Errors
    /// Credentials that are not whole.
    pub fn client(&self) -> Result<ClientConfig, String> {
        Ok(ClientConfig {
            insecure: self.oci_insecure.clone(),
            mirrors: self.oci_mirror.clone(),
            patience: self.oci_timeout,
            account: self.account()?,
            audience: None,
        })
    }

    fn account(&self) -> Result<Option<Account>, String> {
        let password = match (&self.oci_password, &self.oci_password_file) {
            (Some(_), Some(_)) => {
                return Err(
                    "RUSTUS_OCI_PASSWORD and --oci-password-file both give the password; leave \
                     one of them out"
                        .to_owned(),
                );
            }
            (Some(password), None) => Some(password.0.clone()),
            (None, Some(file)) => Some(read_password(file)?),
            (None, None) => None,
        };
        match (&self.oci_registry, &self.oci_username, password) {
            (None, None, None) => Ok(None),
            (Some(host), Some(user), Some(password)) => Ok(Some(Account {
                host: host.clone(),
                credentials: Credentials::Password {
                    user: user.clone(),
                    password,
                },
            })),
            _ => Err(
                "--oci-registry, --oci-username and RUSTUS_OCI_PASSWORD (or --oci-password-file) \
                 belong together: a password is sent to the registry that it is for and no other"
                    .to_owned(),
            ),
        }
    }

    /// Whose signatures count.
    ///
    /// # Errors
    /// Identities without who vouches for them.
    pub fn trust(&self) -> Result<TrustConfig, String> {
        if self.oci_identity.len() != self.oci_issuer.len() {
            return Err(format!(
                "--oci-identity names {} and --oci-issuer {}; each identity needs its issuer",
                self.oci_identity.len(),
                self.oci_issuer.len()
            ));
        }
        if self.oci_trust_root.is_some() && self.oci_identity.is_empty() {
            return Err(
                "--oci-trust-root is of use with --oci-identity only; name one, or leave it out"
                    .to_owned(),
            );
        }
        if self.oci_signatures == RuleName::All
            && self.oci_key.is_empty()
            && self.oci_identity.is_empty()
        {
            return Err(
                "--oci-signatures=all is of use with --oci-key or --oci-identity only, and without \
                 one of them nothing is checked; name whose signatures are wanted, or leave it out"
                    .to_owned(),
            );
        }
        let identities = self.oci_identity.iter().cloned();
        Ok(TrustConfig {
            keys: self.oci_key.clone(),
            identities: identities.zip(self.oci_issuer.iter().cloned()).collect(),
            root: self.oci_trust_root.clone(),
            rule: match self.oci_signatures {
                RuleName::Any => Rule::Any,
                RuleName::All => Rule::All,
            },
        })
    }

    /// How long a registry may be silent.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.oci_timeout
    }

    /// Where what was pulled is kept. `otherwise` is used where a user has no
    /// directory for such things.
    #[must_use]
    pub fn cache_dir(&self, otherwise: &Path) -> PathBuf {
        let given = self.oci_cache_dir.clone();
        let given = given.filter(|directory| !directory.as_os_str().is_empty());
        given
            .or_else(|| Some(values::user_cache_dir()?.join("oci")))
            .unwrap_or_else(|| otherwise.to_owned())
    }

    /// The lock file.
    #[must_use]
    pub fn lock(&self, cache_dir: &Path) -> PathBuf {
        let given = self.oci_lock.clone();
        given.unwrap_or_else(|| cache_dir.join("plugins.lock"))
    }
}

fn read_password(file: &Path) -> Result<String, String> {
    fs::read_to_string(file)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|error| format!("--oci-password-file {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        oci: OciFlags,
    }

    fn read(flags: &[&str]) -> Result<OciFlags, String> {
        let line = Line::try_parse_from([&["x"], flags].concat());
        line.map(|line| line.oci).map_err(|error| error.to_string())
    }

    #[test]
    fn a_password_is_for_one_registry_and_read_from_one_place() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        fs::write(&file, "a b\n").unwrap();
        let file = file.to_str().unwrap();
        let account = ["--oci-registry", "h.b:5000", "--oci-username", "me"];
        let with = |more: &[&str]| read(&[&account[..], more].concat()).unwrap().client();
        let given = with(&["--oci-password-file", file])
            .unwrap()
            .account
            .unwrap();
        assert_eq!(given.host, "h.b:5000");
        let expected = Credentials::Password {
            user: "me".to_owned(),
            password: "a b".to_owned(),
        };
        assert!(given.credentials == expected);
        let shown = format!("{:?}", read(&["--oci-password", "a b"]));
        assert!(!shown.contains("a b"), "{shown}");
        for (more, said) in [
            (&[][..], "belong together"),
            (
                &["--oci-password", "x", "--oci-password-file", file],
                "leave one of them out",
            ),
            (&["--oci-password-file", "/not/there"], "/not/there"),
        ] {
            let error = with(more).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn hosts_and_mirrors_are_read_or_answered_with_their_form() {
        let flags = read(&[
            "--oci-mirror",
            "h.b=m.b:5000/x/",
            "--oci-insecure",
            "a.b,[::1]:5",
        ]);
        let client = flags.unwrap().client().unwrap();
        assert_eq!(client.insecure, ["a.b", "[::1]:5"]);
        assert_eq!(
            (client.mirrors[0].of.as_str(), client.mirrors[0].at.as_str()),
            ("h.b", "m.b:5000/x")
        );
        for (flags, said) in [
            (["--oci-mirror", "h.b"], "REGISTRY=MIRROR"),
            (["--oci-insecure", "http://h.b"], "host of a registry"),
            (["--oci-signatures", "some"], "any, all"),
            (["--oci-timeout", "1ms"], "at least 1s"),
        ] {
            let error = read(&flags).map(drop).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_trust_root_goes_with_identities_and_those_with_their_issuers() {
        for (flags, said) in [
            (&["--oci-identity", "a"][..], "needs its issuer"),
            (&["--oci-trust-root", "f"], "with --oci-identity only"),
            (&["--oci-signatures", "all"], "nothing is checked"),
        ] {
            let error = read(flags).unwrap().trust().unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        let pairs = ["--oci-identity", "a,b", "--oci-issuer", "x,y"];
        let trust = read(&pairs).unwrap().trust().unwrap();
        assert_eq!(trust.identities[1], ("b".to_owned(), "y".to_owned()));
    }
}
