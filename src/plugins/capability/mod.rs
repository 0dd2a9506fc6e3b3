//! What the host lends to guests, one file for each interface of `wit/host.wit`.

mod config;
mod log;

pub(super) use config::PluginConfig;
