//! This program once more, as the server that decides in another way.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Face, Server, data_folder};
use crate::child::{Running, free_address};
use crate::place::Place;
use crate::stand_in::Decider;

pub(super) fn start(place: &Place, folder: &Path, decider: Decider) -> Result<Server> {
    let service = match decider {
        Decider::Http => Some(start_service(place)?),
        Decider::None | Decider::Command => None,
    };
    let data = data_folder(folder)?;
    let address = free_address()?;
    let mut command = ourselves()?;
    command
        .args(["stand-in", "--port", &address.port().to_string()])
        .args(["--decider", decider.argument()])
        .arg("--data-dir")
        .arg(&data);
    if let Some(service) = &service {
        command.args(["--service", &format!("http://{}/", service.address())]);
    }
    let running = Running::start(&mut command, address, folder)?;
    let mut server = Server::new(running, data, Face::Tus);
    server.service = service;
    Ok(server)
}

fn start_service(place: &Place) -> Result<Running> {
    let folder = place.folder("service")?;
    let address = free_address()?;
    let mut command = ourselves()?;
    command.args(["hook-service", "--port", &address.port().to_string()]);
    Running::start(&mut command, address, &folder)
}

fn ourselves() -> Result<Command> {
    Ok(Command::new(
        env::current_exe().context("this program has no path")?,
    ))
}
