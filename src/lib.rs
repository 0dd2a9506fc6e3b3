//! `rustus`: a resumable-upload server (tus 1.0) whose hooks are sandboxed
//! WebAssembly modules.
//!
//! A request passes through the layers in this order, and each knows only
//! those below it.

pub mod cli;
pub mod commands;
pub mod hooks;
pub mod plugins;
pub mod server;
pub mod store;
pub mod templates;
pub mod tus;
pub mod uploads;
