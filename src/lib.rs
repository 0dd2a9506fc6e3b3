//! `rustus`: a resumable-upload server (tus 1.0) whose hooks are sandboxed
//! WebAssembly modules.
//!
//! `counters` and `tracing_context` are below all of them. A request passes through the layers in this order, and each knows only
//! those below it.

pub mod cli;
pub mod commands;
pub mod counters;
pub mod hooks;
pub mod oci;
pub mod plugins;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod templates;
pub mod tracing_context;
pub mod tus;
pub mod uploads;
