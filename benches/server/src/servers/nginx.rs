//! nginx with its module for WebDAV: the fastest common way to put a body into
//! a file.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Face, Server, ask, data_folder};
use crate::child::{Running, free_address};
use crate::place::Place;

/// How much of a body a worker collects before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Buffer {
    /// 16 KiB: what nginx has when nobody says anything.
    Default,
    /// As much as rustus collects.
    Large,
}

pub(super) fn missing() -> Option<String> {
    match ask("nginx", "-V") {
        Err(error) => Some(format!("{error:#}")),
        Ok(built) if !built.contains("http_dav_module") => {
            Some("it was built without http_dav_module".to_owned())
        }
        Ok(_) => None,
    }
}

pub(super) fn start(place: &Place, buffer: Buffer) -> Result<Server> {
    let folder = place.folder("nginx")?;
    let data = data_folder(&folder)?;
    let address = free_address()?;
    let configuration = folder.join("nginx.conf");
    fs::write(
        &configuration,
        configured(&folder, &data, buffer, &address.to_string()),
    )
    .context("cannot write nginx.conf")?;
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(&folder)
        .arg("-c")
        .arg(&configuration)
        .args(["-e", "stderr"]);
    let running = Running::start(&mut command, address, &folder)?;
    Ok(Server::new(running, data, Face::Put))
}

fn configured(folder: &Path, data: &Path, buffer: Buffer, address: &str) -> String {
    // Workers of root would be somebody who may not write here.
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let buffer = match buffer {
        Buffer::Default => "",
        Buffer::Large => "client_body_buffer_size 256k;",
    };
    let (folder, data) = (folder.display(), data.display());
    format!(
        "{user}
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_max_body_size 0;
    {buffer}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address};
        root {data};
        location / {{
            dav_methods PUT;
        }}
    }}
}}
"
    )
}
