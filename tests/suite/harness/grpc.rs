//! A gRPC server in Python that answers hooks as the upload's metadata says.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::eventually;
use super::guarded::{Guarded, free_port};
use super::programs::{python, python_command};

/// A server that runs `grpc_hooks.py`, which lists what it can be told. Ended when
/// dropped.
pub struct Grpc {
    server: Option<Guarded>,
    port: u16,
    tls: bool,
    directory: TempDir,
}

impl Grpc {
    /// None where it is not installed.
    pub fn start() -> Option<Self> {
        Self::start_as(None)
    }

    /// One that speaks TLS, with a certificate for that name.
    pub fn start_tls(name: &str) -> Option<Self> {
        Self::start_as(Some(name))
    }

    fn start_as(name: Option<&str>) -> Option<Self> {
        python()?;
        let mut grpc = Self {
            server: None,
            port: free_port(),
            tls: name.is_some(),
            directory: tempfile::tempdir().unwrap(),
        };
        if let Some(name) = name {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            fs::write(grpc.certificate(), made.cert.pem()).unwrap();
            fs::write(grpc.key(), made.signing_key.serialize_pem()).unwrap();
        }
        grpc.restart();
        Some(grpc)
    }

    /// Starts it again on the same port. What came before is not forgotten.
    pub fn restart(&mut self) {
        self.kill();
        let Some(python) = python() else { return };
        let mut command = python_command(&python);
        command
            .arg("grpc_hooks.py")
            .arg(self.port.to_string())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/grpc/proto/hook.proto"))
            .arg(self.directory.path().join("requests"));
        if self.tls {
            command.arg(self.key()).arg(self.certificate());
        }
        let mut server = Guarded::start(&mut command, &self.directory.path().join("log"));
        server.wait_until("the gRPC server listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
        self.server = Some(server);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// The file of its certificate, if it speaks TLS.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The requests that came, in order: `HookRequest` as protobuf writes it in JSON.
    pub fn requests(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.directory.path().join("requests"));
        let lines = lines.unwrap_or_default();
        lines
            .split_inclusive('\n')
            // Without one that is being written.
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The requests as soon as there are at least so many.
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        eventually("the gRPC server got all requests", || {
            self.requests().len() >= count
        });
        self.requests()
    }
}
