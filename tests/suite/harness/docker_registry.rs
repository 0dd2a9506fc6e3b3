//! Debian's `docker-registry`: a registry of its own on loopback, in a temporary
//! directory.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use tempfile::TempDir;

use super::guarded::{Guarded, free_port};
use super::programs::is_there;

/// Who may use a registry with a password.
pub const USER: &str = "somebody";
pub const PASSWORD: &str = "a secret word";

/// The two, as `htpasswd -B` writes them.
const HTPASSWD: &str = "somebody:$2y$05$i.z1/cNXxkR/HKXi6yJHsOxCungaZ2Jp2cSuHtzdOPytorR/c6Zi6\n";

/// A registry. Ended when dropped.
pub struct DockerRegistry {
    process: Option<Guarded>,
    port: u16,
    directory: TempDir,
}

impl DockerRegistry {
    /// One that everybody may read and write; none where it is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// One that lets in [`USER`] only.
    pub fn start_with_password() -> Option<Self> {
        Self::start_with("auth:\n  htpasswd:\n    realm: test\n    path: htpasswd\n")
    }

    fn start_with(auth: &str) -> Option<Self> {
        if !is_there("docker-registry", "--version") {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = format!(
            "version: 0.1\n\
             log:\n  level: info\n\
             storage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
             http:\n  addr: 127.0.0.1:{port}\n{auth}",
            directory.path().join("data").display()
        );
        fs::write(directory.path().join("config.yml"), config).unwrap();
        fs::write(directory.path().join("htpasswd"), HTPASSWD).unwrap();
        let mut registry = Self {
            process: None,
            port,
            directory,
        };
        registry.restart();
        Some(registry)
    }

    /// Starts it again, with the same port and content.
    pub fn restart(&mut self) {
        self.stop();
        let mut command = Command::new("docker-registry");
        command
            .args(["serve", "config.yml"])
            .current_dir(self.directory.path())
            .env("OTEL_TRACES_EXPORTER", "none");
        let mut process = Guarded::start(&mut command, &self.directory.path().join("log"));
        let port = self.port;
        process.wait_until("the registry listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        self.process = Some(process);
    }

    /// Ends it. What was pushed stays.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.terminate();
        }
    }

    /// What it is called in references.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A reference in it.
    pub fn reference(&self, rest: &str) -> String {
        format!("{}/{rest}", self.host())
    }

    /// What it and those before it said.
    pub fn log(&self) -> String {
        self.process.as_ref().unwrap().log()
    }
}
