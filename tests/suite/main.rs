//! What the server promises, tried on the built binary over real sockets.
//!
//! `./x test` builds what this needs (guests, clients) and runs it. Where a
//! test repeats something many times, CI runs a share of it and `./x soak` all.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod admin;
mod bad_input;
mod behind_proxy;
mod breaker;
mod browser;
mod checked_chunks;
mod checksum_trailer;
mod clients;
mod command_hooks;
mod cors;
mod crashes;
mod decisions;
mod delivery;
mod documentation;
mod documented_code;
mod documented_commands;
mod durability;
mod encryption;
mod expiring;
mod export;
mod faults;
mod harness;
mod health;
mod hostile_guests;
mod languages;
mod logs;
mod manifests;
mod many_uploads;
mod model;
mod mutated_modules;
mod newcomer;
mod notifications;
mod oci;
mod outbox;
mod protocol;
mod reading;
mod reload;
mod request_headers;
mod secrets;
mod services;
mod sink_amqp;
mod sink_grpc;
mod sink_http;
mod sink_kafka;
mod stopping;
mod takeover;
mod time_outs;
mod toolbox;
mod torn_bodies;
mod traces;
