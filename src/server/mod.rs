//! HTTP: connections, limits, shutdown. What is asked and answered is decided
//! below, in [`crate::tus`].
//!
//! What holds:
//! - Whatever changes an upload runs to its end in a task of its own, also when
//!   the client is gone and the HTTP library has dropped its request.
//! - A body is passed on as it comes; nobody waits for its end.
//! - A stop lets running requests end for a while, then cuts their bodies off.
//!   What came is stored before the process ends.

mod body;
mod connection;
mod expect;
mod handler;
mod in_flight;
mod shutdown;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, web};
use tokio::net::{TcpSocket, TcpStream};

use crate::tus::Tus;
use connection::Connection;
use handler::Service;
use in_flight::InFlight;

/// How long a connection may stay silent between two requests. Chunked clients
/// think for a moment between chunks; proxies keep theirs for about a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long an answer that came before the end of a body may travel while the
/// rest of the body is read and thrown away. A reset any earlier could destroy
/// the answer on its way.
const LINGER: Duration = Duration::from_secs(5);

/// Connections that may wait to be accepted: as many as the system's own default
/// limit on it allows on most machines. The standard library's 128 makes clients
/// of a burst wait a second for their second try.
const BACKLOG: u32 = 4096;

/// Where to listen, and with how many threads.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// A name or an address.
    pub host: String,
    /// 0 for any that is free.
    pub port: u16,
    /// Threads that serve; `None` for one each processor.
    pub workers: Option<usize>,
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {host}:{port}")]
pub struct BindError {
    host: String,
    port: u16,
    source: io::Error,
}

/// A server that has its port and does not serve yet.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the port. Waits for the name of the host to be looked up.
    ///
    /// # Errors
    /// The host is unknown or the port is in use.
    pub async fn bind(config: ServerConfig) -> Result<Self, BindError> {
        match listen(&config).await {
            Ok((listener, address)) => Ok(Self {
                config,
                listener,
                address,
            }),
            Err(source) => Err(BindError {
                host: config.host,
                port: config.port,
                source,
            }),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGTERM or SIGINT, then stops as the module says.
    ///
    /// # Errors
    /// The operating system refused the threads or the signals.
    pub async fn run(self, tus: Tus) -> io::Result<()> {
        let stop = shutdown::signal()?;
        self.run_until(stop, tus).await
    }

    /// Serves until `stop`, which gives its reason.
    async fn run_until(self, stop: impl Future<Output = &'static str>, tus: Tus) -> io::Result<()> {
        let in_flight = InFlight::default();
        let service = web::Data::new(Service::new(tus, in_flight.clone()));
        let connections = in_flight.clone();
        let mut server = actix_web::dev::Server::build()
            .shutdown_timeout(shutdown::CONNECTIONS.as_secs())
            .disable_signals();
        if let Some(workers) = self.config.workers {
            server = server.workers(workers);
        }
        let address = self.address;
        let server = server
            .listen("http", self.listener, move || {
                let connections = connections.clone();
                let expected = service.clone().into_inner();
                let app = App::new()
                    .app_data(service.clone())
                    .default_service(web::to(handler::handle));
                fn_service(move |io| accept(io, connections.clone())).and_then(
                    HttpService::build()
                        .keep_alive(KEEP_ALIVE)
                        .client_disconnect_timeout(LINGER)
                        .local_addr(address)
                        .on_connect_ext(|connection: &Connection<TcpStream>, data| {
                            data.insert(connection.gate().clone());
                        })
                        .expect(fn_service(move |request| {
                            expect::go_on(request, Arc::clone(&expected))
                        }))
                        .h1(map_config(app, |()| AppConfig::default())),
                )
            })?
            .run();
        let handle = server.handle();
        let drained = shutdown::drain_on(stop, in_flight, handle);
        tracing::info!(address = %self.address, "listening");
        let (served, ()) = futures_util::join!(server, drained);
        served
    }
}

/// Listens on the first address of the host that can be had.
async fn listen(config: &ServerConfig) -> io::Result<(TcpListener, SocketAddr)> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in tokio::net::lookup_host((config.host.as_str(), config.port)).await? {
        match listen_on(address) {
            Ok(listener) => {
                let address = listener.local_addr()?;
                return Ok((listener, address));
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart need not wait for the connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

type Accepted = (Connection<TcpStream>, Option<SocketAddr>);

async fn accept(io: TcpStream, in_flight: InFlight) -> Result<Accepted, DispatchError> {
    // Answers are small and wait for nothing.
    io.set_nodelay(true).map_err(DispatchError::Io)?;
    let peer = io.peer_addr().ok();
    Ok((Connection::new(io, in_flight.hang_up()), peer))
}
