//! `@tus/server` with `@tus/file-store`: the reference server of tus.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Face, Server, ask, data_folder};
use crate::child::{Running, free_address};
use crate::place::Place;

pub(super) fn missing(place: &Place) -> Option<String> {
    if let Err(error) = ask("node", "--version") {
        return Some(format!("{error:#}"));
    }
    let package = place.programs().peer.join("node_modules/@tus/server");
    if !package.is_dir() {
        return Some("its packages are not installed (npm ci)".to_owned());
    }
    None
}

pub(super) fn start(place: &Place, folder: &Path) -> Result<Server> {
    let data = data_folder(folder)?;
    let address = free_address()?;
    let mut command = Command::new("node");
    command
        .arg(place.programs().peer.join("server.mjs"))
        .arg(address.port().to_string())
        .arg(&data)
        .env("NODE_ENV", "production");
    let running = Running::start(&mut command, address, folder)?;
    Ok(Server::new(running, data, Face::Tus))
}
