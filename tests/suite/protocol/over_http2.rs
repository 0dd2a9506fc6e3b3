//! The protocol over HTTP/2, without TLS.

use super::*;

fn setup() -> Setup {
    Transport::Http2.setup()
}

fn client(server: &Server) -> Tus {
    Transport::Http2.client(server)
}

fn start(arguments: &[&str]) -> (Server, Tus) {
    let server = setup().arguments(arguments).start();
    let tus = client(&server);
    (server, tus)
}

#[path = "checksum.rs"]
mod checksum;
#[path = "concatenation.rs"]
mod concatenation;
#[path = "core_rules.rs"]
mod core_rules;
#[path = "creation.rs"]
mod creation;
#[path = "deferred_length.rs"]
mod deferred_length;
#[path = "downloads.rs"]
mod downloads;
#[path = "expiration.rs"]
mod expiration;
#[path = "extensions.rs"]
mod extensions;
#[path = "head.rs"]
mod head;
#[path = "options.rs"]
mod options;
#[path = "patch.rs"]
mod patch;
#[path = "termination.rs"]
mod termination;
#[path = "unfinished_parts.rs"]
mod unfinished_parts;
