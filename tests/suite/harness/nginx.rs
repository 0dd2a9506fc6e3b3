//! nginx in front of a server.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::eventually;

/// A proxy that runs. Ended when dropped.
pub struct Nginx {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Nginx {
    /// In front of `server`, with these lines in its `location`.
    pub fn before(server: SocketAddr, lines: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_str().unwrap();
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let config = format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
             events {{ worker_connections 64; }}
             http {{
                 access_log off; client_max_body_size 0;
                 client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
                 fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi;
                 scgi_temp_path {root}/scgi;
                 server {{
                     listen {address};
                     location / {{ proxy_pass http://{server}; proxy_http_version 1.1; {lines} }}
                 }}
             }}"
        );
        let path = directory.path().join("nginx.conf");
        fs::write(&path, config).unwrap();
        let child = Command::new("nginx")
            .arg("-p")
            .arg(root)
            .arg("-c")
            .arg(&path)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self {
            child,
            address,
            _directory: directory,
        };
        eventually("nginx listens", || TcpStream::connect(address).is_ok());
        nginx
    }

    /// As docs/operators.md sets it up.
    pub fn without_buffering(server: SocketAddr) -> Self {
        Self::before(
            server,
            "proxy_request_buffering off;
             proxy_set_header X-Forwarded-Host $http_host;
             proxy_set_header X-Forwarded-Proto $scheme;
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        )
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
