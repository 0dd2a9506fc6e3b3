//! An HTTP hook in Python: FastAPI under uvicorn.

use std::net::TcpStream;

use tempfile::TempDir;

use super::guarded::{Guarded, free_port};
use super::programs::{python, python_command};

/// A server that runs `fastapi_hooks.py`. Ended when dropped.
pub struct FastApi {
    server: Guarded,
    port: u16,
    _directory: TempDir,
}

impl FastApi {
    /// None where it is not installed.
    pub fn start() -> Option<Self> {
        let python = python()?;
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = python_command(&python);
        command.args(["-m", "uvicorn", "fastapi_hooks:app", "--port"]);
        command.arg(port.to_string());
        let mut server = Guarded::start(&mut command, &directory.path().join("log"));
        server.wait_until("FastAPI listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self {
            server,
            port,
            _directory: directory,
        })
    }

    /// The URL that takes hooks with `Authorization: Bearer jwt`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }

    /// The names of the events that came, in order.
    pub fn received(&self) -> Vec<String> {
        let log = self.server.log();
        let names = log
            .lines()
            .filter_map(|line| line.strip_prefix("Received: "));
        names.map(str::to_owned).collect()
    }
}
