//! The sink `http`: what services see, and what their answers do.

mod failures;
mod grants;
mod notifications;
mod several;
mod wire;

use crate::harness::receiver::Receiver;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

/// What a client is told when nobody could be asked.
const NOT_CHECKED: &str = "The request could not be checked. Try again later.";

/// A setup that asks and tells these. Attempts take as long as a slow machine
/// needs, unless a test says otherwise.
fn posting_to(receivers: &[&Receiver]) -> Setup {
    let urls: Vec<_> = receivers
        .iter()
        .map(|receiver| receiver.url("/hooks"))
        .collect();
    Setup::new()
        .arguments(&["--hooks-http-urls", &urls.join(",")])
        .arguments(&["--http-hook-timeout", "60"])
        .arguments(&["--hooks-http-backoff", "10ms"])
}

fn start(setup: &Setup) -> (Server, Tus) {
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}
