//! HTTP: connections, limits, shutdown. What is asked and answered is decided
//! below, in [`crate::tus`].
//!
//! What holds:
//! - Whatever changes an upload runs to its end in a task of its own, also when
//!   the client is gone and the HTTP library has dropped its request.
//! - A body is passed on as it comes; nobody waits for its end.
//! - Nobody holds a connection or a lock by silence: heads, bodies, answers and
//!   pauses have their time.
//! - A stop lets running requests end for a moment, then cuts their bodies off.
//!   What came is stored before the process ends.

mod admin;
mod body;
mod bypass;
mod chunked;
mod connection;
mod cors;
mod counts;
mod door;
mod expect;
mod framing;
mod gate;
mod handler;
mod health;
mod http1;
mod http2;
mod in_flight;
mod listener;
mod proxy;
mod shutdown;
mod span;
#[cfg(test)]
mod tests;
mod tls;
mod transport;

pub use admin::AdminConfig;
pub use cors::CorsConfig;
pub use listener::Listen;
pub use shutdown::Budget;
pub use tls::{TlsError, TlsFiles};

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::plugins::Control;
use crate::tus::Tus;
use admin::{Admin, Seen};
use counts::Counts;
use door::Door;
use handler::{Rules, Service};
use in_flight::InFlight;
use listener::{Listener, SocketFile};
use tls::Tls;

/// Threads for what blocks on the disk, all workers together. A disk seldom does
/// more at a time, and each thread that was ever used costs some twenty KiB: the
/// library's 512 would be a good part of what a thousand uploads need.
const BLOCKING_THREADS: usize = 128;

/// What each worker has at the least, however many there are.
const LEAST_BLOCKING_THREADS: usize = 8;

/// How long a connection may stay silent between two requests. Chunked clients
/// think for a moment between chunks; proxies keep theirs for about a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long an answer that came before the end of a body may travel while the
/// rest of the body is read and thrown away. A reset any earlier could destroy
/// the answer on its way.
const LINGER: Duration = Duration::from_secs(5);

/// Files that a connection needs open: itself and the upload that it writes.
const FILES_A_CONNECTION: u64 = 2;

/// Files for everything else: modules, caches, libraries, the log.
const OTHER_FILES: u64 = 256;

/// Where to listen, with what, and how clients are treated.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where to listen.
    pub listen: Listen,
    /// Threads that serve; `None` for one each processor.
    pub workers: Option<usize>,
    /// Connections at a time; more wait to be accepted. Each thread takes its
    /// share of it, and at least one.
    pub max_connections: usize,
    /// How long a body may send nothing, and a client may take nothing of an
    /// answer; without limit if `None`.
    pub read_timeout: Option<Duration>,
    /// How long a stop may take, notifications included.
    pub shutdown_timeout: Duration,
    /// The certificate, to speak TLS and nothing else.
    pub tls: Option<TlsFiles>,
    /// Which websites may use the server.
    pub cors: CorsConfig,
    /// Whether a proxy in front is believed.
    pub behind_proxy: bool,
    /// Whether requests for the health of the server are logged.
    pub log_health: bool,
    /// Where operators look, if anywhere.
    pub admin: Option<AdminConfig>,
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address cannot be had.
    #[error("cannot listen on {listen}")]
    Listen {
        /// Where.
        listen: Listen,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The address for operators cannot be had.
    #[error("cannot listen on {host}:{port}, the admin address")]
    Admin {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that has its port and does not serve yet.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    listener: Listener,
    /// Where it listens, as the log says it.
    address: String,
    socket_file: Option<SocketFile>,
    tls: Option<Tls>,
    admin: Option<Admin>,
}

impl Server {
    /// Reads the certificate and takes the port. Waits for the name of the host
    /// to be looked up.
    ///
    /// # Errors
    /// The certificate cannot be used; the host is unknown; the port is in use.
    pub async fn bind(config: ServerConfig) -> Result<Self, BindError> {
        let tls = config.tls.clone().map(Tls::load).transpose()?;
        let taken = match &config.listen {
            Listen::Tcp { host, port } => listener::tcp(host, *port)
                .await
                .map(|(socket, address)| (Listener::Tcp(socket), address.to_string(), None)),
            Listen::Unix(path) => listener::unix(path).map(|(socket, file)| {
                (
                    Listener::Unix(socket),
                    config.listen.to_string(),
                    Some(file),
                )
            }),
        };
        match taken {
            Ok((listener, address, socket_file)) => Ok(Self {
                admin: bind_admin(config.admin.as_ref()).await?,
                config,
                listener,
                address,
                socket_file,
                tls,
            }),
            Err(source) => Err(BindError::Listen {
                listen: config.listen,
                source,
            }),
        }
    }

    /// Where it listens: an address with the port that is really used, or
    /// `unix:` and a path.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Serves until SIGTERM or SIGINT, then ends what runs. Gives what is left
    /// of the time for that. `control` is what operators switch plugins with.
    ///
    /// # Errors
    /// The operating system refused sockets, threads or signals.
    pub async fn run(self, tus: Tus, control: Option<Control>) -> io::Result<Budget> {
        let file = self.socket_file.clone();
        let stop = shutdown::signal(move || {
            if let Some(file) = file {
                file.remove();
            }
        })?;
        self.run_until(stop, tus, control).await
    }

    /// Serves until `stop`, which gives its reason.
    async fn run_until(
        mut self,
        stop: impl Future<Output = &'static str>,
        tus: Tus,
        control: Option<Control>,
    ) -> io::Result<Budget> {
        allow_files(self.config.max_connections);
        let in_flight = InFlight::default();
        let requests = Arc::new(Counts::default());
        let admin = match self.admin.take() {
            Some(admin) => Some(admin.serve(Seen {
                tus: tus.clone(),
                requests: Arc::clone(&requests),
                control,
            })?),
            None => None,
        };
        let door = self.door(tus, in_flight.clone(), requests);
        let workers = self
            .config
            .workers
            .unwrap_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get));
        let builder = actix_web::dev::Server::build()
            .workers(workers)
            .max_concurrent_connections((self.config.max_connections / workers).max(1))
            .worker_max_blocking_threads((BLOCKING_THREADS / workers).max(LEAST_BLOCKING_THREADS))
            .shutdown_timeout(self.config.shutdown_timeout.as_secs().max(1))
            .disable_signals();
        let server = match self.listener {
            Listener::Tcp(socket) => builder.listen("http", socket, move || door.clone().open()),
            Listener::Unix(socket) => {
                builder.listen_uds("http", socket, move || door.clone().open())
            }
        }?
        .run();
        let budget = Budget::new(self.config.shutdown_timeout);
        let stopping = in_flight.stopping().clone();
        let stopped = shutdown::drain_on(stop, in_flight, server.handle(), budget);
        tokio::pin!(stopped);
        let certificate = async {
            match &self.tls {
                Some(tls) => tls.watch().await,
                None => std::future::pending().await,
            }
        };
        tracing::info!(address = %self.address, tls = self.tls.is_some(), "listening");
        let result = tokio::select! {
            biased;
            // It is done before the server only when that did not end in time.
            budget = &mut stopped => Ok(budget),
            served = server => match served {
                Ok(()) if stopping.is_cancelled() => Ok(stopped.await),
                served => served.and(Err(io::Error::other("the server ended by itself"))),
            },
            never = certificate => match never {},
        };
        if let Some(admin) = admin {
            admin.stop().await;
        }
        if let Some(file) = self.socket_file {
            file.remove();
        }
        result
    }

    fn door(&self, tus: Tus, in_flight: InFlight, requests: Arc<Counts>) -> Door {
        let rules = Rules {
            cors: self.config.cors.clone(),
            behind_proxy: self.config.behind_proxy,
            log_health: self.config.log_health,
            read_timeout: self.config.read_timeout,
        };
        Door {
            service: Arc::new(Service::new(tus, in_flight.clone(), rules, requests)),
            in_flight,
            tls: self.tls.as_ref().map(Tls::acceptor),
            patience: self.config.read_timeout,
        }
    }
}

async fn bind_admin(config: Option<&AdminConfig>) -> Result<Option<Admin>, BindError> {
    let Some(config) = config else {
        return Ok(None);
    };
    Admin::bind(config)
        .await
        .map_err(|source| BindError::Admin {
            host: config.host.clone(),
            port: config.port,
            source,
        })
}

/// Takes as many open files as the system gives: the limit that a process
/// starts with is there for programs that cannot handle more.
fn allow_files(connections: usize) {
    let wanted = connections as u64 * FILES_A_CONNECTION + OTHER_FILES;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let possible = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    limit.current = Some(possible);
    let raised = setrlimit(Resource::Nofile, limit).is_ok();
    if !raised || possible < wanted {
        tracing::warn!(
            wanted,
            possible,
            "--max-connections needs more open files than the system allows; raise `ulimit -n` or lower it"
        );
    }
}
