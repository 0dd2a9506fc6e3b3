//! One connection to the broker: the socket, TLS and the handshake, all within a
//! bounded time.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use lapin::options::ConfirmSelectOptions;
use lapin::tcp::{RustlsConnector, RustlsConnectorConfig};
use lapin::uri::AMQPUri;
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::time::timeout;

use super::trouble::Trouble;

/// How long a broker may take to let us in, and to open a channel. A healthy one
/// needs milliseconds; a delivery waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an end in order may take. What is left of it then is cut.
const FAREWELL: Duration = Duration::from_secs(1);

/// Success, where a connection or a channel is closed (AMQP 0-9-1, 1.2).
const REPLY_SUCCESS: u16 = 200;

/// The authorities whose certificates are trusted.
pub(super) struct Roots(RustlsConnectorConfig);

impl Roots {
    /// Those of the system.
    pub(super) fn system() -> Result<Self, String> {
        let config = RustlsConnectorConfig::new_with_native_certs().map_err(|error| {
            format!(
                "the system has no certificates of authorities ({error}); install them \
                 (ca-certificates), or name a PEM file with `ca-file`"
            )
        })?;
        Ok(Self(config))
    }

    /// Those of the system and of this PEM file.
    pub(super) fn with_file(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let pem = std::fs::read(file)
            .map_err(|error| format!("`ca-file` {name} can't be read: {error}"))?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("`ca-file` {name} is no PEM: {error}"))?;
        if certificates.is_empty() {
            return Err(format!("`ca-file` {name} has no certificate in it"));
        }
        // A system without any is fine here: the file is what counts.
        let config = RustlsConnectorConfig::new_with_native_certs().unwrap_or_default();
        Ok(Self(config.with_parsable_certificates(certificates)))
    }
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    uri: AMQPUri,
    tls: Option<RustlsConnector>,
}

/// Without the URL, which has a password in it.
impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("host", &self.uri.authority.host)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

impl Connector {
    pub(super) const fn plain(uri: AMQPUri) -> Self {
        Self { uri, tls: None }
    }

    pub(super) fn with_tls(uri: AMQPUri, roots: Roots) -> Result<Self, String> {
        let tls = roots
            .0
            .connector_with_no_client_auth()
            .map_err(|error| format!("TLS can't be used: {error}"))?;
        Ok(Self {
            uri,
            tls: Some(tls),
        })
    }

    /// Connects and logs in.
    pub(super) async fn connect(&self) -> Result<Link, Trouble> {
        let socket = Socket::default();
        match timeout(PATIENCE, self.shake_hands(socket.clone())).await {
            Ok(Ok(connection)) => Ok(Link {
                connection: Arc::new(connection),
                socket,
            }),
            Ok(Err(error)) => Err(Trouble::connecting(&error)),
            Err(_) => {
                // Else a thread of the library would wait for ever.
                socket.cut();
                Err(Trouble::slow(
                    format!(
                        "no connection to the broker: it did not answer within {} s",
                        PATIENCE.as_secs()
                    ),
                    "see that the broker runs, and that host and port of the URL are right",
                ))
            }
        }
    }

    async fn shake_hands(&self, socket: Socket) -> lapin::Result<Connection> {
        let tls = self.tls.clone();
        let options = ConnectionProperties::default().with_connection_name("rustus".into());
        Connection::connector(
            self.uri.clone(),
            lapin::runtime::default_runtime()?,
            async move |uri: AMQPUri, runtime| {
                let opened = async {
                    let host = uri.authority.host.as_str();
                    let addresses = tokio::net::lookup_host((host, uri.authority.port)).await?;
                    let addresses: Vec<SocketAddr> = addresses.collect();
                    let stream = AsyncTcpStream::connect(&runtime, addresses).await?;
                    if let AsyncTcpStream::Plain(plain) = &stream {
                        socket.keep(plain.get_ref())?;
                    }
                    match &tls {
                        Some(tls) => stream.into_rustls(tls, host).await,
                        None => Ok(stream),
                    }
                };
                let late = || io::Error::from(io::ErrorKind::TimedOut);
                Ok(timeout(PATIENCE, opened).await.map_err(|_| late())??)
            },
            options,
        )
        .await
    }
}

/// A connection that was let in.
#[derive(Clone)]
pub(super) struct Link {
    connection: Arc<Connection>,
    socket: Socket,
}

impl Link {
    /// Whether it can be used, as far as is known.
    pub(super) fn is_alive(&self) -> bool {
        self.connection.status().connected()
    }

    /// A new channel.
    pub(super) async fn channel(&self) -> Result<Channel, Trouble> {
        match timeout(PATIENCE, self.connection.create_channel()).await {
            Ok(opened) => opened.map_err(|error| Trouble::on_channel(&error)),
            Err(_) => {
                // A broker that does not answer this answers nothing.
                self.socket.cut();
                Err(Trouble::slow(
                    format!(
                        "the broker opened no channel within {} s",
                        PATIENCE.as_secs()
                    ),
                    "see the broker's log",
                ))
            }
        }
    }

    /// A new channel on which the broker confirms.
    pub(super) async fn confirming_channel(&self) -> Result<Channel, Trouble> {
        let channel = self.channel().await?;
        let selected = channel.confirm_select(ConfirmSelectOptions::default());
        match timeout(PATIENCE, selected).await {
            Ok(selected) => selected.map_err(|error| Trouble::on_channel(&error))?,
            Err(_) => {
                self.socket.cut();
                return Err(Trouble::slow(
                    "the broker did not answer to confirm.select",
                    "see the broker's log",
                ));
            }
        }
        Ok(channel)
    }

    /// Ends it, in order if the broker takes part.
    pub(super) async fn close(self) {
        if self.is_alive() {
            let closed = self.connection.close(REPLY_SUCCESS, "OK".into());
            if let Ok(Ok(())) = timeout(FAREWELL, closed).await {
                return;
            }
        }
        self.socket.cut();
    }
}

/// Ends a channel, in order if the broker takes part.
pub(super) async fn close(channel: &Channel) {
    if !channel.status().connected() {
        return;
    }
    let closed = channel.close(REPLY_SUCCESS, "OK".into());
    if let Ok(Err(error)) = timeout(FAREWELL, closed).await {
        tracing::debug!(%error, "a channel to the broker did not close in order");
    }
}

/// A second hand on a connection's socket: the library has no way to end a
/// connection whose other side is silent.
#[derive(Clone, Default)]
struct Socket(Arc<Mutex<Option<TcpStream>>>);

impl Socket {
    fn keep(&self, stream: &tokio::net::TcpStream) -> io::Result<()> {
        let second = TcpStream::from(stream.as_fd().try_clone_to_owned()?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(second);
        Ok(())
    }

    fn cut(&self) {
        let socket = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = socket.map(|socket| socket.shutdown(Shutdown::Both)) {
            tracing::debug!(%error, "a connection to the broker was closed already");
        }
    }
}
