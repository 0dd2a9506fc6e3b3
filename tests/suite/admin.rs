//! The admin address: what operators see, and what they may switch.

mod delivery_errors;
mod documented;
mod metrics;
mod plugins;
mod who_may_ask;

use crate::harness::admin::Admin;
use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

/// A server with the plugin `refuse-meme` as `rule`, a client, an operator.
fn with_a_rule() -> (Server, Tus, Admin) {
    let setup = Setup::new().with_hooks().with_admin();
    install(&setup.hooks_dir(), "refuse-meme", "rule");
    start(&setup)
}

fn start(setup: &Setup) -> (Server, Tus, Admin) {
    let server = setup.start();
    let (tus, admin) = (Tus::new(server.files()), Admin::of(&server));
    (server, tus, admin)
}

const PEPE: [(&str, &str); 1] = [("meme", "pepe")];
