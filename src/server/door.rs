//! How a connection begins: the handshake of TLS, then the version of HTTP.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{Service as _, ServiceFactory, fn_factory, fn_service};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::connection::Connection;
use super::expect;
use super::gate::HEAD;
use super::handler::Service;
use super::http1::{self, Origin};
use super::http2;
use super::in_flight::InFlight;
use super::transport::Transport;
use super::{KEEP_ALIVE, LINGER};

/// What every connection needs; each thread has a clone.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) service: Arc<Service>,
    pub(super) in_flight: InFlight,
    pub(super) tls: Option<TlsAcceptor>,
    /// How long a client may take nothing of an answer.
    pub(super) patience: Option<Duration>,
}

impl Door {
    /// Serves whatever comes over accepted sockets, on one thread.
    pub(super) fn open<I>(
        self,
    ) -> impl ServiceFactory<I, Config = (), Response = (), Error = (), InitError = ()>
    where
        I: Into<Transport> + 'static,
    {
        let (service, expected) = (Arc::clone(&self.service), Arc::clone(&self.service));
        let http1 = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD)
            .client_disconnect_timeout(LINGER)
            .on_connect_ext(|connection: &Connection<Transport>, data| {
                data.insert(Origin {
                    gate: connection.gate().clone(),
                    secure: connection.transport().is_secure(),
                    peer: connection.transport().peer(),
                });
            })
            .expect(fn_service(move |request| {
                expect::go_on(request, Arc::clone(&expected))
            }))
            .h1(fn_service(move |request| {
                http1::handle(request, Arc::clone(&service))
            }));
        fn_factory(move || {
            let http1 = http1.new_service(());
            let door = self.clone();
            async move {
                let http1 = Rc::new(http1.await.map_err(|_| ())?);
                Ok(fn_service(move |io: I| {
                    let (http1, door) = (Rc::clone(&http1), door.clone());
                    async move {
                        let Some(mut connection) = door.receive(io.into()).await else {
                            return Ok(());
                        };
                        match door.is_http2(&mut connection).await {
                            // Boxed, or every connection had room for it.
                            Some(true) => Box::pin(door.serve_http2(connection)).await,
                            // How it ends is the client's business.
                            Some(false) => {
                                connection.follow_http1();
                                drop(http1.call((connection, None)).await);
                            }
                            None => {}
                        }
                        Ok(())
                    }
                }))
            }
        })
    }

    /// The connection, encrypted if it is to be; `None` if that fails.
    async fn receive(&self, transport: Transport) -> Option<Connection<Transport>> {
        if let Transport::Tcp(stream) = &transport {
            // Answers are small and wait for nothing.
            stream.set_nodelay(true).ok()?;
        }
        let transport = match (transport, &self.tls) {
            (Transport::Tcp(stream), Some(tls)) => {
                // Boxed, or it kept its room for as long as the connection lasts.
                let handshake = Box::pin(tls.accept(stream));
                let handshake = tokio::select! {
                    done = timeout(HEAD, handshake) => done.ok()?,
                    () = self.in_flight.hang_up().cancelled() => return None,
                };
                match handshake {
                    Ok(stream) => Transport::Tls(Box::new(stream)),
                    Err(error) => {
                        tracing::debug!(%error, "a TLS handshake failed");
                        return None;
                    }
                }
            }
            (transport, _) => transport,
        };
        let hang_up = self.in_flight.hang_up();
        Some(Connection::new(transport, hang_up, self.patience))
    }

    /// Which version is spoken; `None` if it takes the client too long to say.
    async fn is_http2(&self, connection: &mut Connection<Transport>) -> Option<bool> {
        if connection.transport().is_secure() {
            return Some(connection.transport().agreed_on_http2());
        }
        timeout(HEAD, connection.begins_with_http2())
            .await
            .ok()?
            .ok()
    }

    async fn serve_http2(&self, connection: Connection<Transport>) {
        let client = http2::Client {
            peer: connection.transport().peer(),
            secure: connection.transport().is_secure(),
            patience: self.patience,
        };
        let stopping = self.in_flight.stopping().clone();
        http2::serve(connection, client, Arc::clone(&self.service), stopping).await;
    }
}
