//! How the server treats connections that do not end as they should, over real
//! sockets. What it answers to whole requests is tested in `tests/`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;
use crate::hooks::Hooks;
use crate::store::{Durability, FileStore, FileStoreConfig};
use crate::tus::TusConfig;
use crate::uploads::{Uploads, UploadsConfig};

struct Running {
    address: SocketAddr,
    data: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let data = TempDir::new().unwrap();
        let tus = face(data.path());
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let server = Server::bind(config()).await.unwrap();
                tell.send(server.address().parse().unwrap()).unwrap();
                let stop = async {
                    stopped.await.unwrap();
                    "test"
                };
                server.run_until(stop, tus, None).await.unwrap();
            });
        });
        Self {
            address: told.recv().unwrap(),
            data,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The path of a new upload.
    async fn create(&self, length: usize) -> String {
        let head = format!("POST /files HTTP/1.1\r\nHost: h\r\nUpload-Length: {length}\r\n");
        let answer = self.ask(&head).await;
        let (_, location) = answer.split_once("location: http://h").unwrap();
        location.split_once("\r\n").unwrap().0.to_owned()
    }

    /// Where the upload ends, once nobody holds it.
    async fn offset(&self, upload: &str) -> usize {
        let answer = self
            .ask(&(patch(upload, 1 << 40) + "Content-Length: 0\r\n"))
            .await;
        let (_, offset) = answer.split_once("upload-offset: ").unwrap();
        offset.split_once("\r\n").unwrap().0.parse().unwrap()
    }

    /// Sends a request without body and reads the answer to the end.
    async fn ask(&self, head: &str) -> String {
        let mut connection = self.connect().await;
        let head = format!("{head}Tus-Resumable: 1.0.0\r\nConnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Sends the head of a PATCH with much more to come than `body`, and
    /// `body`.
    async fn begin(&self, upload: &str, body: &[u8]) -> TcpStream {
        let mut connection = self.connect().await;
        let head = patch(upload, 0) + "Content-Length: 10000000\r\nTus-Resumable: 1.0.0\r\n\r\n";
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body).await.unwrap();
        connection
    }

    /// Waits until as many bytes are in the data file.
    async fn wait_for_length(&self, upload: &str, count: usize) {
        for _ in 0..2000 {
            if self.stored(upload).len() == count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn stored(&self, upload: &str) -> Vec<u8> {
        let name = Path::new(upload).file_name().unwrap();
        std::fs::read(self.data.path().join(name)).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() && !thread::panicking() {
            self.stop();
        }
    }
}

fn config() -> ServerConfig {
    ServerConfig {
        listen: Listen::Tcp {
            host: "127.0.0.1".to_owned(),
            port: 0,
        },
        workers: Some(1),
        max_connections: 100,
        read_timeout: Some(Duration::from_secs(60)),
        shutdown_timeout: Duration::from_secs(9),
        tls: None,
        cors: CorsConfig::default(),
        behind_proxy: false,
        log_health: true,
        admin: None,
    }
}

fn face(directory: &Path) -> Tus {
    let store = FileStore::open(FileStoreConfig {
        data_dir: directory.to_owned(),
        info_dir: directory.to_owned(),
        dir_structure: "".parse().unwrap(),
        durability: Durability::None,
    });
    let uploads = Uploads::new(
        Arc::new(store.unwrap()),
        Arc::new(Hooks::none()),
        UploadsConfig::default(),
    );
    let config = TusConfig {
        base_url: "/files".parse().unwrap(),
        max_body_size: None,
        extensions: crate::tus::ExtensionSet::ALL,
    };
    Tus::new(Arc::new(uploads), config)
}

fn patch(upload: &str, offset: u64) -> String {
    format!(
        "PATCH {upload} HTTP/1.1\r\nHost: h\r\nUpload-Offset: {offset}\r\n\
         Content-Type: application/offset+octet-stream\r\n"
    )
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n % 251) as u8).collect()
}

#[tokio::test]
async fn every_byte_that_arrived_is_stored_when_the_client_breaks_off() {
    let server = Running::start();
    for count in [0, 1, 100_000, 1_000_000, 5_000_003] {
        for reset in [false, true] {
            let body = bytes(count);
            let upload = server.create(10_000_000).await;
            let connection = server.begin(&upload, &body).await;
            if reset {
                // A reset overtakes what is still on its way, which then never
                // arrives; so it is given time.
                tokio::time::sleep(Duration::from_millis(200)).await;
                connection.set_zero_linger().unwrap();
            }
            drop(connection);
            // What is still in the sockets has to be read before the end is seen,
            // and before the next request takes the upload over.
            server.wait_for_length(&upload, count).await;
            assert_eq!(server.offset(&upload).await, count, "reset: {reset}");
            assert!(server.stored(&upload) == body);
        }
    }
}

#[tokio::test]
async fn a_client_that_sends_a_large_body_sees_why_it_is_refused() {
    let server = Running::start();
    let mut connection = server.connect().await;
    let head =
        patch("/files/unknown", 0) + "Content-Length: 10000000\r\nTus-Resumable: 1.0.0\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&bytes(10_000_000)).await.unwrap();
    // Nothing more to come, so the server need not wait for it.
    connection.shutdown().await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.ends_with("Upload not found."), "{answer}");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_silent_connections_and_waits_for_requests() {
    let mut server = Running::start();
    let silent = server.connect().await;
    let upload = server.create(10_000_000).await;
    let body = bytes(10_000_000);
    let (first, rest) = body.split_at(300_000);
    let mut connection = server.begin(&upload, first).await;
    // A connection that nobody has accepted yet is closed by a stop.
    while server.stored(&upload).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stopping = thread::spawn(move || {
        server.stop();
        server
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    connection.write_all(rest).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let begun = std::time::Instant::now();
    let server = stopping.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(server.stored(&upload) == body);
    drop(silent);
}
