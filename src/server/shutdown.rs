//! How the server stops.

use std::future::Future;
use std::io;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{SignalKind, signal as on};
use tokio::time::timeout;

use super::in_flight::InFlight;

/// How long running requests may take to end by themselves. An upload that is
/// cut off goes on elsewhere, so there is no need to wait for large ones; with
/// the two below it stays under the 30 s that orchestrators give.
const REQUESTS: Duration = Duration::from_secs(15);

/// How long it may take to store what came of the bodies that were cut off.
const BODIES: Duration = Duration::from_secs(5);

/// How long the last answers may travel.
pub(super) const CONNECTIONS: Duration = Duration::from_secs(5);

/// Resolves at SIGTERM or SIGINT. From now on they do not end the process.
pub(super) fn signal() -> io::Result<impl Future<Output = &'static str>> {
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// Waits for `stop`, then ends what is in flight, then the server.
pub(super) async fn drain_on(
    stop: impl Future<Output = &'static str>,
    in_flight: InFlight,
    server: ServerHandle,
) {
    let signal = stop.await;
    tracing::info!(signal, "stopping");
    server.pause().await;
    if timeout(REQUESTS, in_flight.ended()).await.is_err() {
        in_flight.cut().cancel();
        if timeout(BODIES, in_flight.ended()).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
    }
    in_flight.hang_up().cancel();
    server.stop(true).await;
    tracing::info!("stopped");
}
