//! Plugins in registries: the commands, the server, other tools, and registries
//! that mean harm.

mod commands;
mod following;
mod hostile;
mod interop;
mod printed;
mod serving;
mod signatures;
mod slow;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::docker_registry::DockerRegistry;
use crate::harness::guests::built;
use crate::harness::server::Setup;

/// Somebody who works with `rustus plugin`, in a directory of their own.
struct Author {
    home: TempDir,
    variables: Vec<(String, String)>,
}

impl Author {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// `rustus plugin` with these arguments.
    fn plugin(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_rustus"))
            .arg("plugin")
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", self.search_path())
            .envs(self.variables.iter().cloned())
            .output()
            .unwrap()
    }

    /// Programs in the directory `bin` of the home are found first.
    fn search_path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.path("bin").display())
    }

    /// The same in the expectation that it works. What it printed, without the
    /// end of the line.
    fn does(&self, arguments: &[&str]) -> String {
        let output = self.plugin(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// The same in the expectation that it does not. What it said.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.plugin(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Pushes a guest, and returns its reference by digest.
    fn push(&self, registry: &DockerRegistry, guest: &str, to: &str) -> String {
        let file = built(guest);
        self.does(&[
            "push",
            file.to_str().unwrap(),
            &registry.reference(to),
            "--oci-insecure",
            &registry.host(),
        ])
    }
}

/// A server with a cache of its own that may speak plain HTTP with `host`.
fn server(host: &str, arguments: &[&str]) -> Setup {
    let setup = Setup::new();
    let cache = setup.path().join("oci").to_str().unwrap().to_owned();
    setup
        .arguments(&["--oci-cache-dir", &cache, "--oci-insecure", host])
        .arguments(arguments)
}

/// The blob with this digest in a server's cache.
fn cached(setup: &Setup, bytes: &[u8]) -> PathBuf {
    let hex = digest(bytes);
    let hex = hex.strip_prefix("sha256:").unwrap();
    setup.path().join("oci/blobs/sha256").join(hex)
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
