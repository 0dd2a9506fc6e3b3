//! The admin address: metrics, plugins and the outbox, for operators.
//!
//! A listener of its own, on 127.0.0.1 unless it is told otherwise; nothing of
//! it is served at the address of uploads. There are no users and no passwords:
//! who reaches the address may look and may switch plugins. What a browser was
//! made to send is refused (`guard`), and no value of a configuration is shown.

mod guard;
mod metrics;
mod page;
mod problem;
mod routes;
mod view;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::rt;
use tokio::task::JoinHandle;

use super::counts::Counts;
use super::listener;
use crate::hooks::Hooks;
use crate::plugins::Control;
use crate::tus::Tus;

/// Connections at a time. A scraper, an operator and a script are three.
const CONNECTIONS: usize = 64;

/// Where the admin interface is, and for whom.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// A name or an address.
    pub host: String,
    /// 0 for any that is free.
    pub port: u16,
    /// Whether somebody chose the address: if not, and it is taken, the server
    /// does without.
    pub chosen: bool,
    /// Names, besides `localhost` and the host, by which it may be asked.
    pub names: Vec<String>,
}

/// The admin interface when it has its port and does not serve yet.
#[derive(Debug)]
pub(super) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    names: Vec<String>,
}

/// What the interface shows and changes.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) tus: Tus,
    pub(super) requests: Arc<Counts>,
    pub(super) control: Option<Control>,
}

impl Seen {
    fn hooks(&self) -> &Hooks {
        self.tus.uploads().hooks()
    }
}

/// The admin interface while it serves.
#[derive(Debug)]
pub(super) struct Serving {
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Admin {
    /// Takes the port; `None` if nobody chose it and it cannot be had.
    pub(super) async fn bind(config: &AdminConfig) -> io::Result<Option<Self>> {
        let AdminConfig { host, port, .. } = config;
        match listener::tcp(host, *port).await {
            Ok((listener, address)) => {
                let mut names = config.names.clone();
                names.push(host.clone());
                Ok(Some(Self {
                    listener,
                    address,
                    names,
                }))
            }
            Err(error) if !config.chosen => {
                tracing::warn!(
                    address = format!("{host}:{port}"),
                    %error,
                    "the admin address cannot be had, so there are no metrics; choose another with \
                     --admin-addr (RUSTUS_ADMIN_ADDR), or `off`"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Serves until [`Serving::stop`].
    pub(super) fn serve(self, seen: Seen) -> io::Result<Serving> {
        let seen = Arc::new(seen);
        let names: Arc<[String]> = self.names.into();
        let server = actix_web::HttpServer::new(move || {
            let (seen, names) = (Arc::clone(&seen), Arc::clone(&names));
            routes::app(seen, names)
        })
        .workers(1)
        .max_connections(CONNECTIONS)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(self.listener)?
        .run();
        tracing::info!(address = %self.address, "metrics and plugins at the admin address");
        Ok(Serving {
            handle: server.handle(),
            task: rt::spawn(server),
        })
    }
}

impl Serving {
    /// Ends it; answers that are under way may end for a second.
    pub(super) async fn stop(self) {
        self.handle.stop(true).await;
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the admin interface failed"),
            Err(error) => tracing::error!(%error, "the admin interface's task did not end"),
        }
    }
}
