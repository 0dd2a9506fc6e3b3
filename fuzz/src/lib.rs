//! What of the server reads the input of strangers, compiled alone, and what
//! must hold of it for any input.
//!
//! The modules are the server's own files. Around them stands only what they
//! need, so that nobody waits for the WASM engine and the HTTP server to be
//! built with counters in them.

// Not everything in the files is used here.
#![allow(dead_code, unused_imports, missing_docs)]

pub mod checks;
mod hooks;
mod plugins;
mod server;
mod store;
mod tus;
mod uploads;
