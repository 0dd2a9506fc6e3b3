//! The client of one grant.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use thread_local::ThreadLocal;
use tokio_rustls::rustls::ClientConfig;

use super::networks::Networks;
use super::resolver::Resolver;
use super::servers::Servers;
use super::{HttpGrant, failure, tls};

/// How long a connection may take, whatever a guest asks for: as long as a packet
/// that is lost three times. The wall time of the call may end it sooner.
const CONNECT: Duration = Duration::from_secs(10);

/// What sends the requests of one generation.
pub(in crate::plugins) struct Client {
    servers: Arc<Servers>,
    resolver: Arc<Resolver>,
    tls: ClientConfig,
    /// Made when a thread sends its first request. Each connection belongs to the
    /// thread that opened it, so that nothing is handed over; connections of a thread
    /// that has ended are found closed by the next one in its place.
    of_threads: ThreadLocal<reqwest::Client>,
    max_response: u64,
}

impl Client {
    /// Connects to nothing yet.
    pub(in crate::plugins::capability) fn new(grant: &HttpGrant) -> Result<Self, String> {
        let servers = Arc::new(Servers::parse(&grant.servers)?);
        let networks = Networks::parse(&grant.networks)?;
        if !(1..=1024 * 1024).contains(&grant.max_response_kib) {
            return Err("`max-response-kib` must be between 1 and 1048576".to_owned());
        }
        let client = Self {
            resolver: Arc::new(Resolver::new(Arc::clone(&servers), networks)),
            tls: tls::config(grant.ca_file.as_deref(), &servers)?,
            servers,
            of_threads: ThreadLocal::new(),
            max_response: u64::from(grant.max_response_kib) * 1024,
        };
        // What is wrong is found out here and not by the first call.
        client.make()?;
        Ok(client)
    }

    /// Whether the grant names it.
    pub(super) fn allows(&self, url: &Url) -> bool {
        self.servers.allows(url)
    }

    /// Bytes that the body of an answer may have.
    pub(super) const fn max_response(&self) -> u64 {
        self.max_response
    }

    /// What sends from here, which is a thread of a runtime with I/O.
    pub(super) fn of_this_thread(&self) -> Result<reqwest::Client, String> {
        self.of_threads.get_or_try(|| self.make()).cloned()
    }

    fn make(&self) -> Result<reqwest::Client, String> {
        reqwest::Client::builder()
            // Only the grant says where requests go.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .user_agent(concat!("rustus/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::clone(&self.resolver))
            .build()
            .map_err(|error| failure::in_full(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers every request on every connection, and ends with its last client.
    fn serve(listener: &TcpListener, connections: usize) {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            thread::spawn(move || {
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                    if line == "\r\n" {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer).unwrap();
                    }
                    line.clear();
                }
            });
        }
    }

    #[test]
    fn a_thread_in_the_place_of_one_that_has_ended_opens_a_connection_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::new(&HttpGrant::of(vec![server.clone()])).unwrap();
        thread::scope(|scope| {
            // One connection for each of the threads below, and no more.
            scope.spawn(|| serve(&listener, 3));
            for _ in 0..3 {
                let requests = scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .unwrap();
                    let client = client.of_this_thread().unwrap();
                    for _ in 0..5 {
                        let sent = runtime.block_on(client.get(&server).send());
                        assert_eq!(sent.unwrap().status(), 200);
                    }
                });
                requests.join().unwrap();
            }
        });
    }
}
