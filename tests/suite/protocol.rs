//! tus 1.0: one file for each part of the protocol, one test for each row of the
//! checklist of its requirements, named after the row's id.

mod concatenation;
mod core_rules;
mod creation;
mod downloads;
mod extensions;
mod head;
mod options;
mod patch;
mod termination;

use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

fn start(arguments: &[&str]) -> (Server, Tus) {
    let server = Setup::new().arguments(arguments).start();
    let tus = Tus::new(server.files());
    (server, tus)
}
