//! An HTTP receiver inside the test: it keeps every request and answers as told.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rcgen::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto};

use super::server::PATIENCE;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Which connection it came on: the first is 0.
    pub connection: usize,
    /// When all of it was there.
    pub at: Instant,
}

impl Request {
    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What a request gets, and how long after it came.
#[derive(Debug, Clone)]
pub struct Answer {
    after: Duration,
    /// Nothing at all, for as long as the other side waits.
    silent: bool,
    bytes: Vec<u8>,
    /// The pause before each byte of the body.
    pace: Option<Duration>,
    /// Whether the connection stays.
    keep: bool,
}

impl Answer {
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::with(status, &[], b"")
    }

    /// A status with headers and a body.
    pub fn with(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 {status} As Told\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        // Those two statuses have no body and say no length.
        if status != 204 && status != 304 {
            bytes.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        Self {
            keep: true,
            ..Self::bytes(bytes)
        }
    }

    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let body = body.to_string();
        let headers = [("Content-Type", "application/json")];
        Self::with(status, &headers, body.as_bytes())
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self::with(status, &[("Location", location)], b"")
    }

    /// These bytes and the end of the connection: garbage, or a part of an answer.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            after: Duration::ZERO,
            silent: false,
            bytes: bytes.into(),
            pace: None,
            keep: false,
        }
    }

    /// The end of the connection in place of an answer.
    pub fn drop_connection() -> Self {
        Self::bytes("")
    }

    /// No answer as long as the other side waits for one.
    pub fn silence() -> Self {
        Self {
            silent: true,
            ..Self::bytes("")
        }
    }

    /// The same, of whose body one byte comes after the other.
    pub fn trickling(mut self, pace: Duration) -> Self {
        self.pace = Some(pace);
        self
    }

    /// The same, later.
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }
}

type Told = dyn Fn(&Request) -> Answer + Send + Sync;

/// How the body of a request is read, when its head is there.
#[derive(Debug, Clone, Copy)]
pub enum Reading {
    /// As it comes.
    AtOnce,
    /// So many parts, the same time before each.
    Slowly(usize, Duration),
    /// Not at all.
    Never,
}

type Reads = dyn Fn(&Request) -> Reading + Send + Sync;

struct Shared {
    requests: Mutex<Vec<Request>>,
    more: Condvar,
    told: Mutex<Arc<Told>>,
    reads: Mutex<Arc<Reads>>,
    ended: AtomicBool,
    /// To end those that nobody else ends.
    connections: Mutex<Vec<TcpStream>>,
    opened: AtomicUsize,
}

/// A receiver that runs. Ended when dropped, with all its connections.
pub struct Receiver {
    address: SocketAddr,
    /// What clients must trust, as PEM, if it speaks TLS.
    certificate: Option<String>,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Receiver {
    /// On a free port.
    pub fn start(told: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), told)
    }

    /// Where another one has been, for instance.
    pub fn start_at(
        address: SocketAddr,
        told: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::listen(address, Arc::new(told), None, None)
    }

    /// With TLS and a certificate of its own for `name`: `127.0.0.1`, or another
    /// where it is to be the wrong one.
    pub fn start_tls(
        name: &str,
        told: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self::listen(
            ([127, 0, 0, 1], 0).into(),
            Arc::new(told),
            Some(&made),
            None,
        )
    }

    /// With TLS, and only for clients that show this certificate.
    pub fn start_for(
        client: &CertificateDer<'static>,
        told: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let address = ([127, 0, 0, 1], 0).into();
        Self::listen(address, Arc::new(told), Some(&made), Some(client))
    }

    fn listen(
        address: SocketAddr,
        told: Arc<Told>,
        certificate: Option<&CertifiedKey<rcgen::KeyPair>>,
        client: Option<&CertificateDer<'static>>,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            more: Condvar::new(),
            told: Mutex::new(told),
            reads: Mutex::new(Arc::new(|_: &Request| Reading::AtOnce)),
            ended: AtomicBool::new(false),
            connections: Mutex::default(),
            opened: AtomicUsize::new(0),
        });
        let tls = certificate.map(|made| tls_config(made, client));
        let acceptor = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&listener, tls.as_ref(), &shared))
        };
        Self {
            address,
            certificate: certificate.map(|made| made.cert.pem()),
            shared,
            acceptor: Some(acceptor),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path on it.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.certificate.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{path}", self.address)
    }

    /// What clients must trust, as PEM, if it speaks TLS.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// From now on requests are answered so.
    pub fn tell(&self, told: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
        *self.shared.told.lock().unwrap() = Arc::new(told);
    }

    /// From now on bodies with a length are read so. What is given has no body yet.
    pub fn read(&self, reads: impl Fn(&Request) -> Reading + Send + Sync + 'static) {
        *self.shared.reads.lock().unwrap() = Arc::new(reads);
    }

    /// What came so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.opened.load(Ordering::SeqCst)
    }

    /// What came as soon as that are at least so many.
    pub fn wait_for(&self, count: usize) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap();
        let too_few = |requests: &mut Vec<Request>| requests.len() < count;
        let waited = self
            .shared
            .more
            .wait_timeout_while(requests, PATIENCE, too_few);
        let requests = waited.unwrap().0.clone();
        assert!(
            requests.len() >= count,
            "never came: {count} requests: {requests:#?}"
        );
        requests
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the one that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

/// Takes connections until the end, and ends them then.
fn accept(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>, shared: &Arc<Shared>) {
    let mut serving = Vec::new();
    for stream in listener.incoming() {
        if shared.ended.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        shared
            .connections
            .lock()
            .unwrap()
            .push(stream.try_clone().unwrap());
        let number = shared.opened.fetch_add(1, Ordering::SeqCst);
        let (shared, tls) = (Arc::clone(shared), tls.cloned());
        serving.push(std::thread::spawn(move || {
            // What a client breaks off, a test sees in the requests.
            drop(match tls {
                None => serve(stream, number, &shared),
                Some(config) => ServerConnection::new(config)
                    .map_err(io::Error::other)
                    .and_then(|tls| serve(StreamOwned::new(tls, stream), number, &shared)),
            });
        }));
    }
    for stream in shared.connections.lock().unwrap().drain(..) {
        drop(stream.shutdown(Shutdown::Both));
    }
    for thread in serving {
        drop(thread.join());
    }
}

/// Answers the requests of one connection.
fn serve(stream: impl Read + Write, connection: usize, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream, connection, shared)? {
        let told = Arc::clone(&shared.told.lock().unwrap());
        shared.requests.lock().unwrap().push(request.clone());
        shared.more.notify_all();
        let answer = told(&request);
        if answer.silent {
            // Until the other side has enough of it, or the receiver ends.
            return stream.read_to_end(&mut Vec::new()).map(drop);
        }
        wait(answer.after, shared);
        match answer.pace {
            None => stream.get_mut().write_all(&answer.bytes)?,
            Some(pace) => trickle(stream.get_mut(), &answer.bytes, pace, shared)?,
        }
        stream.get_mut().flush()?;
        if !answer.keep {
            break;
        }
    }
    end(shared, connection);
    Ok(())
}

/// The head at once, and each byte of the body after a pause.
fn trickle(
    stream: &mut impl Write,
    bytes: &[u8],
    pace: Duration,
    shared: &Shared,
) -> io::Result<()> {
    let body = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = bytes.split_at(body.map_or(0, |at| at + 4));
    stream.write_all(head)?;
    for byte in body {
        wait(pace, shared);
        if shared.ended.load(Ordering::SeqCst) {
            break;
        }
        stream.write_all(&[*byte])?;
        stream.flush()?;
    }
    Ok(())
}

/// Ends a connection: a second handle to it is kept for the end of the receiver.
fn end(shared: &Shared, connection: usize) {
    if let Some(stream) = shared.connections.lock().unwrap().get(connection) {
        drop(stream.shutdown(Shutdown::Both));
    }
}

/// A delay that the end of the receiver cuts short.
fn wait(delay: Duration, shared: &Shared) {
    let until = Instant::now() + delay;
    while Instant::now() < until && !shared.ended.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(2).min(delay));
    }
}

/// The next request; none at the end of the connection.
fn read_request(
    stream: &mut impl BufRead,
    connection: usize,
    shared: &Shared,
) -> io::Result<Option<Request>> {
    let first = read_line(stream)?;
    let mut words = first.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        body: Vec::new(),
        connection,
        at: Instant::now(),
    };
    if request.header("transfer-encoding") == Some("chunked") {
        request.body = read_chunks(stream)?;
    } else if let Some(length) = request.header("content-length") {
        let length = length.parse().map_err(io::Error::other)?;
        let reads = Arc::clone(&shared.reads.lock().unwrap());
        request.body = read_body(stream, length, reads(&request), shared)?;
    }
    request.at = Instant::now();
    Ok(Some(request))
}

fn read_body(
    stream: &mut impl BufRead,
    length: usize,
    reading: Reading,
    shared: &Shared,
) -> io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    match reading {
        Reading::AtOnce => stream.read_exact(&mut body)?,
        Reading::Slowly(parts, pause) => {
            for part in body.chunks_mut(length.div_ceil(parts).max(1)) {
                wait(pause, shared);
                stream.read_exact(part)?;
            }
        }
        Reading::Never => {
            while !shared.ended.load(Ordering::SeqCst) {
                wait(Duration::from_millis(10), shared);
            }
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    Ok(body)
}

fn read_chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&read_line(stream)?, 16).map_err(io::Error::other)?;
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..])?;
        read_line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    line.truncate(line.trim_end().len());
    Ok(line)
}

fn tls_config(
    made: &CertifiedKey<rcgen::KeyPair>,
    client: Option<&CertificateDer<'static>>,
) -> Arc<ServerConfig> {
    let provider = Arc::new(crypto::ring::default_provider());
    let clients: Arc<dyn ClientCertVerifier> = match client {
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.clone()).unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .unwrap()
        }
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    Arc::new(config)
}
